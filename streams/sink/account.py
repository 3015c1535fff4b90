"""All that goes to one Brevo account: which way each command takes, and what becomes of requests that failed."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import msgspec

from connectors.brevo.account import MOST_CATEGORIES, MOST_ORDERS, MOST_PRODUCTS
from connectors.brevo.errors import AccountPaused, BrevoError, NotAccepted, RateLimited, StreamPaused
from connectors.brevo.limits import Snapshot
from connectors.clock import Clock
from streams.sink.commerce import Commerce
from streams.sink.contacts import Contacts
from streams.sink.events import Events
from streams.sink.gates import Gates
from streams.sink.imports import Imports
from streams.sink.items import Item
from streams.sink.journal import Journal
from streams.sink.lanes import Lanes
from streams.sink.ledger import Ledger
from streams.sink.settings import Destination, Timings
from streams.sink.stations import Collector, Workers
from streams.store import Store

STREAMS = ("contacts", "imports", "orders", "events", "lookups", "products", "categories")
_LARGEST_BATCH = 4 << 20  # bytes of commands in one request of orders or products
_LIMITS = "limits"
Spawn = Callable[[Coroutine[Any, Any, None], str], "asyncio.Task[None]"]


class AccountSink:
    """``lease``: whether the partition is provably still ours; it is asked before every write."""

    def __init__(
        self,
        name: str,
        destination: Destination,
        *,
        journal: Journal,
        store: Store,
        clock: Clock,
        timings: Timings,
        partition: int,
        spawn: Spawn,
        lease: Callable[[], bool],
    ) -> None:
        self.name, self.destination, self._brevo = name, destination, destination.account
        self._store, self._clock, self._timings, self._lease, self._start = store, clock, timings, lease, spawn
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False
        self._successes = 0
        self._limits = b""
        self.lanes = Lanes(self._route)
        self.gates = Gates(name, STREAMS, clock, timings.probe_ms)
        self._ledger = Ledger(name, journal, self.lanes, clock, destination.counters, partition)
        self._contacts = Contacts(destination, self._ledger)
        self._imports = Imports(destination, self._ledger, self._contacts, clock, timings, self._put_single)
        self._commerce = Commerce(destination, self._ledger)
        self._events = Events(destination, self._ledger, clock, timings, self.gates, self._failed_event, self._spawn)
        self._stations()

    def _stations(self) -> None:
        timings = self._timings

        def collector(stream: str, do: Callable[[list[Item]], Awaitable[None]], most: int) -> Collector:
            async def guarded(items: list[Item]) -> None:
                await self._together(stream, items, do)

            return Collector(self._clock, guarded, most=most, most_bytes=_LARGEST_BATCH, quiet=timings.quiet_ms)

        self._singles = Workers(lambda item: self._one("contacts", item, self._contact))
        self._live_orders = Workers(lambda item: self._one("orders", item, self._commerce.order))
        self._past_orders = collector("orders", self._commerce.orders, MOST_ORDERS)
        self._products = collector("products", self._commerce.products, MOST_PRODUCTS)
        self._categories = collector("categories", self._commerce.categories, MOST_CATEGORIES)
        self._importer = Collector(
            self._clock,
            lambda items: self._together("imports", items, self._imports.do),
            most=timings.import_rows,
            most_bytes=64 << 20,  # commands are larger than rows; rows are cut to size by the import
            quiet=timings.import_quiet_ms,
        )

    # --- life -------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begins to send. Waits first for the end of an import that a predecessor may have left."""
        self._brevo.before_write = self._may_write
        if not self._brevo.requests and (limits := self._ledger.recall(_LIMITS, "", Snapshot)) is not None:
            self._brevo.limiter.restore(limits)
        await self._recovered()
        for number in range(self._timings.workers):
            self._spawn(self._singles.run(), f"contacts {number}")
            self._spawn(self._live_orders.run(), f"orders {number}")
        for name, collector in (
            ("imports", self._importer),
            ("past orders", self._past_orders),
            ("products", self._products),
            ("categories", self._categories),
        ):
            self._spawn(collector.run(), name)
        self._spawn(self._events.run(), "events")

    async def close(self) -> bool:
        """Ends all tasks; True if no request was left without its answer (or its time-out)."""
        self._closing = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._timings.close_s):
                while self._brevo.under_way:  # noqa: ASYNC110 - answers come from the network
                    await asyncio.sleep(0.005)
        answered = not self._brevo.under_way
        for _ in range(3):  # whoever got an answer notes it
            await asyncio.sleep(0)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        return answered

    def _spawn(self, work: Coroutine[Any, Any, None], name: str = "a command") -> None:
        task = self._start(work, name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _may_write(self) -> None:
        """Asked before every write: only who provably owns the partition may. Raises NotAccepted at the end."""
        while not self._closing and not self._lease():  # noqa: ASYNC110 - the lease is a matter of real time
            await asyncio.sleep(0.02)
        if self._closing:
            raise NotAccepted("The owner of the partition stops, so nothing more is sent.", request="")

    async def _recovered(self) -> None:
        while True:
            try:
                async with self.gates.through("imports"):
                    await self._imports.recover()
                return
            except BrevoError as error:
                await self._clock.sleep_until(self._clock.now() + max(error.reset, self._timings.retry_ms))

    # --- ways -------------------------------------------------------------------------------------

    def add(self, item: Item) -> None:
        """Called in the order of the log."""
        self.lanes.add(item)
        if item.kind == "contact" and not item.historical and not item.done:
            # Somebody does something now: the contact need not wait for an import.
            first = self.lanes.first(item)
            if first is not item and self._importer.withdraw(first):
                self._put_single(first)

    def _route(self, item: Item) -> None:
        """Called by the lanes for each command whose turn has come."""
        if self.destination.mode == "dry-run":
            group = self.lanes.group(item)
            self._ledger.settle(group, "done", message=f"dry-run: this {item.kind} command was not sent")
        elif item.kind == "contact" and item.historical:
            self._importer.put(item)
        elif item.kind in ("contact", "rename", "delete"):
            self._put_single(item)
        elif item.kind == "order":
            (self._past_orders if item.historical else self._live_orders).put(item)
        elif item.kind == "event":
            self._events.put(item)
        else:
            (self._products if item.kind == "product" else self._categories).put(item)

    def _put_single(self, item: Item) -> None:
        item.single = True
        self._singles.put(item)

    async def _contact(self, item: Item) -> None:
        if not await self._contacts.do(item):
            item.single = False
            self._importer.put(item)

    # --- failures ---------------------------------------------------------------------------------

    async def _one(self, stream: str, item: Item, do: Callable[[Item], Awaitable[None]]) -> None:
        try:
            async with self.gates.through(stream):
                await do(item)
        except BrevoError as error:
            self._failed([item], error)
        else:
            self._succeeded()

    async def _together(self, stream: str, items: list[Item], do: Callable[[list[Item]], Awaitable[None]]) -> None:
        try:
            async with self.gates.through(stream):
                await do(items)
        except BrevoError as error:
            self._failed([item for item in items if not item.done and not item.single], error)
        else:
            self._succeeded()

    def _succeeded(self) -> None:
        self._successes += 1
        limits = msgspec.msgpack.encode(self._brevo.limiter.snapshot())
        if limits != self._limits:
            self._limits = limits
            self._ledger.keep(_LIMITS, "", self._brevo.limiter.snapshot())

    def _failed_event(self, item: Item, error: BrevoError) -> None:
        self._failed([item], error)

    def _failed(self, items: list[Item], error: BrevoError) -> None:
        """Tried again later: at once where a gate or the limiter holds it back anyway, else after a growing pause."""
        if self._closing:
            return  # the next owner reads them again
        held_back = isinstance(error, AccountPaused | StreamPaused | RateLimited)
        for item in items:
            if held_back:
                self._route_again(item)
                continue
            item.failures += 1
            if self._successes > item.successes:
                item.strikes += 1
                item.successes = self._successes
            if item.strikes >= self._timings.most_failures:
                # Others got through all the time, so it is this one: it must not hold up its lane for ever.
                self._ledger.refuse([item], error)
            else:
                pause = min(self._timings.retry_ms << (item.failures - 1), self._timings.longest_retry_ms)
                self._spawn(self._later(item, pause))

    async def _later(self, item: Item, pause: int) -> None:
        await self._clock.sleep_until(self._clock.now() + pause)
        self._route_again(item)

    def _route_again(self, item: Item) -> None:
        if item.done:
            return
        if item.kind == "contact":
            (self._singles if item.single else self._importer).put(item)
        else:
            self._route(item)
