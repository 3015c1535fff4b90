"""The broker of a benchmark: topics, what is written into them beforehand, and what came out."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.partitioner import murmur2

from benchmarks.process import Running
from connectors.kafka.batches import Item
from streams.access import Kafka
from streams.reading import Reader
from streams.transaction import Transactions
from tajo.kafka import EmbeddedKafka

PARTITIONS: Final = 4
# Outputs carry the broker's time: all programs are measured by one clock, whatever time they give their records.
APPEND_TIME: Final = {"message.timestamp.type": "LogAppendTime"}
# Until the broker's JVM has compiled what serves them, as one has that has served a shop for a day. It takes 2.5 ms of
# processor time for each of the first 2,000 small transactions and 0.7 ms after 14,000, 1.2 ms for each of the first
# thousand batches and 0.2 ms after 60,000.
WARM_UP_TRANSACTIONS: Final = 16_000  # each in all partitions
WARM_UP_BATCHES: Final = 30_000
_WARM_UP_RECORDS: Final[list[Item]] = [(b"8jbhprizry", bytes(250), ())] * 20


class Broker(NamedTuple):
    kafka: Kafka
    folder: Path  # for the programs' local stores; goes with the broker

    @property
    def bootstrap(self) -> str:
        return self.kafka.bootstrap_servers

    async def create(self, *names: str, **config: str) -> None:
        """Topics of 4 partitions; ``config``: with `_` for `.`. Outputs are stamped by the broker."""
        settings = APPEND_TIME | {key.replace("_", "."): value for key, value in config.items()}
        await self._admin("create_topics", [NewTopic(name, PARTITIONS, 1, topic_configs=settings) for name in names])

    async def delete(self, prefix: str) -> None:
        """All topics of a run, whose names hold its ``prefix``: later ones shall not find the disk full."""
        names = [name for name in await self._admin("list_topics") if prefix in name]
        await self._admin("delete_topics", names)

    async def _admin(self, method: str, *arguments: Any) -> Any:
        admin = AIOKafkaAdminClient(**self.kafka.client())
        await admin.start()
        try:
            return await getattr(admin, method)(*arguments)
        finally:
            await admin.close()

    async def fill(self, topic: str, records: Iterable[tuple[bytes, bytes]]) -> None:
        """Keyed records in whole batches, each partition in order."""
        producer = AIOKafkaProducer(**self.kafka.client(), acks="all", max_batch_size=1 << 20, max_request_size=2 << 20)
        await producer.start()
        try:
            builders = {partition: producer.create_batch() for partition in range(PARTITIONS)}
            futures = []
            for key, value in records:
                partition = partition_of(key)
                if builders[partition].append(timestamp=None, key=key, value=value) is None:
                    futures.append(await producer.send_batch(builders[partition], topic, partition=partition))
                    builders[partition] = producer.create_batch()
                    builders[partition].append(timestamp=None, key=key, value=value)
            for partition, builder in builders.items():
                futures.append(await producer.send_batch(builder, topic, partition=partition))
            await asyncio.gather(*futures)
        finally:
            await producer.stop()

    async def warm_up(self) -> None:
        """Transactions, then batches, each when the one before in its partition is done, while somebody reads them."""
        await self.create("warm-up")
        tps = [TopicPartition("warm-up", number) for number in range(PARTITIONS)]
        async with AIOKafkaConsumer(**self.kafka.client(), isolation_level="read_committed") as consumer:
            consumer.assign(tps)
            reading = asyncio.create_task(_read_for_ever(consumer))
            await asyncio.gather(*(self._transact(tp, tps) for tp in tps))
            await asyncio.gather(*map(self._send, tps))
            reading.cancel()
            await asyncio.wait([reading])
        await self.delete("warm-up")

    async def _send(self, tp: TopicPartition) -> None:
        async with AIOKafkaProducer(**self.kafka.client(), acks="all") as producer:
            for _ in range(WARM_UP_BATCHES // PARTITIONS):
                batch = producer.create_batch()
                for key, value, _headers in _WARM_UP_RECORDS:
                    batch.append(timestamp=None, key=key, value=value)
                await (await producer.send_batch(batch, tp.topic, partition=tp.partition))

    async def _transact(self, name: TopicPartition, tps: Sequence[TopicPartition]) -> None:
        transactions = Transactions(self.kafka, f"warm-up-{name.partition}", name)
        await transactions.begin(tps)
        for _ in range(WARM_UP_TRANSACTIONS // PARTITIONS):
            await transactions.write(dict.fromkeys(tps, _WARM_UP_RECORDS))
        await transactions.end()

    async def written(self, topic: str, count: int, *programs: Running, timeout: float = 120) -> list[Any]:
        """All records of a topic once ``count`` are visible under read_committed. Raises ProgramFailed.

        ``programs``: that write them.
        """
        tps = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
        async with AIOKafkaConsumer(**self.kafka.client(), isolation_level="read_committed") as probe:
            found: list[Any] = []
            try:
                async with asyncio.timeout(timeout):
                    while len(found) < count:
                        # Offsets count control records too: a first, cheap look at what is there.
                        while sum((await probe.end_offsets(tps)).values()) < count:
                            for program in programs:
                                program.check()
                            await asyncio.sleep(0.1)
                        found = await self.read(topic)
                        await asyncio.sleep(0 if len(found) >= count else 0.5)
            except TimeoutError:
                raise programs[0].failure(
                    f"wrote {len(found)} of {count} records into {topic} in {timeout:g} s"
                ) from None
        return found

    async def read(self, topic: str) -> list[Any]:
        """All committed records, each partition in order."""
        tps = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
        async with Reader(self.kafka) as reader:
            return [record async for _, record in reader.records(tps)]


async def _read_for_ever(consumer: AIOKafkaConsumer) -> None:
    while True:
        await consumer.getmany(timeout_ms=100)


@asynccontextmanager
async def broker(settings: Mapping[str, str] | None = None) -> AsyncIterator[Broker]:
    """A real Kafka of its own, as `make demo` and the tests use it, warmed up: it shares processors with the measured.

    ``settings``: what is to differ of its own.
    """
    with tempfile.TemporaryDirectory(prefix="tajo-bench-") as folder:
        async with EmbeddedKafka(Path(folder, "kafka"), answer_within=120, settings=settings) as embedded:
            at = Broker(Kafka(embedded.bootstrap_servers), Path(folder))
            await at.warm_up()
            yield at


def partition_of(key: bytes) -> int:
    """As the Java client and ours decide."""
    return int((murmur2(key) & 0x7FFFFFFF) % PARTITIONS)
