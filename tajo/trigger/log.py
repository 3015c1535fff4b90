"""What is written to the log from a moment on: records as they are committed, and how far each owner has come.

Only partitions that can hold a link of the chain are read: a store's, an account's, an entity's; of what folds tell
each other all of them, since who is concerned further down is known only when it is told.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from typing import Any, Final, NamedTuple

from aiokafka import TopicPartition

from connectors.bigcommerce.scopes import Kind
from projections.contacts import ContactsFold
from projections.customers import CustomersFold
from schemas import topics
from streams.enrich import owner as enrich
from streams.enrich.facts import TOPIC_OF
from streams.names import Names
from streams.partitioner import partition_of
from streams.reading import Reader
from streams.store import POSITION_KEY
from streams.topology import FOLDS
from tajo import topics as broker_topics
from tajo.components import Components
from tajo.errors import TopicsError

TABLE_OF: Final[Mapping[str, str]] = {topic: fold.name for fold in FOLDS for topic in fold.inputs}
"""Topic -> the table of the fold that reads it."""
INNER: Final = (CustomersFold.name, ContactsFold.name)  # inner topics have the names of their tables
_OF_PEOPLE: Final[frozenset[Kind]] = frozenset({"customer", "subscriber", "order", "cart"})


class Entity(NamedTuple):
    kind: Kind
    id: str


class Record(NamedTuple):
    """``topic``: its logical name, or that of a changelog's table. ``at``: seconds since the start when it was seen,
    and in which sweep."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    at: float
    sweep: int
    timestamp: int

    @property
    def place(self) -> str:
        return f"{self.topic}/{self.partition}, offset {self.offset}"


class Seen:
    """``records`` by logical topic, in order of each partition; ``states`` (table, key) -> the last value, with
    ``moved`` how often it was written; ``positions`` (table, partition, topic) -> next offset of its owner.

    ``cut``: inner records were deleted, since they are folded, before they could be read here.
    """

    def __init__(self) -> None:
        self.records: defaultdict[str, list[Record]] = defaultdict(list)
        self.states: dict[tuple[str, bytes], Record] = {}
        self.positions: dict[tuple[str, int, str], int] = {}
        self.cut = False

    def take(self, record: Record, *, table: bool) -> None:
        if not table:
            self.records[record.topic].append(record)
        elif record.key.startswith(POSITION_KEY):
            topic = record.key.removeprefix(POSITION_KEY).decode()
            self.positions[record.topic, record.partition, topic] = int(record.value or 0)
        else:
            self.states[record.topic, record.key] = record

    def folded(self, table: str, record: Record) -> bool:
        """Whether the owner of the table has committed that it is past this record."""
        return self.positions.get((table, record.partition, record.topic), 0) > record.offset


class Log:
    """``seen`` grows with every ``sweep``. ``tps``: partition at the broker -> its logical topic, or its table."""

    def __init__(self, reader: Reader, tps: Mapping[TopicPartition, str], tables: Iterable[TopicPartition]) -> None:
        self.seen = Seen()
        self.tps = dict(tps)
        self._reader, self._tables = reader, frozenset(tables)
        self._next: dict[TopicPartition, int] = {}
        self._began, self._sweeps = time.monotonic(), 0

    async def begin(self) -> None:
        """What is written after this is seen."""
        self._next = await self._reader.ends(self.tps)
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._began

    async def sweep(self) -> None:
        """Reads on to the present ends: a transaction that is seen in one partition is whole in it."""
        self._sweeps += 1
        ends = await self._reader.ends(self.tps)
        beginnings = await self._reader.beginnings(self.tps)
        self.seen.cut |= any(beginnings[tp] > self._next[tp] for tp in self.tps)
        async with aclosing(self._reader.records(self.tps, self._next, ends)) as records:
            async for tp, record in records:
                self.seen.take(self._record(tp, record), table=tp in self._tables)
        self._next = ends

    def _record(self, tp: TopicPartition, record: Any) -> Record:
        headers = tuple((name, value or b"") for name, value in record.headers)
        topic, key = self.tps[tp], record.key or b""
        return Record(
            topic, tp.partition, record.offset, key, record.value, headers, self.seconds, self._sweeps, record.timestamp
        )


class Watched:
    """Which partitions can hold a link, for deliveries of one store about these entities."""

    def __init__(self, names: Names, counts: Mapping[str, int], store: str, account: str) -> None:
        self.tps: dict[TopicPartition, str] = {}
        self.tables: set[TopicPartition] = set()
        self._names, self._counts, self._store, self._account = names, counts, store, account

    @staticmethod
    def named(names: Names) -> list[str]:
        """The names at the broker of all that may be watched."""
        logical = (topics.WEBHOOK, *TOPIC_OF.values(), *INNER, topics.COMMAND, topics.RECEIPT)
        letters = (names.dead(one) for one in logical if one != topics.RECEIPT)
        tables = [names.changelog(enrich.NAME, versioned=False), *(names.changelog(fold.name) for fold in FOLDS)]
        return [*map(names.topic, (*logical, *letters)), *tables]

    def entities(self, entities: Iterable[Entity]) -> "Watched":
        """Raises TopicsError if one of the topics is not there."""
        self._topic(topics.WEBHOOK, self._store)
        self._table(enrich.NAME, self._names.changelog(enrich.NAME, versioned=False), [self._at(self._store)])
        for kind, id_ in entities:
            if kind in TOPIC_OF:
                self._entity(kind, f"{self._store}/{id_}")
        return self

    def _entity(self, kind: Any, key: str) -> None:
        topic = TOPIC_OF[kind]
        self._topic(topic, key)
        table = TABLE_OF[topic]
        self._table(table, self._names.changelog(table), [self._at(key)])
        self._topic(topics.COMMAND, self._account)
        self._topic(topics.RECEIPT, self._account, letters=False)
        if kind in _OF_PEOPLE:
            for name in INNER:
                partitions = range(self._count(self._names.topic(name)))
                self._add(name, partitions)
                self._add(self._names.dead(name), partitions)
                self._table(name, self._names.changelog(name), partitions)

    def _topic(self, topic: str, key: str, *, letters: bool = True) -> None:
        self._add(topic, [self._at(key, topic)])
        if letters:
            self._add(self._names.dead(topic), [self._at(key, topic)])

    def _add(self, logical: str, partitions: Iterable[int]) -> None:
        name = self._names.topic(logical)
        self._count(name)
        self.tps |= {TopicPartition(name, partition): logical for partition in partitions}

    def _table(self, table: str, changelog: str, partitions: Iterable[int]) -> None:
        self._count(changelog)
        found = {TopicPartition(changelog, partition): table for partition in partitions}
        self.tps |= found
        self.tables |= found.keys()

    def _at(self, key: str, topic: str = topics.WEBHOOK) -> int:
        return partition_of(key.encode(), self._count(self._names.topic(topic)))

    def _count(self, name: str) -> int:
        if name not in self._counts:
            raise TopicsError(f"There is no topic {name} at the broker: `tajo topics apply` makes it.")
        return self._counts[name]


async def log_of(made: Components, reader: Reader, store: str, account: str, entities: Iterable[Entity]) -> Log:
    """Raises BrokerUnreachable and TopicsError."""
    counts = await broker_topics.counts(made.kafka, Watched.named(made.names))
    watched = Watched(made.names, counts, store, account).entities(entities)
    return Log(reader, watched.tps, watched.tables)
