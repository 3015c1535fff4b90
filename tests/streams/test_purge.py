"""What is folded of an inner topic is deleted at the broker, and nobody who goes on misses anything."""

import json
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from faust.types import TP

from schemas import topics
from streams.access import Kafka
from streams.engine import Engine
from streams.errors import PositionLost
from streams.folds import FoldOwner
from streams.names import INNER, Names
from streams.owner import Owner
from streams.purge import Purge
from streams.reading import Reader
from streams.rebuild import Rebuild
from streams.role import Role
from tests.streams import logs
from tests.streams.counting import Entries, Sums
from tests.streams.stand import COUNT, Stand
from tests.streams.test_engine import changes, counts_never_repeat, equal, expected, prepare
from tests.streams.test_positions import cut
from tests.streams.test_rebuild import raise_it
from tests.streams.worker_process import WorkerProcess

INPUT = "customers"
OFTEN = 0.05


async def begins(kafka: str, topic: str) -> list[int]:
    """The first offset of each partition."""
    tps = [TopicPartition(topic, partition) for partition in range(COUNT)]
    async with AIOKafkaConsumer(bootstrap_servers=kafka) as probe:
        found = await probe.beginning_offsets(tps)
    return [found[tp] for tp in tps]


async def purged(kafka: str, topic: str) -> bool:
    return any(await begins(kafka, topic))


# --- with workers -----------------------------------------------------------------------------------------------------


async def test_a_worker_that_was_killed_between_purges_and_lost_its_store_misses_nothing(
    kafka: str, topic_prefix: str, tmp_path: Path, workers: list[WorkerProcess]
) -> None:
    names = await prepare(kafka, topic_prefix)
    records = changes(3_000, seed=22)
    await logs.write(kafka, names.topic(topics.ORDER), records)
    data = tmp_path / "data"
    module = "tests.streams.counting_worker"
    workers.append(WorkerProcess(module, kafka, topic_prefix, str(data), str(OFTEN), log=tmp_path / "log"))
    await logs.until(partial(purged, kafka, names.topic(INPUT)), "the worker has purged")
    workers[0].kill()
    shutil.rmtree(data)
    workers[0].start()
    await logs.until(partial(equal, kafka, names, records), "all sums are there", timeout=90)
    assert await counts_never_repeat(kafka, names)

    async def empty() -> bool:
        return not await logs.read(kafka, names.topic(INPUT), COUNT)

    await logs.until(empty, "all that was folded is deleted")
    assert await begins(kafka, names.topic(topics.ORDER)) == [0] * COUNT
    assert workers[0].stop() == 0


class UntilPurged(Rebuild):
    """Goes on until something was deleted, however quickly it is done."""

    async def _drained(self, reader: Any) -> bool:
        done = await super()._drained(reader)
        return done and await purged(self._kafka.bootstrap_servers, self._names.topic(INPUT))


async def test_a_rebuild_purges_its_own_topics_and_can_be_continued(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    names = await prepare(kafka, topic_prefix)
    new = Names(version="v2", prefix=topic_prefix)
    records, folds = changes(1200, seed=23), [Entries(), Sums()]
    await logs.create(kafka, [new.topic(name) for name in INNER] + [new.changelog(fold.name) for fold in folds])
    for start, end, data in ((0, 800, "first"), (800, 1200, "second")):  # the second has to restore its tables
        await logs.write(kafka, names.topic(topics.ORDER), records[start:end])
        rebuild = UntilPurged(
            folds,
            kafka=Kafka(kafka),
            names=new,
            partitions=COUNT,
            data_dir=tmp_path / data,
            purge_every=OFTEN,
            on_failure=raise_it,
        )
        await rebuild.run()
        async with Reader(Kafka(kafka)) as reader:
            table = await reader.table(new.changelog("sums"), COUNT)
        assert +Counter({key.decode(): json.loads(row)[0] for key, row in table.items()}) == expected(records[:end])
    assert await begins(kafka, names.topic(INPUT)) == [0] * COUNT


# --- owner by owner ---------------------------------------------------------------------------------------------------


@pytest.fixture
async def stand(kafka: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Stand]:
    stand = Stand(
        kafka,
        topic_prefix,
        tmp_path,
        lambda parts: FoldOwner(parts, Sums(), None),
        name="v1/sums",
        table="sums",
        inputs=(INPUT,),
    )
    await stand.create(topics.COMMAND)
    yield stand
    await stand.end()


async def write(stand: Stand, count: int) -> None:
    await stand.write(INPUT, *[(b"g1", json.dumps([f"e{n}", 1]).encode(), ()) for n in range(count)])


async def counted(stand: Stand) -> list[int]:
    """What each record made of the sum; 1, 2, 3, … when each was folded once."""
    told = await logs.read_decided(stand.kafka, stand.names.topic(topics.COMMAND))
    return [json.loads(record.value)[1] for record in told]


async def begin(stand: Stand) -> int:
    return (await begins(stand.kafka, stand.names.topic(INPUT)))[stand.partition]


def purge(stand: Stand, *owners: Owner) -> Purge:
    return Purge(Kafka(stand.kafka), lambda: owners)


async def test_a_purge_of_a_fenced_owner_is_too_low_to_hurt_its_successor(stand: Stand) -> None:
    await write(stand, 3)
    first = await stand.start()
    await stand.feed(first)
    await write(stand, 3)
    second = await stand.start()  # first is fenced, and does not know it
    await purge(stand, first).once()
    assert await begin(stand) == 3 == second.stored_position()[INPUT]
    await stand.feed(second)
    await purge(stand, second).once()
    assert await begin(stand) == 6
    await purge(stand, first).once()
    assert await begin(stand) == 6
    await write(stand, 2)
    await stand.feed(await stand.start())
    assert await counted(stand) == [1, 2, 3, 4, 5, 6, 7, 8]


async def test_nothing_is_deleted_that_is_read_but_not_committed(stand: Stand) -> None:
    await write(stand, 2)
    owner = await stand.start()
    await stand.feed(owner)
    await write(stand, 2)
    owner.feed(INPUT, await stand.read(INPUT))  # it waits in the inbox
    await purge(stand, owner).once()
    assert owner.working
    assert await begin(stand) == 2


async def test_nothing_is_deleted_before_the_slowest_of_several_readers_has_it(stand: Stand) -> None:
    await write(stand, 4)
    quick, slow = await stand.start(), await stand.start()
    quick.position, slow.position = {INPUT: 4}, {INPUT: 1}
    await purge(stand, quick, slow).once()
    assert await begin(stand) == 1


async def test_nothing_is_deleted_for_an_owner_that_gives_its_partition_up(stand: Stand) -> None:
    await write(stand, 2)
    owner = await stand.start()
    await stand.feed(owner)
    await owner.stop()
    await purge(stand, owner).once()
    assert await begin(stand) == 0


async def test_a_partition_that_cannot_be_purged_is_logged_tried_again_and_holds_up_no_other(
    stand: Stand, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = Stand(
        stand.kafka,
        stand.names.prefix,
        tmp_path / "other",
        lambda parts: FoldOwner(parts, Sums(), None),
        name="v1/sums",
        table="sums",
        inputs=(INPUT,),
        partition=1,
    )
    await write(stand, 2)
    await write(other, 2)
    wrong, right = await stand.start(), await other.start()
    try:
        await other.feed(right)
        wrong.position = {INPUT: 1_000}
        both = purge(stand, wrong, right)
        await both.once()
        assert f"{stand.names.topic(INPUT)}/0 could not be purged up to 1000" in caplog.text
        assert (await begin(stand), await begin(other)) == (0, 2)
        wrong.position = {INPUT: 1}
        await both.once()
        assert await begin(stand) == 1
    finally:
        await other.end()


async def test_a_broker_that_is_away_is_logged(stand: Stand, caplog: pytest.LogCaptureFixture) -> None:
    owner = await stand.start()
    owner.position = {INPUT: 1}
    await Purge(Kafka("127.0.0.1:1"), lambda: [owner]).once()
    assert "Inner topics could not be purged" in caplog.text


# --- what the engine has to bear --------------------------------------------------------------------------------------


@asynccontextmanager
async def running(stand: Stand, folder: Path) -> AsyncIterator[Engine]:
    engine = Engine(
        f"{stand.names.prefix}sums",
        [Role("sums", (INPUT,), lambda parts: FoldOwner(parts, Sums(), None))],
        kafka=Kafka(stand.kafka),
        names=stand.names,
        partitions=COUNT,
        data_dir=folder,
        purge_every=OFTEN,
        on_failure=stand.failures.append,
    )
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()


async def folded(stand: Stand, count: int) -> None:
    async def all_folded() -> bool:
        return len(await counted(stand)) >= count or bool(stand.failures)

    await logs.until(all_folded, f"{count} records are folded", timeout=30)
    assert not stand.failures


async def test_going_back_to_a_committed_offset_that_was_purged_is_no_loss(stand: Stand, tmp_path: Path) -> None:
    """The group's offset is a hint of about a second ago, and Faust goes back to it at any time."""
    tp = TP(stand.names.topic(INPUT), stand.partition)

    async def all_done(consumer: Any) -> bool:
        return await begin(stand) == 4 == consumer._committed_offset[tp]

    await write(stand, 4)
    async with running(stand, tmp_path) as engine:
        await logs.until(partial(all_done, engine.app.consumer), "all is folded, deleted, and committed to the group")
        await engine.app.consumer._commit({tp: 1})
        await engine.app.consumer.perform_seek()
        await write(stand, 1)
        await folded(stand, 5)
    async with running(stand, tmp_path):
        await write(stand, 1)
        await folded(stand, 6)
    assert await counted(stand) == [1, 2, 3, 4, 5, 6]


async def test_a_lost_table_whose_input_was_purged_stops_the_engine(stand: Stand, tmp_path: Path) -> None:
    await write(stand, 3)
    await cut(stand, before=2, topic=INPUT)
    async with running(stand, tmp_path):

        async def failed() -> bool:
            return bool(stand.failures)

        await logs.until(failed, "the engine fails", timeout=30)
    assert isinstance(stand.failures[0], PositionLost)
    for part in (f"{stand.names.topic(INPUT)}/0 begins at 2", stand.changelog, "Start a rebuild under a new version"):
        assert part in str(stand.failures[0])
    assert await counted(stand) == []
