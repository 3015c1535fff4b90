"""A transaction that fails ends its owner with a sentence: where, why, what happens next. Nothing of it is written."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from projections.fold import Output
from schemas import topics
from streams import failures, transaction
from streams.errors import EXIT_FAILED, BrokerSilent, Fenced, NotWritten, StreamsError, TransactionExpired
from streams.names import Names
from tajo.supervision import FINAL
from tests.streams import logs
from tests.streams.alarms import Alarms
from tests.streams.stand import COUNT, HeldFold, Stand, Write
from tests.streams.test_engine import changes, prepare
from tests.streams.worker_process import WorkerProcess

SET: Write = (b"a", b'{"at": 1}', ())
SCAN_S = 1  # between two looks of the broker for transactions that take too long (tajo/kafka/properties.py)
AFTERWARDS = "Nothing of the batch is written; the next owner does it again."


@pytest.fixture
async def stand(kafka: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Stand]:
    stand = Stand(
        kafka, topic_prefix, tmp_path, lambda p: HeldFold(p, Alarms(), None), name="alarms", inputs=Alarms.inputs
    )
    await stand.create("customers", topics.COMMAND)
    yield stand
    await stand.end()


async def create_small(kafka: str, name: str) -> None:
    """A topic that takes no record of more than 100 bytes, with what is around it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, COUNT, 1, topic_configs={"max.message.bytes": "100"})])
    finally:
        await admin.close()


async def delete(kafka: str, name: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await admin.delete_topics([name])

        async def gone() -> bool:
            return name not in await admin.list_topics()

        await logs.until(gone, f"{name} is deleted")
    finally:
        await admin.close()


async def fails(stand: Stand, failing: HeldFold, kind: type[StreamsError]) -> str:
    """What the owner says when it is fed; afterwards it says the same of whatever it is asked to write."""
    before = dict(failing.store.items()), failing.store.offset(), dict(failing.position)
    with pytest.raises(kind) as found:
        await stand.feed(failing)
    assert type(found.value) is kind
    with pytest.raises(kind) as again:
        await failing.commit([], [(b"b", b"x")], {})
    assert again.value is found.value
    assert (dict(failing.store.items()), failing.store.offset(), failing.position) == before
    return str(found.value)


async def goes_on(stand: Stand) -> None:
    """The next owner does it, once."""
    await stand.feed(await stand.start())
    told = await logs.read_decided(stand.kafka, stand.names.topic(topics.COMMAND))
    assert [record.value for record in told] == [b"a is set, 1 so far"]
    assert json.loads((await stand.table())[b"a"])["seen"] == 1


async def test_a_batch_that_the_broker_refuses_ends_its_owner(stand: Stand) -> None:
    small = stand.names.topic(topics.dead(topics.CART))
    await create_small(stand.kafka, small)
    failing = await stand.start()
    with pytest.raises(NotWritten) as found:
        await failing.commit(
            [Output(topics.COMMAND, b"k", b"1"), Output(topics.dead(topics.CART), b"k", bytes(200), partition=2)],
            [(b"a", b"x")],
            {},
        )
    assert str(found.value) == (
        f"{stand.changelog}/0 could not write to {small}/2: it is larger than the topic's max.message.bytes, which "
        f"`tajo topics apply` sets. {AFTERWARDS}"
    )
    assert failing.store.get([b"a"]) == {b"a": None}
    await stand.write(topics.CART, SET)
    await goes_on(stand)


async def test_an_output_whose_topic_is_deleted_under_way_ends_its_owner_in_time(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiokafka alone would ask for its leader for 40 s, and spoil the sequence of what comes after."""
    monkeypatch.setattr(failures, "ANSWER_S", 3.0)
    failing = await stand.start()
    await stand.write(topics.CART, SET)
    await failing.commit([Output(topics.COMMAND, b"account", b"first")], [], {})
    gone = stand.names.topic(topics.COMMAND)
    await delete(stand.kafka, gone)
    said = await fails(stand, failing, BrokerSilent)
    assert f"{stand.changelog}/0 for 3 s: it could not write to {gone}/" in said
    assert "Look at the brokers, and whether all partitions have a leader." in said
    await logs.create(stand.kafka, [gone])
    await goes_on(stand)


async def test_a_transaction_that_took_too_long_is_told_from_a_fence(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transaction, "TIMEOUT_MS", 1_000)
    failing = await stand.start()
    await stand.write(topics.CART, SET)
    failing.hold()
    feeding = asyncio.create_task(fails(stand, failing, TransactionExpired))
    await failing.reached.wait()
    command = stand.names.topic(topics.COMMAND)
    await logs.read_decided(stand.kafka, command)  # the broker has aborted it
    failing.go.set()
    said = await feeding
    assert said.startswith(f"A transaction of {stand.changelog}/0 was open for ")
    assert "the broker aborts it after 1 s, so that readers go on." in said
    assert said.endswith(AFTERWARDS)
    assert isinstance(
        failing._transactions._broken, Fenced
    )  # on a partition that is no longer ours it ends that owner alone
    await goes_on(stand)


async def test_a_sequence_that_the_broker_does_not_expect_ends_its_owner(stand: Stand) -> None:
    failing = await stand.start()
    await stand.write(topics.CART, SET)
    failing._transactions.producer._sequences[failing.changelog] += 7  # as a batch leaves it that was given up unsent
    said = await fails(stand, failing, NotWritten)
    assert said == (
        f"{stand.changelog}/0 could not write to {stand.changelog}/0: the broker lacks a batch before it "
        f"(OutOfOrderSequenceNumber). {AFTERWARDS}"
    )
    await goes_on(stand)


async def test_a_worker_ends_with_its_exit_status_and_a_sentence(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    names = Names(prefix=topic_prefix)
    small, log = names.topic(topics.COMMAND), tmp_path / "log"
    await create_small(kafka, small)
    inputs = [names.topic(topic) for topic in (topics.ORDER, "customers", topics.dead(topics.ORDER))]
    await logs.create(kafka, [*inputs, *(names.changelog(table) for table in ("entries", "sums"))])
    await logs.write(kafka, names.topic(topics.ORDER), [(b"k", b'{"group": "%s", "amount": 1}' % (b"g" * 100))])
    worker = WorkerProcess("tests.streams.counting_worker", kafka, topic_prefix, str(tmp_path / "data"), log=log)
    try:
        await logs.until(worker.has_ended, "the worker has ended")
    finally:
        worker.end()
    assert worker.ended() == EXIT_FAILED
    assert EXIT_FAILED not in FINAL  # so `tajo up` starts it anew
    (line,) = [line for line in log.read_text().splitlines() if line.startswith("tajo: ")]
    assert " ends: NotWritten: " in line
    assert f"could not write to {small}/" in line
    assert line.endswith(AFTERWARDS)
    assert await logs.read_decided(kafka, small) == []


async def test_a_frozen_owner_holds_up_readers_no_longer_than_a_transaction_may_take(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    names = await prepare(kafka, topic_prefix)
    await logs.write(kafka, names.topic(topics.ORDER), changes(1_000, seed=7))
    log = tmp_path / "log"
    arguments = kafka, topic_prefix, str(tmp_path / "data"), "before commit", "SIGSTOP"
    worker = WorkerProcess("tests.streams.mortal_worker", *arguments, log=log)
    try:
        await logs.until(worker.is_frozen, "the worker freezes in the middle of a transaction")
        frozen_at = time.monotonic()
        await logs.read_decided(kafka, names.topic("customers"))
        seconds = time.monotonic() - frozen_at
        print(f"readers went on {seconds:.1f} s after the owner was frozen")
        assert seconds < transaction.TIMEOUT_MS / 1000 + SCAN_S + 4
        worker.thaw()

        async def has_said_so() -> bool:
            return "the broker aborts it after 10 s, so that readers go on." in log.read_text()

        await logs.until(has_said_so, "the owner has found that its transaction is gone")
        # If the group takes its partitions before it hears of it, that owner alone ends.
        if "An owner ended with its partition" not in log.read_text():
            await logs.until(worker.has_ended, "the worker has ended")
            assert worker.ended() == EXIT_FAILED
            assert " ends: TransactionExpired: " in log.read_text()
    finally:
        worker.end()
