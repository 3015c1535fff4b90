"""Where commands wait whose turn has come: for a worker, or for company to be sent together with."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from connectors.clock import Clock
from streams.sink.items import Item


class Waiting:
    """Commands in a row. ``items`` may be taken from and put back; what is added comes by ``put``."""

    def __init__(self) -> None:
        self.items: deque[Item] = deque()
        self._some = asyncio.Event()

    def put(self, item: Item) -> None:
        self.items.append(item)
        self._some.set()

    async def some(self) -> None:
        """Returns when there is something."""
        while not self.items:
            self._some.clear()
            await self._some.wait()


class Workers(Waiting):
    """Commands that are done one by one, several at the same time. ``run`` is one worker."""

    def __init__(self, do: Callable[[Item], Awaitable[None]]) -> None:
        super().__init__()
        self._do = do

    async def run(self) -> None:
        while True:
            await self.some()
            item = self.items.popleft()
            if not item.done:
                await self._do(item)


class Collector:
    """Commands that are sent together: when ``most`` have come, or none has joined for ``quiet`` ms of the clock.

    Under a steady trickle they go after ten such pauses. One batch at a time: ``do`` gets up to ``most``.
    """

    def __init__(
        self, clock: Clock, do: Callable[[list[Item]], Awaitable[None]], *, most: int, most_bytes: int, quiet: int
    ) -> None:
        self._clock, self._do, self._most, self._quiet = clock, do, most, quiet
        self._most_bytes = most_bytes
        self._items: dict[int, Item] = {}  # by offset
        self._some = asyncio.Event()
        self._first = self._last = 0

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: Item) -> None:
        self._last = self._clock.now()
        if not self._items:
            self._first = self._last
        self._items[item.offset] = item
        self._some.set()

    def withdraw(self, item: Item) -> bool:
        """Takes it out again; False if it is not (or no longer) waiting here."""
        return self._items.pop(item.offset, None) is not None

    async def run(self) -> None:
        while True:
            await self._some.wait()
            await self._gathered()
            if batch := self._take():
                await self._do(batch)
            if not self._items:
                self._some.clear()

    async def _gathered(self) -> None:
        while 0 < len(self._items) < self._most:
            until = min(self._last + self._quiet, self._first + 10 * self._quiet)
            if self._clock.now() >= until:
                return
            await self._clock.sleep_until(until)

    def _take(self) -> list[Item]:
        """In the order of the log."""
        batch: list[Item] = []
        size = 0
        for offset in sorted(self._items):
            item = self._items[offset]
            size += len(item.record.value or b"")
            if len(batch) >= self._most or (batch and size > self._most_bytes):
                break
            batch.append(item)
        for item in batch:
            del self._items[item.offset]
        return [item for item in batch if not item.done]
