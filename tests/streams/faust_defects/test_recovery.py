"""A changelog that was written in transactions ends in control records: for Faust it never ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import faust
import pytest
from aiokafka import AIOKafkaProducer
from faust.types import TP

from schemas import topics
from streams.engine import Engine
from streams.errors import Standstill, TopicsMissing
from streams.folds import FoldOwner
from streams.owner import Parts
from tests.streams import logs
from tests.streams.alarms import Alarms
from tests.streams.faust_defects.ours import Ours, owner_of
from tests.streams.faust_defects.stock import create, new_app, repaired, source


@asynccontextmanager
async def transaction(kafka: str, name: str) -> AsyncIterator[AIOKafkaProducer]:
    async with AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=name) as producer, producer.transaction():
        yield producer


def app_with_table(kafka: str, name: str, folder: Path) -> faust.App:
    app = new_app(kafka, name, folder)
    table = app.Table("sums", partitions=1, key_type=bytes, value_type=bytes)

    async def fold(stream: Any) -> None:
        async for event in stream.events():
            table[event.key] = event.value

    app.agent(source(app, f"{name}-input"))(fold)
    return app


async def test_faust_waits_for_ever_for_a_record_that_is_a_control_record(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    name = f"{topic_prefix}stock"
    changelog = TP(f"{name}-sums-changelog", 0)
    for topic in (f"{name}-input", changelog.topic):
        await create(kafka, topic, {})
    async with transaction(kafka, name) as producer:
        for value in (b"1", b"2"):
            await producer.send_and_wait(changelog.topic, value, key=b"a", partition=0)
    app = app_with_table(kafka, name, tmp_path)
    app.finalize()
    start = asyncio.create_task(app.start())  # returns when the tables are restored
    try:

        async def read_to_the_end() -> bool:
            applied = app.tables.recovery.active_offsets.get(changelog)
            return bool(applied == 1 and await app.consumer.position(changelog) == 3)

        await logs.until(read_to_the_end, "stock Faust has both records, and has read on to the end", timeout=30)
        # It waits for offset 2, the last one. That is the control record of the commit, and is never delivered.
        assert dict(app.tables.recovery.active_remaining()) == {changelog: 1}, repaired("D25")
        assert not start.done(), repaired("D25")
    finally:
        start.cancel()
        await asyncio.wait([start])
        await app.stop()


class LeavesOpen(FoldOwner):
    """The alarms; once it ``fails``, with a transaction that is neither committed nor aborted."""

    fails = False

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts, Alarms(), None)
        producer = self._transactions.producer
        commit = producer.commit

        async def commit_or_fail() -> None:
            if self.fails:
                raise RuntimeError("It breaks off.")
            await commit()

        producer.commit = commit_or_fail


async def test_ours_restores_past_control_records_of_commits_and_aborts(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    ours = Ours(kafka, topic_prefix, tmp_path)
    await ours.create()
    await ours.write(b'{"at": 1}', b'{"at": 2}')
    engine = ours.engine("one", LeavesOpen)
    async with ours.running(engine):
        await ours.all_told(2)
        owner = await owner_of(engine, lambda owner: owner.position == {topics.CART: 2})
        owner.fails = True
        await ours.write(b'{"at": 3}')
        await ours.failed()
    async with ours.running(ours.engine("two")) as engine:  # it aborts what was left open; its local store is empty
        await ours.all_told(3)
        assert TP(ours.changelog, 0) not in engine.app.consumer._get_active_partitions()  # Faust itself reads none (D5)
    assert await ours.told() == [b"a is set, %d so far" % n for n in (1, 2, 3)]


async def test_faust_restores_nothing_any_more_after_a_step_that_was_cancelled_from_inside(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    """As a wait inside aiokafka may be when a broker goes away."""
    name = f"{topic_prefix}stock"
    for topic in (f"{name}-input", f"{name}-sums-changelog"):
        await create(kafka, topic, {})
    app = app_with_table(kafka, name, tmp_path)
    app.finalize()
    recovery = app.tables.recovery
    tasks = set[Any]()

    async def cut_off(*_: Any) -> None:
        tasks.add(asyncio.current_task())
        raise asyncio.CancelledError

    recovery._build_highwaters = cut_off
    start = asyncio.create_task(app.start())
    try:

        async def ended() -> bool:
            restores = [task for task in recovery._futures if "_restart_recovery" in repr(task)]
            return bool(tasks) and not any(task for task in restores if not task.done())

        await logs.until(ended, "the task that restores is gone", timeout=30)
        assert app.crash_reason is None, repaired("D31")
        assert not app.should_stop, repaired("D31")
    finally:
        start.cancel()
        await asyncio.wait([start])
        await app.stop()


class CutOff(FoldOwner):
    def __init__(self, parts: Parts) -> None:
        super().__init__(parts, Alarms(), None)

    async def restore(self) -> int:
        raise asyncio.CancelledError


@asynccontextmanager
async def restoring_for_ever(engine: Engine) -> AsyncIterator[None]:
    """An engine whose start waits for a restore that does not end."""
    start = asyncio.create_task(engine.start())
    try:
        yield
    finally:
        engine._looking.cancel()
        start.cancel()
        await asyncio.wait([start, engine._looking])
        await engine.app.stop()
        await engine._probe.stop()


async def test_ours_ends_when_a_restore_was_cancelled_from_inside(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    ours = Ours(kafka, topic_prefix, tmp_path)
    await ours.create()
    engine = ours.engine("one", CutOff)
    async with restoring_for_ever(engine):
        await ours.failed()
    assert str(ours.failures[0]) == "A restore was cut off; nobody would do it any more."


async def test_ours_ends_when_polling_was_cancelled_from_inside(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    ours = Ours(kafka, topic_prefix, tmp_path)
    await ours.create()
    async with ours.running(ours.engine("one")) as engine:
        consumer = engine.app.consumer
        getmany = consumer._getmany

        async def cut_off(**given: Any) -> Any:
            if asyncio.current_task() is polling:
                raise asyncio.CancelledError
            return await getmany(**given)

        consumer._getmany = cut_off
        polling = asyncio.create_task(consumer._drain_messages(engine.app._fetcher))  # beside Faust's own
        await ours.failed()
    assert list(map(str, ours.failures)) == ["Polling was cut off; nobody would do it any more."]


async def test_ours_waits_for_its_topics_instead_of_being_left_out_of_the_assignment(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    ours = Ours(kafka, topic_prefix, tmp_path)
    engine = ours.engine("one")
    start = asyncio.create_task(engine.start())
    await asyncio.sleep(0)
    await ours.create()  # while it looks for them
    await start
    try:
        await ours.write(b'{"at": 1}')
        await ours.all_told(1)
    finally:
        await engine.stop()


async def test_ours_names_the_topics_that_are_missing(
    kafka: str, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.engine.TOPICS_S", 0.0)
    ours = Ours(kafka, topic_prefix, tmp_path)
    with pytest.raises(TopicsMissing) as error:
        await ours.engine("one").start()
    assert str(error.value) == (
        f"Kafka does not know {ours.names.topic(ours.input)}, {ours.changelog}: `tajo topics apply` creates them."
    )


async def test_ours_begins_though_faust_cancels_who_waits_for_it_and_restores_anew(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    """As at each rebalance that comes while a restore is under way."""
    ours = Ours(kafka, topic_prefix, tmp_path)
    await ours.create()
    await ours.write(b'{"at": 1}')
    engine = ours.engine("one")
    position, asked, go_on, again = engine.position, asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(owner: Any) -> Any:
        asked.set()
        await go_on.wait()
        return await position(owner)

    engine.position = slow
    start = asyncio.create_task(engine.start())
    await asked.wait()
    consumer = engine.app.consumer
    perform_seek = consumer.perform_seek

    async def noted() -> None:
        again.set()
        await perform_seek()

    consumer.perform_seek = noted
    engine.app.tables.recovery.signal_recovery_start.set()
    await again.wait()
    go_on.set()
    await start
    try:
        await ours.all_told(1)
    finally:
        await engine.stop()
    assert ours.failures == []


async def test_ours_ends_when_an_owner_never_begins(
    kafka: str, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it waits for."""
    monkeypatch.setattr("streams.engine.LOOK_EVERY_S", 0.01)
    monkeypatch.setattr("streams.engine.UNHEARD", 6_000)  # the start itself takes more looks than usual
    ours = Ours(kafka, topic_prefix, tmp_path)
    await ours.create()
    engine = ours.engine("one")

    async def never(_: Any) -> Any:
        await asyncio.Event().wait()

    engine.position = never
    async with restoring_for_ever(engine):
        error = await ours.failed()
    assert isinstance(error, Standstill)
    assert str(error) == (
        "For 0 s nothing has come of the beginning of v1/alarms/0, although the broker answers. This process ends, "
        "since a new one begins anew."
    )
