"""What stock Faust takes for done though it is not: D1 to D4 of docs/faust-defects.md, and how owners do it."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from schemas import topics
from streams.errors import NotWritten
from streams.folds import FoldOwner
from tests.streams import logs
from tests.streams.alarms import Alarms
from tests.streams.counting import Entries
from tests.streams.faust_defects.ours import Held, Ours, owner_of
from tests.streams.faust_defects.stock import committed, create, new_app, repaired, running, source
from tests.streams.stand import Stand

pytestmark = pytest.mark.asyncio(loop_scope="module")
SMALL = {"max.message.bytes": "2000"}  # a changelog that refuses what is larger


class Stock:
    """One stock worker for all: an agent that raises, one that is held up, one whose table changes are refused."""

    def __init__(self, kafka: str, folder: Path) -> None:
        self.kafka, self.group = kafka, f"t{uuid.uuid4().hex[:8]}-stock"
        self.raises, self.held, self.large = (f"{self.group}-{name}" for name in ("raises", "held", "large"))
        self.changelog = f"{self.group}-kept-changelog"
        self.done: list[bytes] = []
        self.go = asyncio.Event()
        self.app = new_app(kafka, self.group, folder)
        self.table = self.app.Table("kept", partitions=1, key_type=bytes, value_type=bytes)
        self.app.agent(source(self.app, self.raises))(self._raise)
        self.app.agent(source(self.app, self.held), concurrency=2)(self._hold)
        self.app.agent(source(self.app, self.large))(self._keep)

    async def create(self) -> None:
        await logs.create(self.kafka, [self.raises, self.held, self.large], partitions=1)
        await create(self.kafka, self.changelog, SMALL)

    async def _raise(self, stream: Any) -> None:
        async for value in stream:
            if value == b"bad":
                raise RuntimeError("What it needs is away.")
            self.done.append(value)

    async def _hold(self, stream: Any) -> None:
        async for value in stream:
            if value == b"slow":
                await self.go.wait()
            self.done.append(value)

    async def _keep(self, stream: Any) -> None:
        async for event in stream.events():
            self.table[event.key] = event.value

    async def commits(self, topic: str, offset: int, row: str) -> None:
        async def reached() -> bool:
            return await committed(self.kafka, self.group, topic) == offset

        await logs.until(reached, f"stock Faust commits {offset}. {repaired(row)}", timeout=20)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stock(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stock]:
    worker = Stock(kafka, tmp_path_factory.mktemp("stock"))
    await worker.create()
    async with running(worker.app):
        yield worker


# --- D1: a record whose handling raised -------------------------------------------------------------------------------


async def test_faust_acknowledges_a_record_whose_agent_raised(stock: Stock) -> None:
    await logs.write(stock.kafka, stock.raises, [(b"a", b"first"), (b"a", b"bad"), (b"a", b"last")])
    await stock.commits(stock.raises, 3, "D1")
    assert [value for value in stock.done if value in (b"first", b"bad", b"last")] == [b"first", b"last"]


async def test_ours_folds_again_what_could_not_be_done_and_dead_letters_what_cannot_be_folded(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    ours = Ours(kafka, topic_prefix, tmp_path)
    await ours.create()
    await ours.write(b'{"at": 1}', b'{"bad": "bug"}', b'{"at": 3}')
    engine = ours.engine("one", Held)
    async with ours.running(engine):
        owner = await owner_of(engine, lambda owner: owner.reached.is_set())
        owner.fails = True
        owner.go.set()
        assert str(await ours.failed()) == "What it needs is away."
    assert await ours.committed() is None  # also after an orderly stop: the position is what is committed
    async with ours.running(ours.engine("two")):
        await ours.all_told(2)
        await ours.all_committed(3)
    assert await ours.told() == [b"a is set, 1 so far", b"a is set, 2 so far"]
    dead = await logs.read(kafka, ours.names.topic(topics.dead(topics.CART)), 1)
    assert [record.value for record in dead] == [b'{"bad": "bug"}']


# --- D2: a record that is still in work -------------------------------------------------------------------------------


async def test_faust_commits_past_a_record_that_is_still_in_work(stock: Stock) -> None:
    try:
        await logs.write(stock.kafka, stock.held, [(b"a", b"slow"), (b"a", b"second"), (b"a", b"third")])
        await stock.commits(stock.held, 3, "D2")
        assert b"slow" not in stock.done, repaired("D2")
    finally:
        stock.go.set()


async def test_ours_commits_no_further_than_what_is_in_the_log(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    ours = Ours(kafka, topic_prefix, tmp_path)
    await ours.create()
    await ours.write(*(b'{"at": %d}' % n for n in range(4)))
    engine = ours.engine("one", Held, limit=1)
    async with ours.running(engine):
        owner = await owner_of(engine, lambda owner: owner.reached.is_set() and owner.full(topics.CART))
        await engine.app.consumer.commit()
        assert (await ours.committed(), await ours.told()) == (None, [])
        owner.fails = True
        owner.go.set()
        await ours.failed()
    async with ours.running(ours.engine("two")):
        await ours.all_told(4)
        await ours.all_committed(4)
    assert await ours.told() == [b"a is set, %d so far" % n for n in (1, 2, 3, 4)]


# --- D3: a flush that gives up ----------------------------------------------------------------------------------------


@asynccontextmanager
async def silent(client: Any) -> AsyncIterator[None]:
    """The broker answers nothing that this client asks, until the block ends."""
    send, answers = client.send, asyncio.Event()

    async def waiting_send(*args: Any, **kwargs: Any) -> Any:
        await answers.wait()
        return await send(*args, **kwargs)

    client.send = waiting_send
    try:
        yield
    finally:
        answers.set()
        client.send = send


async def test_faust_gives_up_to_flush_while_the_broker_is_silent(stock: Stock) -> None:
    producer, out = stock.app.producer, source(stock.app, stock.held)
    async with silent(producer._producer.client):
        sent = [out.send_soon(key=b"a", value=b"x" * 1000) for _ in range(100)]  # its batches have 16 KiB
        await producer.buffer.flush()
        assert producer.buffer.size, repaired("D3")
    await asyncio.wait_for(asyncio.gather(*sent), timeout=20)


async def test_ours_waits_for_the_broker_and_moves_nothing_before_it_has_answered(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    stand = Stand(kafka, topic_prefix, tmp_path, lambda p: FoldOwner(p, Alarms(), None), name="a", inputs=Alarms.inputs)
    await stand.create("customers", topics.COMMAND)
    try:
        owner = await stand.start()
        await stand.write(topics.CART, (b"a", b'{"at": 1}', ()))
        async with silent(owner._transactions.producer.client):
            work = asyncio.create_task(stand.feed(owner))
            await asyncio.wait([work], timeout=0.5)  # Faust gives up after 0.1 s
            assert not work.done()
            assert (owner.position, owner.store.get([b"a"])) == ({topics.CART: 0}, {b"a": None})
        await work
        assert owner.position == {topics.CART: 1}
        assert json.loads((await stand.table())[b"a"])["at"] == 1
    finally:
        await stand.end()


# --- D4: a record that the broker refuses -----------------------------------------------------------------------------


async def test_faust_goes_on_when_the_broker_has_refused_a_change_of_a_table(stock: Stock) -> None:
    await logs.write(stock.kafka, stock.large, [(b"a", b"x" * 5000)])
    await stock.commits(stock.large, 1, "D4")
    assert stock.table[b"a"] == b"x" * 5000
    assert await logs.read(stock.kafka, stock.changelog, 1) == [], repaired("D4")


async def test_ours_ends_the_process_when_the_broker_has_refused_a_change_of_a_table(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    ours = Ours(kafka, topic_prefix, tmp_path, Entries(), told="customers")
    await ours.create(**SMALL)
    await ours.write(json.dumps({"group": "g", "amount": 1, "note": "x" * 5000}).encode())
    async with ours.running(ours.engine("one")):
        error = await ours.failed()
    assert isinstance(error, NotWritten)
    assert f"could not write to {ours.changelog}/0: it is larger than" in str(error)
    assert (await ours.committed(), await ours.told()) == (None, [])
    await _set(kafka, ours.changelog, {"max.message.bytes": "20000"})
    async with ours.running(ours.engine("two")):
        await ours.all_told(1)
    assert await ours.told() == [b'["a", 1]']


async def _set(kafka: str, topic: str, settings: dict[str, str]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, settings)])
    finally:
        await admin.close()
