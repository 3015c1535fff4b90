"""Transactions that the broker decided and never marked in a partition: the next owner, or the same one, ends them so.

Kafka 4.3.1 does that when it goes down in the milliseconds between both. Here the coordinator is not told of a
partition that is written to, which a broker allows that does not verify; what the partition knows then is the same.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition

from projections.fold import Output
from schemas import topics
from streams.engine_markers import Last, Marks, Undecided, _Asked, _DescribeProducersRequest
from streams.errors import TransactionUndecided
from streams.owner import Parts
from streams.transaction import Transactions
from streams.undecided import Session, committed, settle
from tests.streams import logs
from tests.streams.alarms import Alarms
from tests.streams.own_broker import OwnBroker
from tests.streams.stand import Died, MortalFold, Stand

pytestmark = pytest.mark.kafka


class LeavingFold(MortalFold):
    """Its transactions leave ``unmarked`` out when they tell the coordinator where they write."""

    unmarked: TopicPartition | None = None

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts, Alarms(), None)
        producer = self._transactions.producer
        add = producer.add

        async def leaving_out(tps: Collection[TopicPartition], *ready: Any) -> None:
            await add([tp for tp in tps if tp != self.unmarked], *ready)

        producer.add = leaving_out


@pytest.fixture(scope="module")
def broker() -> Iterator[OwnBroker]:
    with OwnBroker("transaction.partition.verification.enable=false") as broker:
        yield broker


@pytest.fixture
async def stand(broker: OwnBroker, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Stand]:
    stand = Stand(broker.bootstrap_servers, topic_prefix, tmp_path, LeavingFold, name="alarms", inputs=Alarms.inputs)
    await stand.create("customers", topics.COMMAND)
    yield stand
    await stand.end()


def commands(stand: Stand) -> TopicPartition:
    return TopicPartition(stand.names.topic(topics.COMMAND), 2)


async def say(owner: LeavingFold, what: bytes, partition: int = 2) -> None:
    await owner.commit([Output(topics.COMMAND, b"k", what, partition=partition)], [(b"last", what)], {})


async def leave(stand: Stand, what: bytes = b"left", dies: Any = "") -> LeavingFold:
    """An owner that said this in a transaction without a marker, and is gone."""
    owner: LeavingFold = await stand.start()
    await say(owner, b"before")
    assert await told(stand) == [b"before"]  # its marker would end what follows too
    owner.unmarked, owner.dies = commands(stand), dies
    with contextlib.suppress(Died):
        await say(owner, what)
    assert await seen(stand) == [b"before"]
    owner.unmarked = None
    return owner


async def seen(stand: Stand) -> list[bytes]:
    """What a reader has before it that it can go on from."""
    return [record.value for record in await logs.read(stand.kafka, commands(stand).topic)]


async def told(stand: Stand) -> list[bytes]:
    """The same, once nothing is undecided."""
    return [record.value for record in await logs.read_decided(stand.kafka, commands(stand).topic)]


async def test_what_a_predecessor_committed_is_seen_once_another_begins(
    stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    await leave(stand)
    await stand.start()
    assert await told(stand) == [b"before", b"left"]
    assert f"{commands(stand).topic}/2: a transaction at offset 2 had been committed" in caplog.text


async def test_what_a_predecessor_did_not_commit_is_never_seen(stand: Stand) -> None:
    await leave(stand, dies="before commit")
    owner = await stand.start()
    await say(owner, b"next")
    assert await told(stand) == [b"before", b"next"]


async def test_what_the_broker_gave_up_is_never_seen(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.transaction.TIMEOUT_MS", 1000)
    owner = await leave(stand, dies="before commit")
    transactions = owner._transactions

    async def given_up() -> bool:
        last = await transactions._marks.last(transactions._id)
        return last is not None and last.state == "CompleteAbort"

    await logs.until(given_up, "the broker has given the transaction up")
    await stand.start()
    assert await told(stand) == [b"before"]


async def test_an_owner_in_between_that_dies_at_once_does_not_hide_a_commit(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    await leave(stand)
    await begin_only(stand, monkeypatch)
    await stand.start()
    assert await told(stand) == [b"before", b"left"]


async def test_who_was_fenced_leaves_what_its_successor_has_open(stand: Stand) -> None:
    """It was frozen, say, and hears only when it writes again that it is nobody any more."""
    fenced: LeavingFold = await stand.start()
    await say(fenced, b"before")
    successor: LeavingFold = await stand.start()
    successor.dies = "before commit"
    with contextlib.suppress(Died):
        await say(successor, b"open")
    fenced._transactions._connection_lost()
    await settled(fenced)
    await stand.start()
    assert await told(stand) == [b"before"]


async def test_what_cannot_be_known_any_more_is_said(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """The abort has raised the epoch twice before the second owner, which might as well be two that wrote nothing."""
    await leave(stand, dies="before commit")
    await begin_only(stand, monkeypatch)
    with pytest.raises(TransactionUndecided) as found:
        await stand.start()
    assert f"{commands(stand).topic}/2: a transaction at offset 2 was decided, but never marked" in str(found.value)
    assert str(found.value).endswith(f"abort --topic {commands(stand).topic} --partition 2 --start-offset 2.")


async def begin_only(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """An owner that dies after it has fenced its predecessor."""

    async def die(*_: Any) -> None:
        raise Died

    with monkeypatch.context() as patched:
        patched.setattr("streams.transaction.settle", die)
        with pytest.raises(Died):
            await stand.start()


async def test_an_owner_ends_its_own_after_a_broker_was_away(stand: Stand, broker: OwnBroker) -> None:
    owner = await leave(stand)
    await asyncio.to_thread(broker.restart)
    await settled(owner)
    assert await told(stand) == [b"before", b"left"]


async def test_an_owner_ends_its_own_before_it_writes_more(stand: Stand, broker: OwnBroker) -> None:
    owner = await leave(stand)
    await asyncio.to_thread(broker.restart)
    owner.dies = "before sending"  # nothing of the next transaction has reached the broker then
    with pytest.raises(Died):
        await say(owner, b"more", partition=1)
    assert await told(stand) == [b"before", b"left"]


async def test_an_owner_ends_its_own_when_the_connection_was_lost_in_the_next_one(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await leave(stand)
    commit = owner._transactions.producer.commit

    async def lost() -> None:
        owner._transactions._connection_lost()
        await commit()

    monkeypatch.setattr(owner._transactions.producer, "commit", lost)
    await say(owner, b"more", partition=1)
    assert await seen(stand) == [b"more", b"before"]  # by partition
    await settled(owner)
    assert await told(stand) == [b"more", b"before", b"left"]


async def test_an_owner_whose_next_transaction_waits_for_the_broker_ends_the_one_before_first(
    stand: Stand, broker: OwnBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one is aborted then, and that would count for both."""
    owner = await leave(stand)
    add = owner._transactions.producer.add

    async def lost(*args: Any) -> None:
        await asyncio.to_thread(broker.restart)
        await add(*args)

    monkeypatch.setattr(owner._transactions.producer, "add", lost)
    owner.dies = "before commit"
    with pytest.raises(Died):
        await say(owner, b"more")
    await stand.start()
    assert await told(stand) == [b"before", b"left"]


async def test_an_owner_that_has_lost_no_connection_does_not_ask(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = await leave(stand)

    async def asked(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(Transactions, "_settle", asked)
    await owner.settle()
    await say(owner, b"more")
    assert await told(stand) == [b"before", b"left", b"more"]


async def settled(owner: LeavingFold) -> None:
    async def done() -> bool:
        await owner.settle()
        return not owner._transactions._lost

    assert owner._transactions._lost
    await logs.until(done, "the owner has settled its last transaction")


@pytest.mark.parametrize(
    ("before", "epoch", "expected"),
    [
        (None, 4, True),  # an own transaction
        (Last("CompleteCommit", 7, 4), 5, True),
        (Last("PrepareCommit", 7, 4), 5, True),
        (Last("Ongoing", 7, 4), 5, True),  # committed before it could be fenced
        (Last("Ongoing", 7, 4), 6, False),  # the fence aborted it, for an epoch of its own
        (Last("CompleteCommit", 7, 4), 6, None),  # that one, before somebody in between; or the next one, fenced
        (Last("Empty", 7, 4), 6, None),
        (Last("CompleteAbort", 7, 5), 6, False),
        (Last("PrepareEpochFence", 7, 5), 6, False),
        (Last("Empty", 7, 5), 6, True),  # one in between began, after a commit
        (Last("Empty", 7, 6), 7, None),
        (Last("CompleteAbort", 7, 6), 7, None),
        (Last("CompleteCommit", 8, 0), 6, None),  # another producer
    ],
)
def test_how_a_transaction_of_epoch_4_has_ended(before: Last | None, epoch: int, expected: bool | None) -> None:
    session, hanging = Session(before, 7, epoch), Undecided(epoch=4, coordinator_epoch=0, start=2)
    if expected is None:
        with pytest.raises(TransactionUndecided):
            committed(session, hanging, TopicPartition("t", 0))
    else:
        assert committed(session, hanging, TopicPartition("t", 0)) is expected


async def test_a_broker_without_these_requests_is_said_and_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    class OldBroker(Marks):
        async def unstable(self, tps: Collection[TopicPartition]) -> list[TopicPartition]:
            _Asked(_DescribeProducersRequest, []).prepare({61: (-1, -1)})
            raise AssertionError

    await settle(OldBroker(None), Session(None, 7, 4), [TopicPartition("t", 0)])
    assert "The broker does not know DescribeProducersRequest." in caplog.text
