"""Reading and writing topics in tests, and waiting for what must come."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic


async def create(bootstrap: str, names: Iterable[str], partitions: int = 4) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, partitions, 1) for name in names])
    finally:
        await admin.close()


async def write(bootstrap: str, topic: str, records: Iterable[tuple[bytes | None, bytes | None]]) -> None:
    """Keyed records, acknowledged, in order."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=5)
    await producer.start()
    try:
        futures = [await producer.send(topic, value, key=key) for key, value in records]
        await asyncio.gather(*futures)
    finally:
        await producer.stop()


async def read(bootstrap: str, topic: str, partitions: int | Iterable[int] = 4) -> list[Any]:
    """All committed records, partition by partition, each in order of offsets. ``partitions``: how many, or which."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        numbers = range(partitions) if isinstance(partitions, int) else partitions
        tps = [TopicPartition(topic, partition) for partition in numbers]
        consumer.assign(tps)
        ends = await consumer.end_offsets(tps)  # under read_committed: the last stable offset
        found: dict[TopicPartition, list[Any]] = {tp: [] for tp in tps}
        left = {tp for tp in tps if ends[tp]}
        while left:
            for tp, records in (await consumer.getmany(*left, timeout_ms=200)).items():
                found[tp] += [record for record in records if record.offset < ends[tp]]
            for tp in list(left):
                if await consumer.position(tp) >= ends[tp]:
                    left.discard(tp)
        return [record for tp in tps for record in found[tp]]
    finally:
        await consumer.stop()


async def read_decided(bootstrap: str, topic: str, partitions: int | Iterable[int] = 4) -> list[Any]:
    """As ``read``, once nothing is undecided: readers may see records a moment after their commit was answered."""
    numbers = range(partitions) if isinstance(partitions, int) else partitions
    tps = [TopicPartition(topic, partition) for partition in numbers]
    async with (
        AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed") as committed,
        AIOKafkaConsumer(bootstrap_servers=bootstrap) as written,
    ):

        async def decided() -> bool:
            return bool(await committed.end_offsets(tps) == await written.end_offsets(tps))

        await until(decided, f"all transactions in {topic} have ended")
    return await read(bootstrap, topic, [tp.partition for tp in tps])


async def until(true: Callable[[], Awaitable[bool]], what: str, timeout: float = 60) -> None:
    """Asks again until it is so; fails after ``timeout`` seconds."""
    try:
        async with asyncio.timeout(timeout):
            while not await true():  # noqa: ASYNC110 - the log is asked, nobody could set an event
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"It did not come about within {timeout} s that {what}.") from None
