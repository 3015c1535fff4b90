"""One-shots: an id is sent once. Brevo has no key against doubles, so the attempt is written before the request.

    attempt committed -> request -> receipt

What dies in between leaves an attempt without an outcome, which is in doubt like a request without an answer: Brevo is
asked for the event by its `tajo_id`, and what it does not show is sent again or held, as the command says.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Literal

from connectors.brevo.account import MOST_EVENTS, POST_EVENT, POST_EVENTS, iso_milliseconds
from connectors.brevo.errors import BrevoError, InDoubt, Refused
from connectors.brevo.limits import EVERYTHING_ELSE, Slot
from connectors.clock import Clock
from schemas.commands import SendEvent
from streams.sink.gates import Gates
from streams.sink.items import Item
from streams.sink.known import KnownEvent
from streams.sink.ledger import Ledger
from streams.sink.settings import Destination, Timings
from streams.sink.stations import Waiting

REMEMBERED_MS = 30 * 86_400_000
_DAY_MS = 86_400_000
_WORTH_A_BATCH = 50
_SPARED = 20  # requests of the hundred an hour that event batches leave to others
_LARGEST_BATCH = 480_000  # bytes; 512 KB is Brevo's limit
_MINUTE_MS = 60_000

Document = dict[str, object]


class Events:
    """``failed``: what to do with an event that has to be tried again. ``spawn``: starts a task of the owner's."""

    def __init__(
        self,
        destination: Destination,
        ledger: Ledger,
        clock: Clock,
        timings: Timings,
        gates: Gates,
        failed: Callable[[Item, BrevoError], None],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._brevo, self._counters = destination.account, destination.counters
        self._ledger, self._clock, self._timings, self._gates = ledger, clock, timings, gates
        self._failed, self._spawn = failed, spawn
        self._waiting = Waiting()
        self._queue = self._waiting.items
        self._forgotten_at = 0

    def put(self, item: Item) -> None:
        self._waiting.put(item)

    async def run(self) -> None:
        while True:
            await self._waiting.some()
            await self._forget_old()
            if self._is_batch_better():
                await self._send_batch()
            else:
                await self._send_some()

    # --- which ------------------------------------------------------------------------------------

    def _next(self) -> Item | None:
        """The next event that really has to be sent; what became of the others is noted."""
        while self._queue:
            item = self._queue.popleft()
            command = _event(item)
            if item.done or self._is_settled(item, command):
                continue
            return item
        return None

    def _is_settled(self, item: Item, command: SendEvent) -> bool:
        seen = self._ledger.recall_event(command.id)
        if seen is not None and not item.sure:
            if seen.outcome == "attempt" and seen.offset == item.offset:
                self._spawn(self._resolve(item, command))
            else:
                self._ledger.settle([item], "repeated")
            return True
        if command.expires_at is not None and command.expires_at <= self._clock.now():
            self._ledger.keep_event(command.id, None)
            self._ledger.settle([item], "expired")
            return True
        return False

    def _is_batch_better(self) -> bool:
        """Single events have 36,000 requests an hour; a batch mostly takes one of a hundred, so only for a crowd."""
        limiter = self._brevo.limiter
        plenty = limiter.family(POST_EVENTS) == "events" or limiter.free(EVERYTHING_ELSE) > _SPARED
        return plenty and len(self._queue) >= _WORTH_A_BATCH

    # --- singly -----------------------------------------------------------------------------------

    async def _send_some(self) -> None:
        """As many as may pass now: their attempts share a transaction, and none waits long after it was written."""
        paused = await self._gates.ready("events")
        slots = [await self._brevo.limiter.slot(POST_EVENT)]
        pairs: list[tuple[Item, Slot]] = []
        try:
            while slots and (item := self._next()) is not None:
                pairs.append((item, slots.pop()))
                if self._queue and not paused and (slot := self._brevo.limiter.free_slot(POST_EVENT)) is not None:
                    slots.append(slot)
            await self._attempt([item for item, _ in pairs])
            for item, slot in pairs:
                self._spawn(self._send_one(item, slot))
            pairs = []
        finally:
            for slot in (*slots, *(slot for _, slot in pairs)):
                slot.end()

    async def _send_one(self, item: Item, slot: Slot) -> None:
        try:
            async with self._gates.through("events"):
                await self._brevo.send_event(document(_event(item)), slot)
        except BrevoError as error:
            self._not_sent(item, error)
        else:
            self._sent(item, POST_EVENT.name)
        finally:
            slot.end()

    async def _attempt(self, items: list[Item]) -> None:
        now = self._clock.now()
        for item in items:
            self._ledger.keep_event(item.id, KnownEvent("attempt", item.offset, now))
            self._ledger.receipt(item, "attempt", request=POST_EVENT.name)
        if items:
            await self._ledger.flush()

    # --- in batches -------------------------------------------------------------------------------

    async def _send_batch(self) -> None:
        items: list[Item] = []
        size = 0
        while len(items) < MOST_EVENTS and size < _LARGEST_BATCH and (item := self._next()) is not None:
            items.append(item)
            size += len(item.record.value or b"")
        if size >= _LARGEST_BATCH and len(items) > 1:
            self._queue.appendleft(items.pop())
        if not items:
            return
        try:
            async with self._gates.through("events"):
                with await self._brevo.limiter.slot(POST_EVENTS) as slot:
                    await self._attempt(items)
                    documents = [document(_event(item)) for item in items]
                    failures = await self._brevo.send_events(documents, slot)
        except BrevoError as error:
            for item in items:
                self._not_sent(item, error)
            return
        self._counters.saved["batched"] += len(items) - 1
        for place, item in enumerate(items):
            if place in failures:
                # Surely not accepted; sent alone it gets an answer of its own.
                item.sure = True
                self.put(item)
            else:
                self._sent(item, POST_EVENTS.name)

    # --- outcomes ---------------------------------------------------------------------------------

    def _sent(self, item: Item, request: str, message: str = "") -> None:
        self._counters.events_sent += 1
        self._end(item, "done", message, request)

    def _end(self, item: Item, outcome: Literal["done", "held"], message: str, request: str = "") -> None:
        self._ledger.keep_event(item.id, KnownEvent(outcome, item.offset, self._clock.now()))
        self._ledger.settle([item], outcome, message=message, request=request)

    def _not_sent(self, item: Item, error: BrevoError) -> None:
        if isinstance(error, InDoubt):
            item.sure = False
            self._ledger.receipt(item, "in-doubt", message=str(error), request=error.request)
            self._spawn(self._resolve(item, _event(item)))
        elif isinstance(error, Refused):
            self._ledger.keep_event(item.id, None)  # so that it may be sent again once it is put right
            self._ledger.refuse([item], error)
        else:
            # Surely not accepted: should we die now, nobody has to wonder about the attempt.
            self._ledger.keep_event(item.id, None)
            item.sure = True
            self._failed(item, error)

    # --- doubt ------------------------------------------------------------------------------------

    async def _resolve(self, item: Item, command: SendEvent) -> None:
        """Asks Brevo, twice; what it does not show may still be on its way, so only a find is an answer."""
        for pause in self._timings.lookups_ms:
            await self._clock.sleep_until(self._clock.now() + pause)
            if await self._is_at_brevo(command):
                self._sent(item, "GET /events", "found at Brevo after a doubt")
                return
        item.failures += 1
        if command.in_doubt == "resend" and item.failures < self._timings.most_failures:
            item.sure = True
            self.put(item)
            return
        self._end(item, "held", "it is not known whether Brevo has it")

    async def _is_at_brevo(self, command: SendEvent) -> bool:
        try:
            async with self._gates.through("lookups"):
                found = self._brevo.events(command.name, command.at - _MINUTE_MS, command.at + _MINUTE_MS)
                return any([(event.event_properties or {}).get("tajo_id") == command.id async for event in found])
        except BrevoError:
            return False  # not known; the policy decides

    async def _forget_old(self) -> None:
        now = self._clock.now()
        if now >= self._forgotten_at + _DAY_MS:
            self._forgotten_at = now
            await self._ledger.forget_events(now - REMEMBERED_MS)


def document(command: SendEvent) -> Document:
    """Body of POST /events; the command's id travels along, so that Brevo can be asked for it."""
    return {
        "event_name": command.name,
        "event_date": iso_milliseconds(command.at),
        "identifiers": {"email_id": command.email},
        "event_properties": {**command.properties, "tajo_id": command.id},
    }


def _event(item: Item) -> SendEvent:
    command = item.command()
    assert isinstance(command, SendEvent)
    return command
