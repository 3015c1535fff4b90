"""What becomes of commands, written in groups: receipts, dead letters, changed state and position in one transaction.

Whoever notes something need not wait for it: the state is seen at once through ``get``, and transactions follow one
another in the order of the notes. Only who is about to do what must not happen twice waits (``flush``).
"""

import asyncio
from collections.abc import Callable, Iterator

from connectors.clock import Clock
from projections.fold import Output
from schemas import topics
from streams.owner import Owner
from streams.sink.offsets import Offsets


class Page:
    """What one transaction writes."""

    def __init__(self) -> None:
        self.changes: dict[bytes, bytes | None] = {}
        self.outputs: list[Output] = []
        self.settled: list[int] = []
        self.written: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Journal:
    def __init__(self, owner: Owner, offsets: Offsets, clock: Clock) -> None:
        self._owner, self._offsets, self._clock = owner, offsets, clock
        self._page = Page()
        self._writing: Page | None = None
        self._noted = asyncio.Event()
        self._settled = asyncio.Event()  # something was settled: there may be room for more

    def get(self, key: bytes) -> bytes | None:
        """The state with everything noted so far."""
        for page in (self._page, self._writing):
            if page is not None and key in page.changes:
                return page.changes[key]
        return self._owner.store.get([key])[key]

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """What the store holds, without what was noted and is not written yet. Use it up before the next await."""
        return self._owner.store.scan(prefix)

    def put(self, key: bytes, value: bytes | None) -> None:
        self._page.changes[key] = value
        self._noted.set()

    def write(self, *outputs: Output) -> None:
        self._page.outputs += outputs
        self._noted.set()

    def settle(self, offset: int) -> None:
        self._page.settled.append(offset)
        self._noted.set()
        self._settled.set()

    def touch(self) -> None:
        """The position may have moved without anything to note."""
        self._noted.set()

    async def flush(self) -> None:
        """Returns once everything noted before is in the log."""
        if self._noted.is_set():
            await asyncio.shield(self._page.written)
        elif self._writing is not None:
            await asyncio.shield(self._writing.written)

    async def room(self, enough: Callable[[], bool]) -> None:
        """Waits, as commands are settled, until ``enough``."""
        while not enough():
            self._settled.clear()
            await self._settled.wait()

    def wake(self) -> None:
        """Lets ``room`` look again."""
        self._settled.set()

    async def run(self) -> None:
        while True:
            await self._noted.wait()
            self._noted.clear()
            page, self._page = self._page, Page()
            self._writing = page
            with self._clock.work():
                await self._commit(page)
            self._writing = None
            page.written.set_result(None)

    async def _commit(self, page: Page) -> None:
        changes = [*page.changes.items(), *self._offsets.settle(page.settled)]
        position = self._offsets.position
        moved = position is not None and position != self._owner.position.get(topics.COMMAND)
        await self._owner.commit(page.outputs, changes, {topics.COMMAND: position} if moved and position else {})
