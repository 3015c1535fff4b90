"""Whole batches at once come to the same as record by record: from the middle, a few at a time, past aborted ones."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.consumer import consumer as consumer_module
from aiokafka.consumer import fetcher

from streams.engine_records import as_parsed
from tajo.kafka import EmbeddedKafka
from tests.streams import logs

pytestmark = pytest.mark.kafka


@asynccontextmanager
async def consuming(kafka: str, tp: TopicPartition, **named: Any) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka, isolation_level="read_committed", enable_auto_commit=False, **named
    )
    await consumer.start()
    try:
        consumer.assign([tp])
        yield consumer
    finally:
        await consumer.stop()


async def write(kafka: str, topic: str, compression: str | None) -> None:
    """Ten transactions of 7 records in a batch each, of which every third is aborted."""
    async with AIOKafkaProducer(
        bootstrap_servers=kafka, transactional_id=f"{topic}writer", compression_type=compression
    ) as producer:
        for number in range(10):
            await producer.begin_transaction()
            sent = [
                await producer.send(topic, b"%d" % one, key=b"%d" % number, headers=[("h", b"%d" % one)])
                for one in range(7)
            ]
            for future in sent:
                await future
            await (producer.abort_transaction() if number % 3 == 1 else producer.commit_transaction())


async def read(consumer: AIOKafkaConsumer, tp: TopicPartition, start: int, most: int | None) -> list[Any]:
    """(offset, timestamp, key, value, headers) of all from ``start`` to the end."""
    consumer.seek(tp, start)
    end, found = (await consumer.end_offsets([tp]))[tp], []
    while await consumer.position(tp) < end:
        records = (await consumer.getmany(tp, timeout_ms=200, max_records=most)).get(tp, [])
        found += [(one.offset, one.timestamp, one.key, one.value, list(one.headers)) for one in records]
        if most is not None:
            assert len(records) <= most
        if len(records) == most:
            assert await consumer.position(tp) == records[-1].offset + 1
    return found


@pytest.mark.parametrize("compression", [None, "lz4"])
async def test_whole_batches_come_to_the_same_as_record_by_record(
    kafka: str, topic_prefix: str, compression: str | None
) -> None:
    topic = f"{topic_prefix}batches"
    await logs.create(kafka, [topic], partitions=1)
    await write(kafka, topic, compression)
    tp = TopicPartition(topic, 0)
    async with consuming(kafka, tp) as plain, consuming(kafka, tp, key_deserializer=as_parsed) as whole:
        everything = await read(plain, tp, 0, None)
        assert len(everything) == 7 * 7
        for start, most in [(0, None), (0, 7), (0, 10), (3, 5), (3, 1), (8, None), (17, 4), (50, 9)]:
            assert await read(whole, tp, start, most) == [one for one in everything if one[0] >= start]


async def stopped_while_a_fetch_waits(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> bool:
    """Whether a consumer could be stopped whose broker went away."""
    topic = TopicPartition("one", 0)
    async with EmbeddedKafka(tmp_path) as broker:
        await logs.create(broker.bootstrap_servers, [topic.topic], partitions=1)
        await logs.write(broker.bootstrap_servers, topic.topic, [(b"k", b"v")])
        consumer = AIOKafkaConsumer(bootstrap_servers=broker.bootstrap_servers, retry_backoff_ms=60_000)
        await consumer.start()
        consumer.assign([topic])
        consumer.seek(topic, 0)
        assert topic in await consumer.getmany(timeout_ms=30_000)

    async def failed() -> bool:
        return "Failed fetch messages" in caplog.text

    await logs.until(failed, "a fetch has failed")
    try:
        await consumer.stop()
    except asyncio.CancelledError:
        await consumer._client.close()
        return False
    return True


async def test_a_consumer_stops_while_a_fetch_waits_to_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert await stopped_while_a_fetch_waits(tmp_path / "ours", caplog)
    caplog.clear()
    monkeypatch.setattr(consumer_module, "Fetcher", fetcher.Fetcher)
    assert not await stopped_while_a_fetch_waits(tmp_path / "theirs", caplog)


async def found_beside_an_idle_partition(kafka: str, prefix: str, seconds: float) -> list[bytes]:
    """What comes of the second record of a partition whose first one lay unread when the last fetch was sent."""
    busy, idle = TopicPartition(f"{prefix}busy", 0), TopicPartition(f"{prefix}idle", 0)
    await logs.create(kafka, [busy.topic, idle.topic], partitions=1)
    await logs.write(kafka, busy.topic, [(b"k", b"first")])
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka, enable_auto_commit=False, fetch_max_wait_ms=60_000, request_timeout_ms=90_000
    )
    await consumer.start()
    try:
        consumer.assign([busy, idle])
        consumer.seek(busy, 0)
        consumer.seek(idle, 0)

        async def asked_for_the_idle_one() -> bool:
            return busy in consumer._fetcher._records and bool(consumer._fetcher._in_flight)

        await logs.until(asked_for_the_idle_one, "a fetch without the busy partition is under way")
        assert [one.value for one in (await consumer.getmany(busy, timeout_ms=0))[busy]] == [b"first"]
        await logs.write(kafka, busy.topic, [(b"k", b"second")])
        found = await consumer.getmany(busy, timeout_ms=int(seconds * 1000))
        return [one.value for one in found.get(busy, [])]
    finally:
        await consumer.stop()


async def test_what_a_fetch_left_out_is_not_waited_for_as_long_as_the_others_are_idle(
    kafka: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await found_beside_an_idle_partition(kafka, topic_prefix + "ours-", 30) == [b"second"]
    monkeypatch.setattr(consumer_module, "Fetcher", fetcher.Fetcher)
    assert await found_beside_an_idle_partition(kafka, topic_prefix + "theirs-", 2) == []
