"""The log of one run: its topics, its input, whether everything in it is folded, and what lies in it in the end."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from streams import topology
from streams.access import Kafka
from streams.names import INNER, Names
from streams.reading import Reader
from streams.store import OWNER_KEY, POSITION_KEY
from tajo import topics as broker_topics
from tests.chaos.history import INPUTS, PARTITIONS, Day, Write
from tests.chaos.outcome import OUTPUTS, Outcome, outcome
from tests.chaos.shop import SETTINGS

FOLDS = topology.folds(SETTINGS)
_CHUNK = 20


class NotFolded(AssertionError):
    """The workers did not come to the end of the input in time."""


class Log:
    """``prefix`` leads the names of its topics. ``replication``: copies of each."""

    def __init__(self, bootstrap: str, prefix: str, *, replication: int = 1) -> None:
        self.kafka, self.names, self._replication = Kafka(bootstrap), Names(prefix=prefix), replication
        self._written: list[tuple[int, int]] = []  # from when to when something was written, Unix ms
        self._seen: dict[TopicPartition, int] = {}  # of changelogs: what is read
        self._positions: dict[TopicPartition, int] = {}  # of inputs: next offset to fold, as committed

    async def create(self) -> None:
        """The topics of the folds; enricher and sink have no part in this."""
        mine = {*INPUTS, *OUTPUTS, *(topic.name for topic in topology.version_topics(self.names))}
        catalogue = [
            msgspec.structs.replace(topic, name=self.names.prefix + topic.name)
            for topic in topology.catalogue(self.names)
            if topic.name in mine
        ]
        await broker_topics.apply(self.kafka, catalogue, partitions=PARTITIONS, replication=self._replication)

    async def delete(self) -> None:
        await broker_topics.delete(self.kafka, self.names.prefix)

    async def write(self, producer: AIOKafkaProducer, day: Day, *, seconds: float = 0) -> None:
        """In order, acknowledged, spread evenly over ``seconds``. What a broker's death interrupts is sent again."""
        began, since = time.monotonic(), time.time()
        for start in range(0, len(day), _CHUNK):
            await asyncio.sleep(max(0.0, began + seconds * start / len(day) - time.monotonic()))
            sent = [await self._send(producer, record) for record in day[start : start + _CHUNK]]
            await asyncio.gather(*sent)
        self._written.append((int(since * 1000), int(time.time() * 1000)))

    async def _send(self, producer: AIOKafkaProducer, record: Write) -> "asyncio.Future[object]":
        topic = self.names.topic(record.topic)
        headers = list(record.headers)
        sent: asyncio.Future[object] = await producer.send(
            topic, record.value, key=record.key, partition=record.partition, headers=headers
        )
        return sent

    # --- is all of it folded? ----------------------------------------------------------------------------------------

    async def until_folded(self, within: float) -> None:
        """Raises NotFolded."""
        try:
            async with asyncio.timeout(within):
                while not await self._came_to_its_end():  # noqa: ASYNC110 - the log is asked, nobody could set an event
                    await asyncio.sleep(0.5)
        except TimeoutError:
            raise NotFolded(
                f"Not everything was folded within {within:.0f} s; done: {self._positions}; {await self._waiting()}"
            ) from None

    async def _waiting(self) -> str:
        """Where a transaction is open, so that no reader goes on."""
        names = (*INPUTS, *INNER, *OUTPUTS)
        tps = {*self._inputs(names), *(tp for fold in FOLDS for tp in self._changelog(fold.name))}
        async with (
            AIOKafkaConsumer(**self.kafka.client(), isolation_level="read_committed") as committed,
            AIOKafkaConsumer(**self.kafka.client()) as written,
        ):
            stable, ends = await committed.end_offsets(tps), await written.end_offsets(tps)
        open_ = [f"{tp.topic}/{tp.partition} at {stable[tp]} of {ends[tp]}" for tp in tps if stable[tp] < ends[tp]]
        return f"undecided are {', '.join(open_) or 'none'}"

    async def _came_to_its_end(self) -> bool:
        """False if the broker was away meanwhile: then nobody knows."""
        try:
            async with Reader(self.kafka) as reader:
                while not await self._is_folded(reader):  # noqa: ASYNC110 - as above
                    await asyncio.sleep(0.3)
            return True
        except (KafkaError, OSError):
            return False

    async def _is_folded(self, reader: Reader) -> bool:
        """Looked at in the order in which tables feed each other, which is that of FOLDS."""
        for fold in FOLDS:
            await self._read_positions(reader, fold.name)
            done = {tp: self._positions.get(tp, 0) for tp in self._inputs(fold.inputs)}
            if await reader.anything_after(done):
                return False
        return True

    def _inputs(self, logical: tuple[str, ...]) -> Iterator[TopicPartition]:
        for topic in logical:
            yield from (TopicPartition(self.names.topic(topic), partition) for partition in range(PARTITIONS))

    def _changelog(self, table: str) -> list[TopicPartition]:
        return [TopicPartition(self.names.changelog(table), partition) for partition in range(PARTITIONS)]

    async def _read_positions(self, reader: Reader, table: str) -> None:
        async for tp, record in reader.records(self._changelog(table), self._seen):
            self._seen[tp] = record.offset + 1
            if record.key.startswith(POSITION_KEY):
                topic = record.key.removeprefix(POSITION_KEY).decode()
                self._positions[TopicPartition(self.names.topic(topic), tp.partition)] = int(record.value)

    # --- what is in it -----------------------------------------------------------------------------------------------

    async def outcome(self) -> Outcome:
        """Of what is committed."""
        async with Reader(self.kafka) as reader:
            tables = {fold.name: await reader.table(self.names.changelog(fold.name), PARTITIONS) for fold in FOLDS}
            written = {}
            for topic in OUTPUTS:
                tps = list(self._inputs((topic,)))
                by_partition = defaultdict(list)
                async for tp, record in reader.records(tps):
                    by_partition[tp].append(record)
                written[topic] = [record for tp in tps for record in by_partition[tp]]
        return outcome(tables, written)

    async def longest_pause(self, *tables: str) -> tuple[float, str]:
        """Seconds in which one partition of a table did not move though its input was being written, and whose.

        It counts as a pause that nothing came for it too, so it is an upper bound.
        """
        moments: dict[TopicPartition, list[int]] = defaultdict(list)
        async with Reader(self.kafka) as reader:
            for table in tables:
                async for tp, record in reader.records(self._changelog(table)):
                    if record.key != OWNER_KEY:
                        moments[tp].append(record.timestamp)
        return max(
            ((min(later, end) - max(earlier, begin)) / 1000, f"{tp.topic}/{tp.partition}")
            for tp, found in moments.items()
            for earlier, later in pairwise(found)
            for begin, end in self._written
        )
