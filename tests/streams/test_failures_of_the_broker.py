"""A broker that is away: a short time is waited for, a long one ends the owner; what it forgot ends the owner too."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer

from projections.fold import Output
from schemas import topics
from streams import failures
from streams.access import Kafka
from streams.engine import Engine
from streams.engine_producer import CLOSE_S
from streams.errors import BrokerSilent, NotWritten
from tajo.errors import BrokerUnreachable
from tajo.running import running
from tests.streams import logs
from tests.streams.alarms import Alarms
from tests.streams.own_broker import OwnBroker
from tests.streams.stand import HeldFold, Stand

pytestmark = pytest.mark.kafka


# It forgets producers that were idle for a second; by default: for a week.
FORGETFUL = (
    "transactional.id.expiration.ms=1000",
    "transaction.remove.expired.transaction.cleanup.interval.ms=200",
)


@pytest.fixture(scope="module")
def broker() -> Iterator[OwnBroker]:
    with OwnBroker() as broker:
        yield broker


@pytest.fixture
async def stand(broker: OwnBroker, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Stand]:
    stand = Stand(
        broker.bootstrap_servers,
        topic_prefix,
        tmp_path,
        lambda parts: HeldFold(parts, Alarms(), None),
        name="alarms",
        inputs=Alarms.inputs,
    )
    await stand.create("customers", topics.COMMAND)
    yield stand
    await stand.end()


async def say(owner: HeldFold, what: bytes) -> None:
    await owner.commit([Output(topics.COMMAND, b"account", what)], [(b"last", what)], {})


async def told(stand: Stand) -> list[bytes]:
    return [r.value for r in await logs.read_decided(stand.kafka, stand.names.topic(topics.COMMAND))]


async def test_a_broker_that_is_restarted_ends_nobody(
    stand: Stand, broker: OwnBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "ANSWER_S", 120.0)  # on a busy machine its start takes longer than 30 s
    owner = await stand.start()
    await say(owner, b"before")
    await asyncio.to_thread(broker.kill)
    during = asyncio.create_task(say(owner, b"during"))
    await asyncio.sleep(0)  # it has begun
    await asyncio.to_thread(broker.start)
    await during
    await say(owner, b"after")
    assert await told(stand) == [b"before", b"during", b"after"]
    assert owner.store.get([b"last"]) == {b"last": b"after"}


async def test_a_coordinator_that_stays_away_ends_its_owner_in_time(
    stand: Stand, broker: OwnBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "ANSWER_S", 3.0)
    owner = await stand.start()
    owner.hold()
    saying = asyncio.create_task(say(owner, b"lost"))
    await owner.reached.wait()  # all batches are written, the commit is not
    await asyncio.to_thread(broker.kill)
    owner.go.set()
    try:
        with pytest.raises(BrokerSilent) as found:
            await saying
        await asyncio.wait_for(owner.stop(), 2 * CLOSE_S)
    finally:
        await asyncio.to_thread(broker.start)
    assert f"Kafka has not answered {stand.changelog}/0 for 3 s: it could not commit. " in str(found.value)
    assert owner.store.get([b"last"]) == {b"last": None}
    successor = await stand.start()
    # Its commit may still have reached the broker, on its way when it gave up: then its table has come along.
    came = [b"lost"] if successor.store.get([b"last"])[b"last"] == b"lost" else []
    await say(successor, b"next")
    assert await told(stand) == [*came, b"next"]


async def test_a_broker_that_goes_away_while_an_engine_looks_for_its_topics_ends_it_for_a_new_start(
    stand: Stand, broker: OwnBroker, tmp_path: Path
) -> None:
    class Interrupted(Engine):
        async def _find_topics(self, probe: AIOKafkaConsumer) -> None:
            await asyncio.to_thread(broker.kill)  # it has answered once, and does not a second time
            await super()._find_topics(probe)

    engine = Interrupted(
        "nobody", [], kafka=Kafka(broker.bootstrap_servers), names=stand.names, partitions=1, data_dir=tmp_path
    )
    try:
        with pytest.raises(BrokerUnreachable, match="The broker went away while this component started"):
            await running(engine).__aenter__()
    finally:
        await asyncio.to_thread(broker.start)


async def test_an_owner_that_the_broker_has_forgotten_ends(stand: Stand, broker: OwnBroker) -> None:
    broker.more = FORGETFUL
    await asyncio.to_thread(broker.restart)
    owner = await stand.start()

    async def forgotten() -> bool:
        await asyncio.sleep(1.5)  # idle for longer than a second
        with contextlib.suppress(NotWritten):
            await say(owner, b"lost")
            return False
        return True

    await logs.until(forgotten, "the broker has forgotten the producer")
    with pytest.raises(NotWritten) as found:
        await say(owner, b"lost")
    assert "the broker has forgotten its producer, which was idle for longer than " in str(found.value)
    assert str(found.value).endswith("Nothing of the batch is written; the next owner does it again.")
    await say(await stand.start(), b"next")
    assert (await told(stand))[-1] == b"next"
