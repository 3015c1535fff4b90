"""A follower knows a compacted topic's content, hears of changes at once, and keeps what it knew without Kafka."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from streams.access import Kafka
from streams.following import Follower, ended
from tajo.kafka import EmbeddedKafka
from tests.streams import logs

pytestmark = pytest.mark.kafka


class Heard:
    """``content``: what the follower told last."""

    def __init__(self, kafka: str, topic: str) -> None:
        self.content: dict[bytes, bytes] = {}
        self.follower = Follower(Kafka(kafka), topic, self._take)

    def _take(self, content: Mapping[bytes, bytes]) -> None:
        self.content = dict(content)

    async def until(self, content: dict[bytes, bytes]) -> None:
        async def so() -> bool:
            return self.content == content

        await logs.until(so, f"the content is {content}")


@asynccontextmanager
async def following(kafka: str, topic: str) -> AsyncIterator[Heard]:
    heard = Heard(kafka, topic)
    task = asyncio.create_task(heard.follower.run())
    try:
        yield heard
    finally:
        await ended(task)


async def test_it_begins_with_all_there_is_and_goes_on(kafka: str, topic_prefix: str) -> None:
    topic = f"{topic_prefix}one"
    await logs.create(kafka, [topic], partitions=1)
    await logs.write(kafka, topic, [(b"a", b"1"), (b"b", b"1"), (b"a", b"2"), (b"b", None)])
    async with following(kafka, topic) as heard:
        await heard.follower.loaded.wait()
        assert heard.content == {b"a": b"2"}
        await logs.write(kafka, topic, [(b"c", b"1"), (b"a", None)])
        await heard.until({b"c": b"1"})
        heard.follower.heard(b"d", b"1")
        assert heard.content == {b"c": b"1", b"d": b"1"}


async def test_a_topic_that_is_not_there_is_empty_until_it_is(
    kafka: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.following.AGAIN_SECONDS", 0.05)
    topic = f"{topic_prefix}late"
    async with following(kafka, topic) as heard:
        await heard.follower.loaded.wait()
        assert heard.content == {}
        await logs.create(kafka, [topic], partitions=1)
        await logs.write(kafka, topic, [(b"a", b"1")])
        await heard.until({b"a": b"1"})


async def test_without_kafka_it_keeps_what_it_knew_and_catches_up(tmp_path: Path) -> None:
    broker = EmbeddedKafka(tmp_path)
    with broker:
        await logs.create(broker.bootstrap_servers, ["one"], partitions=1)
        await logs.write(broker.bootstrap_servers, "one", [(b"a", b"1"), (b"b", b"1")])
        heard = Heard(broker.bootstrap_servers, "one")
        task = asyncio.create_task(heard.follower.run())
        await heard.until({b"a": b"1", b"b": b"1"})
    try:
        with EmbeddedKafka(tmp_path) as again:
            assert again.bootstrap_servers == broker.bootstrap_servers
            assert heard.content == {b"a": b"1", b"b": b"1"}
            await logs.write(again.bootstrap_servers, "one", [(b"b", None)])
            await heard.until({b"a": b"1"})
    finally:
        await ended(task)


async def test_it_ends_when_it_is_told_whatever_it_is_in(
    kafka: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the topic it starts and stops consumers all the time; aiokafka swallows cancellations in between."""
    monkeypatch.setattr("streams.following.AGAIN_SECONDS", 0)
    for turns in range(0, 60, 3):
        heard = Heard(kafka, f"{topic_prefix}nowhere")
        task = asyncio.create_task(heard.follower.run())
        await heard.follower.loaded.wait()
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=20)
        assert done, f"still running, {turns} turns of the loop after a first look"
