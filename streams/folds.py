"""The owner of a fold's partition: folds batches and commits each as one."""

import asyncio
import contextlib
from typing import Any

from connectors.clock import Clock
from projections.fold import Fold, Output
from schemas import topics
from streams.batch import Changes, Folding, keys_of
from streams.headers import dead_letter
from streams.inbox import Record
from streams.names import INNER
from streams.owner import Owner, Parts
from streams.ticker import Ticker


def ticks(inputs: tuple[str, ...]) -> tuple[str, ...]:
    """The topic in which the owner of a fold with these inputs makes ticks; () for one that gets none."""
    return (topics.CART,) if topics.CART in inputs else ()


class FoldOwner(Owner):
    """``clock`` None: no ticks are made. ``silent`` (rebuilds): nothing leaves but inner records and the tables."""

    def __init__(self, parts: Parts, fold: Fold[Any], clock: Clock | None, *, silent: bool = False) -> None:
        super().__init__(parts)
        self._silent, ticking = silent, ticks(parts.inputs)
        self.outputs = frozenset((*fold.outputs, *map(parts.names.dead, parts.inputs), *ticking))
        self._folding = Folding(fold, self.store, self._dead_letter, ticking=bool(ticking))
        self._ticker = (
            Ticker(clock, self.partition, self.store, self._folding, self._working, self._commit_alone)
            if clock and ticking and not silent
            else None
        )
        self._ticks: asyncio.Task[None] | None = None

    async def work(self) -> None:
        batch = self.take()
        outputs, changes = self._folding.fold(batch, await self.read(keys_of(batch)))
        if self._silent:
            outputs = [output for output in outputs if output.topic in INNER]
        await self.commit(outputs, changes, {topic: records[-1].offset + 1 for topic, records in batch})
        if self._ticker:
            self._ticker.look_again()

    async def ready(self) -> None:
        self._folding.resume()
        if self._ticker:
            self._ticks = self.spawn(self._ticker.run(), "ticks")

    async def close(self) -> None:
        if self._ticks:
            self._ticks.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticks

    def _dead_letter(self, topic: str, record: Record, error: Exception) -> Output:
        return dead_letter(self.names.dead(topic), topic, self.partition, record, error)

    async def _commit_alone(self, outputs: list[Output], changes: Changes) -> None:
        await self.commit(outputs, changes, {})
