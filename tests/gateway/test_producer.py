"""The producer: order, batches, and being replaced when it cannot be healed."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, UnknownTopicOrPartitionError
from structlog.testing import capture_logs

from connectors.kafka.requests import Produce
from gateway.errors import NotDelivered
from gateway.kafka import Client
from gateway.metrics import Metrics
from gateway.producer import Producer, partition_hash
from gateway.record import Record
from tajo.kafka.ports import free_port
from tests.gateway.deliveries import STORE, body
from tests.gateway.running import Gateway, config, create_topics
from tests.streams import logs

pytestmark = pytest.mark.kafka
TOPIC = "orders"


def record(number: int, key: bytes = b"a") -> Record:
    return Record(TOPIC, key, b"%06d" % number, [("n", b"%d" % number)], 1_700_000_000_000 + number)


def producer(bootstrap: str, prefix: str, limit: int = 1 << 26) -> Producer:
    kafka = {"bootstrap_servers": bootstrap}
    return Producer(kafka, topics=(TOPIC,), prefix=prefix, limit=limit, metrics=Metrics())


async def connected(producer: Producer) -> None:
    async def answers() -> bool:
        return producer.client is not None

    await logs.until(answers, "the producer is connected")


@pytest.fixture
async def sending(kafka: str, topic_prefix: str) -> AsyncIterator[Producer]:
    await logs.create(kafka, [topic_prefix + TOPIC])
    one = producer(kafka, topic_prefix)
    one.start()
    await connected(one)
    yield one
    await one.stop(within=5)


def starts(producer: Producer) -> float:
    return producer.metrics.registry.get_sample_value("tajo_producer_starts_total") or 0


def batches(producer: Producer) -> float:
    return producer.metrics.registry.get_sample_value("tajo_producer_batches_total") or 0


async def test_records_of_a_partition_stay_in_order_with_key_headers_and_time(
    sending: Producer, kafka: str, topic_prefix: str
) -> None:
    sent = [record(number, key) for number in range(500) for key in (b"a", b"b", b"c")]
    await asyncio.gather(*(sending.send(one) for one in sent))
    found = await logs.read(kafka, topic_prefix + TOPIC)
    for key in (b"a", b"b", b"c"):
        mine = [one for one in found if one.key == key]
        assert [one.value for one in mine] == [b"%06d" % number for number in range(500)]
        assert mine[7].headers == (("n", b"7"),)
        assert mine[7].timestamp == 1_700_000_000_007
        assert {one.partition for one in mine} == {partition_hash(key) % 4}
    assert sending.held == 0


async def test_an_idle_lane_sends_at_once_and_a_busy_one_fills_batches(sending: Producer) -> None:
    for number in range(5):
        await sending.send(record(number))
    assert batches(sending) == 5
    await asyncio.gather(*(sending.send(record(number)) for number in range(2_000)))
    assert batches(sending) < 5 + 20


async def test_a_record_larger_than_a_batch_goes_alone(sending: Producer, kafka: str, topic_prefix: str) -> None:
    large = Record(TOPIC, b"a", b"x" * (300 << 10), [], 1_700_000_000_000)
    await asyncio.gather(sending.send(record(1)), sending.send(large), sending.send(record(2)))
    values = [one.value for one in await logs.read(kafka, topic_prefix + TOPIC)]
    assert values == [b"000001", large.value, b"000002"]


async def test_a_record_that_is_taken_back_before_it_leaves_is_not_sent(
    sending: Producer, kafka: str, topic_prefix: str
) -> None:
    first, second, third = (sending.send(record(number)) for number in range(3))
    second.cancel()
    await asyncio.gather(first, third)
    assert [one.value for one in await logs.read(kafka, topic_prefix + TOPIC)] == [b"000000", b"000002"]
    assert sending.held == 0


async def test_without_a_connection_it_says_so_at_once() -> None:
    lonely = producer(f"127.0.0.1:{free_port()}", "")
    lonely.start()
    with pytest.raises(NotDelivered, match="no connection"):
        lonely.send(record(1))
    await lonely.stop(within=1)


async def test_more_than_its_memory_is_not_taken(kafka: str, topic_prefix: str) -> None:
    await logs.create(kafka, [topic_prefix + TOPIC])
    narrow = producer(kafka, topic_prefix, limit=1_000)
    narrow.start()
    await connected(narrow)
    futures = []
    with pytest.raises(NotDelivered, match="bytes are waiting"):
        futures += [narrow.send(record(number)) for number in range(100)]
    await narrow.stop(within=5)
    assert narrow.held == 0


async def test_a_lost_sequence_number_replaces_the_producer_and_nothing_is_lost(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    await create_topics(kafka, topic_prefix)
    contents = [body(event=f"e{number}") for number in range(30)]
    async with Gateway(kafka, config(tmp_path / "spool.sqlite", topic_prefix)) as gateway:
        await gateway.until_connected()
        await gateway.accepted(contents[:10])
        _lose_a_sequence_number(gateway, topic_prefix)
        await gateway.accepted(contents[10:])
        await gateway.until_drained()
        values = await gateway.values()
        assert sorted(set(values)) == sorted(contents)
        assert gateway.figure("producer_starts_total") == 2
        assert gateway.figure("spool_taken_total") >= 1


async def test_a_connection_that_breaks_is_made_anew_and_nothing_is_lost_or_doubled(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    await create_topics(kafka, topic_prefix)
    contents = [body(event=f"e{number}") for number in range(30)]
    async with Gateway(kafka, config(tmp_path / "spool.sqlite", topic_prefix)) as gateway:
        await gateway.until_connected()
        await gateway.accepted(contents[:10])
        for connection in _client(gateway)._client._conns.values():
            connection._writer.transport.abort()
        await gateway.accepted(contents[10:])
        await gateway.until_drained()
        assert sorted(await gateway.values()) == sorted(contents)
        assert gateway.figure("producer_starts_total") == 1


async def test_a_batch_whose_answer_is_lost_is_in_the_log_once(
    sending: Producer, kafka: str, topic_prefix: str
) -> None:
    assert sending.client is not None
    client = sending.client._client
    send, lost = client.send, 0

    async def losing(node: int, request: Any, **names: Any) -> Any:
        nonlocal lost
        answer = await send(node, request, **names)
        if isinstance(request, Produce) and not lost:
            lost += 1
            raise KafkaConnectionError("The answer was lost.")
        return answer

    client.send = losing
    await asyncio.gather(*(sending.send(record(number)) for number in range(100)))
    assert lost == 1
    values = [one.value for one in await logs.read(kafka, topic_prefix + TOPIC)]
    assert values == [b"%06d" % number for number in range(100)]
    assert starts(sending) == 1


async def test_whoever_waits_for_a_batch_hears_when_its_client_is_closed(kafka: str, topic_prefix: str) -> None:
    await logs.create(kafka, [topic_prefix + TOPIC])
    client, place = Client({"bootstrap_servers": kafka}), TopicPartition(topic_prefix + TOPIC, 0)
    await client.open([place.topic])
    under_way = asyncio.Event()

    async def never(node: int, request: Any, **names: Any) -> Any:
        under_way.set()
        await asyncio.Event().wait()

    client._client.send = never
    batch = client.batch(place)
    batch.append(0, 1_700_000_000_000, b"a", b"b", [])
    delivering = asyncio.create_task(client.deliver(place, batch, 1, within=1_000))
    await under_way.wait()
    await client.close()
    with pytest.raises(TimeoutError):
        await delivering


async def test_a_topic_that_is_not_there_is_named(kafka: str, topic_prefix: str) -> None:
    client = Client({"bootstrap_servers": kafka})
    with pytest.raises(UnknownTopicOrPartitionError, match=f"{topic_prefix}missing"):
        await client.open([f"{topic_prefix}missing"])
    await client.close()


def _client(gateway: Gateway) -> Client:
    producer: Producer = gateway.app.state.producer
    assert producer.client is not None
    return producer.client


def _lose_a_sequence_number(gateway: Gateway, prefix: str) -> None:
    """As if a batch had been given numbers and had never come."""
    partition = partition_hash(STORE.encode()) % 4
    _client(gateway)._sequences[TopicPartition(prefix + "bigcommerce.webhook.v1", partition)] += 3


async def test_what_aiokafka_fails_with_before_it_asks_anybody_is_said_too() -> None:
    """A name that no resolver takes is a UnicodeError, of no kind that a connection fails with."""
    with capture_logs() as said:
        sending = producer("a..b:9092", "")
        sending.start()

        async def complained() -> bool:
            return bool(said)

        await logs.until(complained, "somebody complains")
        await sending.stop(within=1)
    assert said[0]["event"].startswith("Kafka cannot be used yet")
    assert "UnicodeError" in said[0]["said"]
