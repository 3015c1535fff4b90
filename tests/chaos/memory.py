"""The folds in one process and in memory, their partitions interleaved by chance: what any correct run comes to.

It shares the folds with the real thing and nothing else: no owner, no engine, no Kafka.
"""

import random
from collections import defaultdict, deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
from aiokafka.partitioner import murmur2

from projections.fold import TICK, Fold, Input, Output
from schemas import topics
from schemas.errors import BadRecord
from schemas.facts import CartFact
from streams.headers import business_time, dead_letter
from streams.names import INNER, Names
from streams.topology import folds
from tests.chaos.history import PARTITIONS, Day
from tests.chaos.outcome import OUTPUTS, Outcome, outcome
from tests.chaos.shop import SETTINGS


class Record(NamedTuple):
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class Folded:
    """A day is folded to its end before the next begins. ``seed`` decides whose turn it is among the partitions."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._folds = {topic: fold for fold in folds(SETTINGS) for topic in fold.inputs}
        self._tables: dict[tuple[str, int], dict[bytes, bytes]] = defaultdict(dict)
        self._waiting: dict[tuple[str, int], deque[Record]] = defaultdict(deque)
        self._ends: dict[tuple[str, int], int] = defaultdict(int)
        self._written: dict[str, list[Output]] = {topic: [] for topic in OUTPUTS}

    def day(self, records: Day) -> None:
        for record in records:
            self._append(record.topic, record.partition, record.key, record.value, record.headers)
        while waiting := [place for place, queue in self._waiting.items() if queue]:
            topic, partition = self._chance.choice(waiting)
            queue = self._waiting[topic, partition]
            for _ in range(min(len(queue), self._chance.randrange(1, 30))):
                self._fold(topic, partition, queue.popleft())

    def outcome(self) -> Outcome:
        tables: dict[str, dict[bytes, bytes]] = {fold.name: {} for fold in folds(SETTINGS)}
        for (name, _), table in self._tables.items():
            tables[name] |= table
        return outcome(tables, self._written)

    def _append(self, topic: str, partition: int, *rest: Any) -> None:
        place = topic, partition
        self._waiting[place].append(Record(self._ends[place], 0, *rest))
        self._ends[place] += 1
        if topic == topics.CONSENT:
            self._written[topic].append(Output(topic, *rest))

    def _fold(self, topic: str, partition: int, record: Record) -> None:
        fold = self._folds[topic]
        table = self._tables[fold.name, partition]
        try:
            for key, time in self._receivers(fold, table, record):
                state, outputs = fold.fold(fold.load(key, table.get(key)), Input(topic, key, record.value, time))
                stored = fold.dump(state)
                if stored is None:
                    table.pop(key, None)
                else:
                    table[key] = stored
                self._put(outputs)
        except Exception as error:
            self._put([dead_letter(Names().dead(topic), topic, partition, record, error)])

    @staticmethod
    def _receivers(fold: Fold[Any], table: dict[bytes, bytes], record: Record) -> Iterator[tuple[bytes, int]]:
        """The keys that it reaches, and its time."""
        if record.key is None:
            raise BadRecord(f"A record of {fold.inputs[-1]} has no key; it cannot belong to anything.", stage="decode")
        if record.key != TICK:
            yield record.key, business_time(record) if record.value is None else record.timestamp
            return
        if record.value is None:
            raise BadRecord("A tick without a value tells no time.", stage="decode")
        time = msgspec.json.decode(record.value, type=CartFact).fetched_at
        waiting = ((fold.due(fold.load(key, stored)), key) for key, stored in list(table.items()))
        yield from ((key, time) for when, key in sorted((w, k) for w, k in waiting if w is not None and w <= time))

    def _put(self, outputs: list[Output]) -> None:
        for output in outputs:
            if output.topic in (*INNER, topics.CONSENT):
                partition = (murmur2(output.key or b"") & 0x7FFFFFFF) % PARTITIONS
                self._append(output.topic, partition, output.key, output.value, output.headers)
            if output.topic in self._written and output.topic != topics.CONSENT:
                self._written[output.topic].append(output)


def folded(days: list[Day], seed: int) -> Outcome:
    run = Folded(seed)
    for day in days:
        run.day(day)
    return run.outcome()
