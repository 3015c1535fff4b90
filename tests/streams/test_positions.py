"""An owner goes on exactly where its table ends, or not at all."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.errors import TopicAlreadyExistsError

from schemas import topics
from streams.engine import Engine
from streams.errors import PositionLost
from streams.folds import FoldOwner
from tests.streams import logs
from tests.streams.alarms import Alarms
from tests.streams.stand import COUNT, HeldFold, Stand, alarm_engine


@pytest.fixture
async def stand(kafka: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Stand]:
    stand = Stand(
        kafka, topic_prefix, tmp_path, lambda p: FoldOwner(p, Alarms(), None), name="alarms", inputs=Alarms.inputs
    )
    await stand.create("customers", topics.COMMAND)
    yield stand
    await stand.end()


@asynccontextmanager
async def running(stand: Stand, folder: Path, new: Callable[..., Engine] = alarm_engine) -> AsyncIterator[Engine]:
    engine = new(stand.names, stand.kafka, folder, stand.failures)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()


async def write(stand: Stand, count: int) -> None:
    await stand.write(topics.CART, *[(b"a", json.dumps({"at": n}).encode(), ()) for n in range(count)])


async def told(stand: Stand) -> int:
    return len(await logs.read_decided(stand.kafka, stand.names.topic(topics.COMMAND), COUNT))


async def folded(stand: Stand, count: int) -> None:
    async def all_told() -> bool:
        return await told(stand) >= count

    await logs.until(all_told, f"{count} records are folded", timeout=30)


async def owners(engine: Engine, partition: int) -> list[Any]:
    found: list[Any] = []

    async def any_found() -> bool:
        found[:] = [owner for owner in engine.owners() if owner.partition == partition]
        return bool(found)

    await logs.until(any_found, f"partition {partition} has its owner", timeout=30)
    return found


async def failed(stand: Stand) -> str:
    """The message of the first failure, which has to be of lost positions."""

    async def any_failure() -> bool:
        return bool(stand.failures)

    await logs.until(any_failure, "the engine fails", timeout=40)
    assert isinstance(stand.failures[0], PositionLost)
    return str(stand.failures[0])


async def cut(stand: Stand, before: int, topic: str = topics.CART) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=stand.kafka)
    await admin.start()
    try:
        tp = TopicPartition(stand.names.topic(topic), stand.partition)
        await admin.delete_records({tp: RecordsToDelete(before_offset=before)})
    finally:
        await admin.close()


async def create_anew(stand: Stand) -> None:
    name = stand.names.topic(topics.CART)
    admin = AIOKafkaAdminClient(bootstrap_servers=stand.kafka)
    await admin.start()
    try:
        await admin.delete_topics([name])

        async def created() -> bool:
            try:
                await admin.create_topics([NewTopic(name, COUNT, 1)])
            except TopicAlreadyExistsError:  # the old one is still on its way out
                return False
            return True

        await logs.until(created, f"{name} is created anew", timeout=20)
    finally:
        await admin.close()


async def test_a_topic_created_anew_under_a_stored_position_stops_the_engine(stand: Stand, tmp_path: Path) -> None:
    await write(stand, 3)
    async with running(stand, tmp_path):
        await folded(stand, 3)
    await create_anew(stand)
    await write(stand, 1)
    async with running(stand, tmp_path):
        message = await failed(stand)
    for part in (f"{stand.names.topic(topics.CART)}/0", "0 to 1", "up to 3", "start a rebuild under a new version"):
        assert part in message
    assert await told(stand) == 3


async def test_a_topic_cut_beyond_a_stored_position_stops_the_engine(stand: Stand, tmp_path: Path) -> None:
    await write(stand, 2)
    async with running(stand, tmp_path):
        await folded(stand, 2)
    await write(stand, 3)
    await cut(stand, before=4)
    async with running(stand, tmp_path):
        message = await failed(stand)
    for part in ("4 to 5", "up to 2", "start a rebuild under a new version"):
        assert part in message
    assert await told(stand) == 2


async def test_a_topic_cut_up_to_a_stored_position_is_read_on(stand: Stand, tmp_path: Path) -> None:
    await write(stand, 2)
    async with running(stand, tmp_path):
        await folded(stand, 2)
    await write(stand, 3)
    await cut(stand, before=2)
    async with running(stand, tmp_path):
        await folded(stand, 5)
    assert not stand.failures


class Slow(HeldFold):
    """Its first batch waits until the test lets it go on."""

    async def ready(self) -> None:
        self.hold()


async def test_a_topic_cut_beyond_where_a_slow_owner_reads_stops_the_engine(stand: Stand, tmp_path: Path) -> None:
    await write(stand, 10)
    slow = partial(alarm_engine, owner=lambda parts: Slow(parts, Alarms(), None), limit=2)
    async with running(stand, tmp_path, slow) as engine:
        (owner,) = await owners(engine, stand.partition)

        async def full() -> bool:
            return bool(owner.full(topics.CART))

        await logs.until(full, "the owner takes no more", timeout=30)
        await write(stand, 5)  # what is still to be read was fetched before these
        await cut(stand, before=13)
        owner.go.set()
        assert "13 to 15" in await failed(stand)
        assert await told(stand) <= 10


async def test_a_fresh_owner_begins_where_the_log_begins(stand: Stand, tmp_path: Path) -> None:
    await write(stand, 5)
    await cut(stand, before=3)
    async with running(stand, tmp_path) as engine:
        await folded(stand, 2)
        assert [o.position for o in engine.owners() if o.partition == stand.partition] == [{topics.CART: 5}]
    assert await told(stand) == 2
    assert not stand.failures
