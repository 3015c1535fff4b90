"""Kafka stops, dies, is not there yet; gateways are killed: nothing that was answered 2xx is lost."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from gateway.errors import NotDelivered
from gateway.metrics import Metrics
from gateway.producer import Producer
from gateway.record import Record
from schemas import topics
from tajo.kafka import EmbeddedKafka
from tajo.kafka.ports import free_port
from tests.gateway.deliveries import STORE, body, trusted
from tests.gateway.running import DEAD, PATH, Gateway, config, create_topics
from tests.gateway.serving import serving
from tests.streams.logs import read, until

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedKafka]:
    """One that these tests may stop and kill."""
    with EmbeddedKafka() as broker:
        yield broker


@contextmanager
def stopped(broker: EmbeddedKafka) -> Iterator[None]:
    """Takes connections, answers nothing."""
    pid = broker.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    os.waitpid(pid, os.WUNTRACED)  # the signal is sent, but its threads may still run
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def deliveries(count: int, name: str = "e") -> list[bytes]:
    return [body(event=f"{name}{number:04}") for number in range(count)]


def first_occurrences(values: list[bytes]) -> list[bytes]:
    return list(dict.fromkeys(values))


async def test_a_broker_that_stands_still_costs_no_answer_and_no_order(
    broker: EmbeddedKafka, topic_prefix: str, tmp_path: Path
) -> None:
    await create_topics(broker.bootstrap_servers, topic_prefix)
    before, meanwhile, after = deliveries(5, "b"), deliveries(40, "m"), deliveries(5, "a")
    async with Gateway(broker.bootstrap_servers, config(tmp_path / "spool.sqlite", topic_prefix)) as gateway:
        await gateway.until_connected()
        await gateway.accepted(before)
        with stopped(broker):
            await gateway.accepted(meanwhile)
            assert gateway.figure("spool_taken_total") == len(meanwhile)
            state = await gateway.ready()
            assert (state["ready"], state["kafka"], state["spool"]["records"]) == (True, "away", len(meanwhile))
        await gateway.until_drained()
        await gateway.until_connected()
        await gateway.accepted(after)
        values = await gateway.values()
        assert first_occurrences(values) == before + meanwhile + after
        # Only the one that was on its way when the broker stood still may be there twice.
        assert values.count(meanwhile[0]) <= 2
        assert all(values.count(one) == 1 for one in before + meanwhile[1:] + after)
        assert gateway.figure("spool_drained_total") == len(meanwhile)


async def test_a_broker_that_dies_and_comes_back_misses_nothing(
    broker: EmbeddedKafka, topic_prefix: str, tmp_path: Path
) -> None:
    await create_topics(broker.bootstrap_servers, topic_prefix)
    before, meanwhile, after = deliveries(5, "b"), deliveries(20, "m"), deliveries(5, "a")
    async with Gateway(broker.bootstrap_servers, config(tmp_path / "spool.sqlite", topic_prefix)) as gateway:
        await gateway.until_connected()
        await gateway.accepted(before)
        await asyncio.to_thread(broker.kill)
        await gateway.accepted(meanwhile)
        answer = await gateway.post(b"no json")
        assert answer.status_code == 200
        await asyncio.to_thread(broker.start)
        await gateway.until_drained()
        await gateway.until_connected()
        await gateway.accepted(after)
        assert first_occurrences(await gateway.values()) == before + meanwhile + after
        assert set(await gateway.values(DEAD)) == {b"no json"}


async def connected(broker: EmbeddedKafka, prefix: str, *, stuck_seconds: float) -> Producer:
    await create_topics(broker.bootstrap_servers, prefix)
    sending = Producer(
        {"bootstrap_servers": broker.bootstrap_servers},
        topics=(topics.WEBHOOK,),
        prefix=prefix,
        limit=1 << 20,
        metrics=Metrics(),
        stuck_seconds=stuck_seconds,
    )
    sending.start()
    await until_connected(sending)
    return sending


async def until_connected(sending: Producer) -> None:
    async def is_connected() -> bool:
        return sending.client is not None

    await until(is_connected, "the producer is connected")


def record(number: int) -> Record:
    return Record(topics.WEBHOOK, b"store", b"%d" % number, [], 1_700_000_000_000)


async def test_a_batch_that_gets_no_answer_is_given_up_and_the_producer_replaced(
    broker: EmbeddedKafka, topic_prefix: str
) -> None:
    sending = await connected(broker, topic_prefix, stuck_seconds=0.5)
    await sending.send(record(1))
    with stopped(broker):
        # The second leaves, the third waits behind it.
        with pytest.raises(NotDelivered):
            await asyncio.gather(sending.send(record(2)), sending.send(record(3)))
        assert sending.client is None
        assert sending.held == 0
    await until_connected(sending)
    await sending.send(record(4))
    await sending.stop(within=5)
    assert sending.metrics.registry.get_sample_value("tajo_producer_starts_total") == 2
    found = [one.value for one in await read(broker.bootstrap_servers, topic_prefix + topics.WEBHOOK)]
    assert {b"1", b"4"} <= set(found)


async def test_a_delivery_waits_no_longer_since_the_spool_is_being_drained_in_front_of_it(
    broker: EmbeddedKafka, topic_prefix: str
) -> None:
    sending = await connected(broker, topic_prefix, stuck_seconds=60)
    with stopped(broker):
        drained = sending.send(record(1))
        told: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        sending.put(record(2), 1, told.set_result, patience=0.1)
        assert isinstance(await told, TimeoutError)
        assert not drained.done()
    await drained
    await sending.stop(within=5)
    assert sending.held == 0


async def test_topics_that_are_not_there_yet_are_waited_for(
    broker: EmbeddedKafka, topic_prefix: str, tmp_path: Path
) -> None:
    contents = deliveries(5)
    async with Gateway(broker.bootstrap_servers, config(tmp_path / "spool.sqlite", topic_prefix)) as gateway:
        await gateway.accepted(contents)
        assert (await gateway.ready())["kafka"] == "away"
        await create_topics(broker.bootstrap_servers, topic_prefix)
        await gateway.until_drained()
        assert await gateway.values() == contents


async def test_a_full_spool_is_503_and_taken_again_when_kafka_is_back(
    broker: EmbeddedKafka, topic_prefix: str, tmp_path: Path
) -> None:
    await create_topics(broker.bootstrap_servers, topic_prefix)
    contents = deliveries(20)
    small = config(tmp_path / "spool.sqlite", topic_prefix, spool_limit=6_000)
    async with Gateway(broker.bootstrap_servers, small) as gateway:
        await gateway.until_connected()
        with stopped(broker):
            answers = [await gateway.post(content) for content in contents]
            taken = [content for content, answer in zip(contents, answers, strict=True) if answer.status_code == 200]
            assert 5 < len(taken) < 15
            assert [answer.status_code for answer in answers[len(taken) :]] == [503] * (20 - len(taken))
            assert answers[-1].content == b""
            assert gateway.figure("webhook_deliveries_total", answer="not-durable") == 20 - len(taken)
            ready = await gateway.client.get("/readyz")
            assert (ready.status_code, ready.json()["ready"]) == (503, False)
        await gateway.until_drained()
        await gateway.until_connected()
        await gateway.accepted(contents[len(taken) :])
        assert gateway.figure("webhook_duplicates_total") == 0  # what was refused has not been there before
        assert set(await gateway.values()) == set(contents)


async def test_what_is_too_much_for_memory_goes_to_the_spool(
    broker: EmbeddedKafka, topic_prefix: str, tmp_path: Path
) -> None:
    await create_topics(broker.bootstrap_servers, topic_prefix)
    contents = deliveries(60)
    narrow = config(tmp_path / "spool.sqlite", topic_prefix, in_memory=5_000, kafka_patience=60)
    async with Gateway(broker.bootstrap_servers, narrow) as gateway:
        await gateway.until_connected()
        with stopped(broker):
            posted = [asyncio.create_task(gateway.post(content)) for content in contents]
            answered, waiting = await asyncio.wait(posted, return_when=asyncio.FIRST_COMPLETED)
            assert waiting  # those in memory have a minute
            assert {answer.result().status_code for answer in answered} <= {200, 503}
        answers = await asyncio.gather(*posted)
        await gateway.until_drained()
        taken = [content for content, answer in zip(contents, answers, strict=True) if answer.status_code == 200]
        # One that was answered 503 is not there; one that was answered 200 is.
        assert set(await gateway.values()) == set(taken)
        assert 0 < gateway.figure("spool_taken_total") < len(taken)


async def test_what_waits_for_the_disk_is_bounded_too(tmp_path: Path) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    answers: list[int] = []
    async with Gateway(nowhere, config(tmp_path / "spool.sqlite", "", in_memory=5_000)) as gateway:
        headers = {name.lower().encode(): value.encode() for name, value in trusted().items()}
        for content in deliveries(60):  # in one turn of the loop, so none is on the disk before the last has come
            gateway.app.state.endpoint.at_once(STORE, headers, content, answers.append)

        async def answered() -> bool:
            return len(answers) == 60

        await until(answered, "all are answered")
        assert 0 < answers.count(200) == gateway.figure("spool_taken_total") < 12
        assert answers.count(503) == 60 - answers.count(200)


async def test_a_gateway_that_ends_while_kafka_is_away_leaves_the_rest_to_the_next(
    broker: EmbeddedKafka, topic_prefix: str, tmp_path: Path
) -> None:
    await create_topics(broker.bootstrap_servers, topic_prefix)
    contents = deliveries(10)
    settings = config(tmp_path / "spool.sqlite", topic_prefix)
    with stopped(broker):
        async with Gateway(broker.bootstrap_servers, settings) as gateway:
            await gateway.accepted(contents)
    async with Gateway(broker.bootstrap_servers, settings) as gateway:
        await gateway.until_drained()
        assert first_occurrences(await gateway.values()) == contents


async def test_a_gateway_killed_with_a_spool_loses_nothing(
    broker: EmbeddedKafka, topic_prefix: str, tmp_path: Path
) -> None:
    await create_topics(broker.bootstrap_servers, topic_prefix)
    contents = deliveries(30)
    spool = tmp_path / "spool.sqlite"
    with stopped(broker):
        async with serving(broker.bootstrap_servers, spool, topic_prefix) as (url, process):
            async with httpx.AsyncClient(base_url=url, timeout=30) as client:
                for content in contents:
                    assert (await client.post(PATH, content=content, headers=trusted())).status_code == 200
            process.kill()
            assert await process.wait() == -signal.SIGKILL
    async with Gateway(broker.bootstrap_servers, config(spool, topic_prefix)) as gateway:
        assert gateway.figure("spool_taken_total") == 0
        await gateway.until_drained()
        assert first_occurrences(await gateway.values()) == contents


async def test_a_gateway_killed_under_load_loses_nothing_that_it_has_answered(
    broker: EmbeddedKafka, topic_prefix: str, tmp_path: Path
) -> None:
    await create_topics(broker.bootstrap_servers, topic_prefix)
    spool = tmp_path / "spool.sqlite"
    taken: list[bytes] = []
    async with serving(broker.bootstrap_servers, spool, topic_prefix) as (url, process):
        async with httpx.AsyncClient(base_url=url, timeout=30) as client:

            async def shop(name: str) -> None:
                try:
                    for content in deliveries(1_000, name):
                        answer = await client.post(PATH, content=content, headers=trusted())
                        assert answer.status_code == 200
                        taken.append(content)
                        if len(taken) == 200:
                            process.kill()
                except httpx.TransportError:
                    return

            await asyncio.gather(*(shop(name) for name in "abcdefgh"))
        assert await process.wait() == -signal.SIGKILL
    async with Gateway(broker.bootstrap_servers, config(spool, topic_prefix)) as gateway:
        await gateway.until_drained()
        values = await gateway.values(topics.WEBHOOK)
        assert len(taken) >= 200
        assert set(taken) - set(values) == set()
