"""Transactions at a real broker: each record once, whatever answer is lost, and told at which offset."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, OutOfOrderSequenceNumber, ProducerFenced

from connectors.kafka.requests import AddPartitionsToTxn, CommitTxn, Produce
from streams.access import Kafka
from streams.engine_producer import Producer
from tests.streams import logs

pytestmark = pytest.mark.kafka
ITEMS = [(b"k", b"%d" % number, ()) for number in range(3)]


class Shop:
    """Two partitions, and producers of one transactional id."""

    def __init__(self, kafka: str, prefix: str) -> None:
        self.kafka, self.topic, self.id = kafka, prefix + "written", prefix + "writer"
        self.first, self.second = (TopicPartition(self.topic, partition) for partition in range(2))
        self.lost = 0  # connections, as producers tell
        self._begun: list[Producer] = []

    async def begin(self) -> Producer:
        producer = Producer(Kafka(self.kafka), self.id, 10_000, self._lost)
        self._begun.append(producer)
        await producer.open([self.topic])
        await producer.start()
        return producer

    async def values(self) -> list[bytes]:
        return sorted(record.value for record in await logs.read_decided(self.kafka, self.topic))

    async def close(self) -> None:
        for producer in self._begun:
            await producer.close()

    def _lost(self) -> None:
        self.lost += 1


@pytest.fixture
async def shop(kafka: str, topic_prefix: str) -> AsyncIterator[Shop]:
    shop = Shop(kafka, topic_prefix)
    await logs.create(kafka, [shop.topic])
    yield shop
    await shop.close()


async def ready() -> bool:
    return True


async def write(producer: Producer, writes: Any) -> dict[TopicPartition, int]:
    await producer.add(writes, ready)
    ends = await producer.send(writes)
    await producer.commit()
    return ends


def loses_one(producer: Producer, kind: type) -> list[str]:
    """The answer to the next request of this kind does not arrive: the broker has done it. Notes what is sent."""
    sent: list[str] = []
    send = producer.client.send

    async def losing(node: int, request: Any, **names: Any) -> Any:
        answer = await send(node, request, **names)
        sent.append(type(request).__name__)
        if type(request) is kind and sent.count(kind.__name__) == 1:
            raise KafkaConnectionError("The answer was lost.")
        return answer

    producer.client.send = losing
    return sent


async def test_what_is_committed_is_read_and_its_last_offsets_are_told(shop: Shop) -> None:
    producer = await shop.begin()
    assert await write(producer, {shop.first: ITEMS, shop.second: ITEMS[:1]}) == {shop.first: 2, shop.second: 0}
    # A marker follows each transaction in each of its partitions.
    assert await write(producer, {shop.first: ITEMS}) == {shop.first: 6}
    assert await shop.values() == [b"0", b"0", b"0", b"1", b"1", b"2", b"2"]


async def test_more_than_a_batch_takes_several_and_the_last_offset_is_told(shop: Shop) -> None:
    producer = await shop.begin()
    items = [(b"k", b"%07d" % number + bytes(1000), ()) for number in range(3_000)]
    ends = await write(producer, {shop.first: items, shop.second: ITEMS})
    assert ends == {shop.first: 2_999, shop.second: 2}
    assert await shop.values() == sorted(value for _, value, _ in (*items, *ITEMS))


@pytest.mark.parametrize("kind", [AddPartitionsToTxn, Produce, CommitTxn])
async def test_what_the_broker_has_done_and_could_not_tell_is_done_once(shop: Shop, kind: type) -> None:
    producer = await shop.begin()
    await write(producer, {shop.first: ITEMS})
    sent = loses_one(producer, kind)
    assert await write(producer, {shop.first: ITEMS, shop.second: ITEMS}) == {shop.first: 6, shop.second: 2}
    assert sent.count(kind.__name__) == 2
    await write(producer, {shop.first: ITEMS})
    assert await shop.values() == sorted([b"0", b"1", b"2"] * 4)


async def test_sequence_numbers_begin_anew_where_they_end(shop: Shop) -> None:
    producer = await shop.begin()
    producer._sequences[shop.first] = 2**31 - 2  # a broker takes any number as the first one
    for _ in range(3):
        await write(producer, {shop.first: ITEMS})
    assert await shop.values() == sorted([b"0", b"1", b"2"] * 3)


async def test_a_successor_fences_and_what_was_open_is_never_read(shop: Shop) -> None:
    old = await shop.begin()
    await old.add([shop.first], ready)
    await old.send({shop.first: ITEMS})
    new = await shop.begin()
    assert (new.id, new.epoch > old.epoch) == (old.id, True)
    with pytest.raises(ProducerFenced):
        await old.commit()
    for step in (old.add([shop.first], ready), old.send({shop.first: ITEMS})):
        with pytest.raises(ProducerFenced):
            await step
    await write(new, {shop.first: ITEMS[:1]})
    assert await shop.values() == [b"0"]


async def test_a_step_that_fails_names_the_partition_that_was_refused(shop: Shop) -> None:
    producer = await shop.begin()
    await producer.add([shop.first, shop.second], ready)
    await producer.send({shop.first: ITEMS, shop.second: ITEMS})
    producer._sequences[shop.second] = 70
    with pytest.raises(OutOfOrderSequenceNumber):
        await producer.send({shop.first: ITEMS, shop.second: ITEMS})
    assert producer.left == {shop.second}


async def test_a_connection_that_breaks_is_told_and_made_anew(shop: Shop) -> None:
    producer = await shop.begin()
    await write(producer, {shop.first: ITEMS})
    assert shop.lost == 0
    for connection in list(producer.client._conns.values()):
        connection._writer.transport.abort()
    await write(producer, {shop.first: ITEMS})
    assert shop.lost > 0
    assert await shop.values() == sorted([b"0", b"1", b"2"] * 2)
