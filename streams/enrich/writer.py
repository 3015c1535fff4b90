"""Group commit: what is ready while a transaction is under way goes into the next one, in the order it was handed over.

A transaction costs some milliseconds whatever is in it. Who hands over has already changed its memory, so the order of
hand-overs is the order of the log; a commit that fails ends the process, and memory with it.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from connectors.clock import Clock
from projections.fold import Output
from streams.store import Store

Commit = Callable[[Iterable[Output], Iterable[tuple[bytes, bytes | None]], Mapping[str, int]], Awaitable[None]]
Spawn = Callable[[Coroutine[Any, Any, None], str], "asyncio.Task[None]"]
_MOST_BYTES = 8 << 20  # of outputs in one transaction, beyond the first hand-over


class _Item(NamedTuple):
    number: int
    outputs: list[Output]
    changes: Mapping[bytes, bytes | None]
    position: Mapping[str, int]
    done: "asyncio.Future[None]"

    def size(self) -> int:
        return sum(len(output.value or b"") for output in self.outputs)


class Writer:
    """One per owner. ``get`` sees what is queued as if it were committed."""

    def __init__(self, commit: Commit, store: Store, clock: Clock, spawn: Spawn) -> None:
        self._commit, self._store, self._clock, self._spawn = commit, store, clock, spawn
        self._queue: deque[_Item] = deque()
        self._ahead: dict[bytes, tuple[int, bytes | None]] = {}  # key -> (number of the hand-over, value)
        self._number = 0
        self._flushing: asyncio.Task[None] | None = None
        self._failed: Exception | None = None

    @property
    def pending(self) -> bool:
        """Whether something is not committed yet."""
        return bool(self._queue) or (self._flushing is not None and not self._flushing.done())

    def get(self, keys: list[bytes]) -> dict[bytes, bytes | None]:
        found: dict[bytes, bytes | None] = {key: self._ahead[key][1] for key in keys if key in self._ahead}
        return found | self._store.get([key for key in keys if key not in found])

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """What is committed."""
        return self._store.scan(prefix)

    async def write(
        self,
        outputs: list[Output],
        changes: Mapping[bytes, bytes | None],
        position: Mapping[str, int] | None = None,
    ) -> None:
        """Returns when all of it is committed. Cancelling the caller does not take it back.

        Raises what the commit raised, from then on always: memory is ahead of the log, so nothing more may be written.
        """
        if self._failed is not None:
            raise self._failed
        self._number += 1
        done = asyncio.get_running_loop().create_future()
        self._queue.append(_Item(self._number, outputs, changes, position or {}, done))
        for key, value in changes.items():
            self._ahead[key] = (self._number, value)
        if self._flushing is None or self._flushing.done():
            self._flushing = self._spawn(self._flush(), "writer")
        await done

    async def drain(self) -> None:
        """Waits until nothing is pending."""
        while self._flushing is not None and not self._flushing.done():
            await asyncio.wait({self._flushing})

    async def _flush(self) -> None:
        while self._queue:
            items = self._next_items()
            try:
                with self._clock.work():
                    await self._commit_all(items)
            except BaseException as error:
                self._fail(error, items)
                raise
            for item in items:
                for key in item.changes:
                    if self._ahead[key][0] == item.number:
                        del self._ahead[key]
                if not item.done.done():
                    item.done.set_result(None)

    def _fail(self, error: BaseException, items: list[_Item]) -> None:
        stopped = RuntimeError("The owner stopped while it committed.")
        self._failed = error if isinstance(error, Exception) else stopped
        for item in [*items, *self._queue]:
            if not item.done.done():
                item.done.set_exception(self._failed)
                item.done.exception()  # whoever was cancelled meanwhile does not ask
        self._queue.clear()

    def _next_items(self) -> list[_Item]:
        items = [self._queue.popleft()]
        size = items[0].size()
        while self._queue and size + self._queue[0].size() <= _MOST_BYTES:
            size += self._queue[0].size()
            items.append(self._queue.popleft())
        return items

    async def _commit_all(self, items: list[_Item]) -> None:
        changes: dict[bytes, bytes | None] = {}
        position: dict[str, int] = {}
        for item in items:
            changes.update(item.changes)
            position.update(item.position)
        await self._commit([output for item in items for output in item.outputs], changes.items(), position)
