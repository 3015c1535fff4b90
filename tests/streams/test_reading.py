"""Reading from outside sees all that was committed before it began, and nothing that was not."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from streams.access import Kafka
from streams.reading import Reader
from tests.streams import logs


@pytest.fixture
async def producer(kafka: str, topic_prefix: str) -> AsyncIterator[AIOKafkaProducer]:
    await logs.create(kafka, [f"{topic_prefix}table"], partitions=1)
    async with AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=f"{topic_prefix}one") as producer:
        yield producer


async def test_a_transaction_that_is_not_decided_yet_is_waited_for(
    kafka: str, topic_prefix: str, producer: AIOKafkaProducer
) -> None:
    table = f"{topic_prefix}table"
    async with Reader(Kafka(kafka)) as reader:
        assert await reader.table(table, 1) == {}  # it knows the topic's leader from now on
        await producer.begin_transaction()
        await producer.send_and_wait(table, b"1", key=b"a")
        reading = asyncio.create_task(reader.table(table, 1))
        await asyncio.wait((reading,), timeout=1)  # it would be done by now if it did not wait
        await producer.commit_transaction()
        assert await reading == {b"a": b"1"}


async def test_what_was_aborted_is_not_read(kafka: str, topic_prefix: str, producer: AIOKafkaProducer) -> None:
    tp = TopicPartition(f"{topic_prefix}table", 0)
    async with Reader(Kafka(kafka)) as reader:
        await producer.begin_transaction()
        await producer.send_and_wait(tp.topic, b"1", key=b"a")
        await producer.abort_transaction()
        assert not await reader.anything_after({tp: 0})
        assert await reader.table(tp.topic, 1) == {}
