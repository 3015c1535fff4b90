"""A rebuild: all folds of a new version, silent, from the beginning of the log; and the comparison with the live one.

Nothing leaves a silent fold but inner records and its table: no commands, requests, ticks, lifecycle records or dead
letters. So a rebuild may run beside the live version for as long as it likes, and sends nothing twice.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from aiokafka import TopicPartition

from projections.fold import Fold
from streams.access import Kafka
from streams.engine import Engine, end_process
from streams.flow import Flow
from streams.folds import FoldOwner
from streams.names import INNER, Names
from streams.purge import EVERY_S
from streams.reading import Reader
from streams.role import Role


class Progress(NamedTuple):
    """``folded`` of ``total`` offsets of the public topics (control records of transactions among them)."""

    folded: int
    total: int


class Difference(NamedTuple):
    """What two versions of one table do not agree on. Keys are at most ``SHOWN`` examples."""

    table: str
    rows: int
    rebuilt_rows: int
    missing: int
    extra: int
    changed: int
    examples: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        return not (self.missing or self.extra or self.changed)


SHOWN = 5


class Rebuild:
    """Runs the folds as version ``names.version``. Its topics exist (streams.names.Names.of_version and changelogs)."""

    def __init__(
        self,
        folds: Sequence[Fold[Any]],
        *,
        kafka: Kafka,
        names: Names,
        partitions: int,
        data_dir: Path,
        purge_every: float = EVERY_S,
        on_failure: Callable[[BaseException], None] = end_process,
    ) -> None:
        self._folds, self._kafka, self._names, self._partitions = folds, kafka, names, partitions
        self._engine = Engine(
            names.group(),
            [Role(fold.name, fold.inputs, _silent_owner(fold)) for fold in folds],
            kafka=kafka,
            names=names,
            partitions=partitions,
            data_dir=data_dir,
            flow=Flow(),
            purge_every=purge_every,
            on_failure=on_failure,
        )
        read = dict.fromkeys(topic for fold in folds for topic in fold.inputs)
        self._public = [topic for topic in read if topic not in INNER]
        self._inner = [topic for topic in read if topic in INNER]  # folds stand in the order in which they feed others

    async def run(self, progress: Callable[[Progress], None] = lambda _: None) -> None:
        """Returns when everything that lies in the log now is folded; the version's owners are stopped then."""
        await self._engine.start()
        try:
            async with Reader(self._kafka) as reader:
                ends = await reader.ends(
                    [self._at(topic, p) for topic in self._public for p in range(self._partitions)]
                )
                while not await self._drained(reader):
                    progress(self._progress(ends))
                    await asyncio.sleep(0.2)
                progress(Progress(sum(ends.values()), sum(ends.values())))
        finally:
            await self._engine.stop()

    def _at(self, topic: str, partition: int) -> TopicPartition:
        return TopicPartition(self._names.topic(topic), partition)

    def _positions(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """Of the hindmost, where several read a topic; without partitions of which one has not begun."""
        found: dict[TopicPartition, int] = {}
        for owner in self._engine.owners():
            for tp, topic in owner.inputs.items():
                if topic in topics:
                    position = owner.position.get(topic, -1)
                    found[tp] = min(position, found.get(tp, position))
        return {tp: position for tp, position in found.items() if position >= 0}

    def _progress(self, ends: dict[TopicPartition, int]) -> Progress:
        positions = self._positions(self._public)
        return Progress(sum(min(positions.get(tp, 0), end) for tp, end in ends.items()), sum(ends.values()))

    async def _drained(self, reader: Reader) -> bool:
        """Nothing is left: looked at in the order in which topics feed each other, positions before ends."""
        for topics in (self._public, *([topic] for topic in self._inner)):
            positions = self._positions(topics)
            if len(positions) < len(topics) * self._partitions or await reader.anything_after(positions):
                return False
            if self._positions(topics) != positions:  # what was folded meanwhile may be purged, and told others more
                return False
        return True


def _silent_owner(fold: Fold[Any]) -> Callable[[Any], FoldOwner]:
    return lambda parts: FoldOwner(parts, fold, None, silent=True)


async def compare(
    folds: Sequence[Fold[Any]], *, kafka: Kafka, live: Names, rebuilt: Names, partitions: int
) -> list[Difference]:
    """Table by table, by the content of the states: the order of a mapping's keys is no content."""
    differences = []
    async with Reader(kafka) as reader:
        for fold in folds:
            old = await reader.table(live.changelog(fold.name), partitions)
            new = await reader.table(rebuilt.changelog(fold.name), partitions)
            differences.append(_difference(fold, old, new))
    return differences


def _difference(fold: Fold[Any], old: dict[bytes, bytes], new: dict[bytes, bytes]) -> Difference:
    missing, extra = sorted(old.keys() - new.keys()), sorted(new.keys() - old.keys())
    changed = [key for key in sorted(old.keys() & new.keys()) if not _same(fold, key, old[key], new[key])]
    examples = tuple(key.decode(errors="replace") for key in (missing + extra + changed)[:SHOWN])
    return Difference(fold.name, len(old), len(new), len(missing), len(extra), len(changed), examples)


def _same(fold: Fold[Any], key: bytes, old: bytes, new: bytes) -> bool:
    if old == new:
        return True
    with contextlib.suppress(TypeError):  # a state of other types than msgspec's is compared by its bytes alone
        return bool(msgspec.to_builtins(fold.load(key, old)) == msgspec.to_builtins(fold.load(key, new)))
    return False
