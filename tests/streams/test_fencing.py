"""Of two owners of a partition only the later one writes, and a fence ends no more than it has to."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import cast

import pytest
from aiokafka import AIOKafkaProducer

from projections.fold import Output
from schemas import topics
from streams.engine import Engine
from streams.errors import EXIT_FAILED, Fenced
from streams.owner import Parts
from streams.transaction import TIMEOUT_MS
from tests.streams import logs
from tests.streams.alarms import Alarms
from tests.streams.stand import Died, HeldFold, Stand, Write, alarm_engine

SET: Write = (b"a", b'{"at": 1}', ())


def new(parts: Parts) -> HeldFold:
    return HeldFold(parts, Alarms(), None)


@pytest.fixture
async def stand(kafka: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Stand]:
    stand = Stand(kafka, topic_prefix, tmp_path, new, name="v1/alarms", table="alarms", inputs=Alarms.inputs)
    await stand.create("customers", topics.COMMAND)
    yield stand
    await stand.end()


@pytest.fixture
async def engine(stand: Stand, tmp_path: Path) -> AsyncIterator[Engine]:
    engine = alarm_engine(stand.names, stand.kafka, tmp_path / "engine", stand.failures, owner=new)
    await engine.start()
    yield engine
    await engine.stop()


async def told(stand: Stand) -> list[bytes]:
    return [r.value for r in await logs.read_decided(stand.kafka, stand.names.topic(topics.COMMAND))]


async def so(true: Callable[[], bool], what: str) -> None:
    async def asked() -> bool:
        return true()

    await logs.until(asked, what, timeout=30)


def owner_of(engine: Engine, partition: int) -> HeldFold:
    return cast(HeldFold, next(owner for owner in engine.owners() if owner.partition == partition))


async def test_a_second_owner_fences_the_first_which_then_writes_nothing(stand: Stand) -> None:
    first = await stand.start()
    await stand.write(topics.CART, SET)
    second = await stand.start()
    before = dict(first.store.items()), first.store.offset()
    with pytest.raises(Fenced, match="Another owner has taken"):
        await stand.feed(first)
    assert (dict(first.store.items()), first.store.offset()) == before
    assert first.position == {topics.CART: 0}
    with pytest.raises(Fenced):  # and so with whatever it tries next
        await first.commit([Output(topics.COMMAND, b"k", b"1")], [], {})
    assert await told(stand) == []
    assert await stand.table() == {}
    await stand.feed(second)
    assert await told(stand) == [b"a is set, 1 so far"]


async def test_a_fence_is_told_whatever_of_a_large_transaction_was_sent_when_it_was_met(stand: Stand) -> None:
    """What is still to be sent when the fence is met fails with another error of the producer's."""
    first = await stand.start()
    await stand.start()
    outputs = [Output(topics.COMMAND, None, bytes(900_000), partition=n % 4) for n in range(40)]
    with pytest.raises(Fenced):
        await first.commit(outputs, [(b"a", b"x")], {topics.CART: 1})
    assert await told(stand) == []


async def test_an_owner_fenced_in_the_middle_of_its_transaction_has_written_nothing(stand: Stand) -> None:
    first = await stand.start()
    await stand.write(topics.CART, SET)
    first.hold()
    feeding = asyncio.create_task(stand.feed(first))
    await first.reached.wait()
    second = await stand.start()
    first.go.set()
    with pytest.raises(Fenced):
        await feeding
    assert await told(stand) == []
    assert dict(first.store.items()) == {}
    await stand.feed(second)
    assert await told(stand) == [b"a is set, 1 so far"]


async def test_what_a_killed_owner_left_open_hides_nothing_once_the_next_one_has_started(stand: Stand) -> None:
    first = await stand.start()
    await stand.write(topics.CART, SET)
    first.dies = "before commit"
    with pytest.raises(Died):
        await stand.feed(first)
    name = stand.names.topic(topics.COMMAND)
    async with AIOKafkaProducer(bootstrap_servers=stand.kafka) as other:
        for partition in range(4):
            await other.send_and_wait(name, b"later", partition=partition)
    assert len(await logs.read(stand.kafka, name)) == 3  # one lies behind the open transaction

    async def all_visible() -> bool:
        return len(await logs.read(stand.kafka, name)) == 4

    await stand.start()
    await logs.until(all_visible, "the later record can be read", timeout=TIMEOUT_MS / 1000)


async def test_a_fence_on_a_partition_that_is_held_ends_the_process(stand: Stand, engine: Engine) -> None:
    await so(lambda: len(engine.app.consumer.positioned) == 4, "all partitions are positioned")
    await stand.start()
    await stand.write(topics.CART, SET)
    await so(lambda: bool(stand.failures), "the engine fails")
    assert isinstance(stand.failures[0], Fenced)
    assert await told(stand) == []


async def test_a_fence_on_a_partition_that_was_revoked_ends_its_owner_alone(stand: Stand, engine: Engine) -> None:
    await so(lambda: len(engine.app.consumer.positioned) == 4, "all partitions are positioned")
    owner = owner_of(engine, 0)
    owner.hold()
    await stand.write(topics.CART, SET)
    await owner.reached.wait()
    await stand.start()
    stopping = asyncio.create_task(engine.stop_owners([owner]))
    await so(lambda: owner.stopped, "the owner was told to stop")
    owner.go.set()
    await stopping
    stand.partition = 1
    await stand.write(topics.CART, (b"b", b'{"at": 1}', ()))
    await so(lambda: owner_of(engine, 1).position == {topics.CART: 1}, "another partition is folded")
    assert await told(stand) == [b"b is set, 1 so far"]
    assert not stand.failures


@pytest.mark.parametrize("fenced", [False, True])
async def test_a_rebalance_in_the_middle_of_a_transaction_ends_nobody_else(
    stand: Stand, engine: Engine, tmp_path: Path, fenced: bool
) -> None:
    """``fenced``: the transaction takes so long that the group gives the partition away meanwhile."""
    await so(lambda: len(engine.app.consumer.positioned) == 4, "all partitions are positioned")
    before = engine.owners()
    owner = owner_of(engine, 0)
    owner.hold()
    await stand.write(topics.CART, SET)
    await owner.reached.wait()
    other = alarm_engine(stand.names, stand.kafka, tmp_path / "other", stand.failures, owner=new)
    joining = asyncio.create_task(other.start())
    try:
        await so(lambda: all(owner.stopped for owner in before), "the partitions are revoked")
        if fenced:
            await stand.start()
        owner.go.set()
        await joining
        await so(lambda: engine.owners() and other.owners(), "each has partitions")  # type: ignore[arg-type,return-value]
        for partition in range(4):
            stand.partition = partition
            await stand.write(topics.CART, (b"b", b'{"at": 1}', ()))

        async def all_folded() -> bool:
            return sorted(await told(stand)) == [b"a is set, 1 so far"] + 4 * [b"b is set, 1 so far"]

        await logs.until(all_folded, "each partition is folded, and what was held is folded once")
        owners = engine.owners() + other.owners()
        assert sorted(owner.partition for owner in owners) == [0, 1, 2, 3]
        assert not set(owners) & set(before)
        assert not stand.failures
    finally:
        await joining
        await other.stop()


async def test_a_commit_is_finished_although_its_task_is_cancelled(stand: Stand) -> None:
    owner = await stand.start()
    owner.hold()
    committing = asyncio.create_task(owner.commit([Output(topics.COMMAND, b"k", b"1")], [(b"a", b"x")], {}))
    await owner.reached.wait()
    committing.cancel()
    waiting = asyncio.create_task(owner.commit([Output(topics.COMMAND, b"k", b"2")], [], {topics.CART: 3}))
    await asyncio.sleep(0)
    owner.go.set()
    with pytest.raises(asyncio.CancelledError):
        await committing
    await waiting
    assert await told(stand) == [b"1", b"2"]
    assert owner.store.get([b"a"]) == {b"a": b"x"}
    assert owner.stored_position() == owner.position == {topics.CART: 3}


class Restless(HeldFold):
    async def ready(self) -> None:
        self.spawn(self.fail(), "restlessness")

    async def fail(self) -> None:
        raise ZeroDivisionError("of a background task")


async def test_a_background_task_that_fails_ends_the_process(stand: Stand, tmp_path: Path) -> None:
    engine = alarm_engine(
        stand.names,
        stand.kafka,
        tmp_path / "engine",
        stand.failures,
        owner=lambda parts: Restless(parts, Alarms(), None),
    )
    await engine.start()
    try:
        await so(lambda: bool(stand.failures), "the engine fails")
    finally:
        await engine.stop()
    assert isinstance(stand.failures[0], ZeroDivisionError)
    assert len(stand.failures) == 1  # it is told once, though it happens in four partitions


def test_a_process_that_ends_says_why_and_has_an_exit_status_of_its_own() -> None:
    code = "from streams.engine import end_process; end_process(ValueError('Too much.')); print('never')"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (EXIT_FAILED, "")
    assert "ValueError: Too much." in ended.stderr
