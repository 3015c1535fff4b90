"""A process in which something stands still ends; one that only has nothing to do does not."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from schemas import topics
from streams.errors import Standstill
from streams.stillness import Stillness
from tests.streams import logs
from tests.streams.faust_defects.ours import Ours, owner_of


@given(
    st.integers(min_value=1, max_value=5),
    st.lists(st.dictionaries(st.sampled_from("ab"), st.integers(min_value=0, max_value=1)), max_size=30),
)
def test_what_was_the_same_at_so_many_looks_in_a_row_stands_still(most: int, looks: list[dict[str, int]]) -> None:
    stillness = Stillness(most)
    for number, now in enumerate(looks):
        last = looks[max(0, number - most) : number + 1]
        still = [what for what in now if len(last) > most and all(look.get(what) == now[what] for look in last)]
        assert stillness.look(now) == still


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.engine.LOOK_EVERY_S", 0.1)  # 3 s; a fetch that finds nothing takes half a second
    monkeypatch.setattr("streams.engine.UNHEARD", 600)  # a start may take a while


@pytest.mark.usefixtures("quickly")
async def test_an_input_that_is_not_read_ends_the_process(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    ours = Ours(kafka, topic_prefix, tmp_path)
    await ours.create()
    await ours.write(b'{"at": 1}')
    async with ours.running(ours.engine("one")) as engine:
        await ours.all_told(1)
        consumer, tp = engine.app.consumer, TP(ours.names.topic(ours.input), 0)
        getmany, polled = consumer._getmany, asyncio.Event()

        async def noted(**given: Any) -> Any:
            polled.clear()
            try:
                return await getmany(**given)
            finally:
                polled.set()

        consumer._getmany = noted
        await polled.wait()
        consumer.pause_partitions({tp})  # and nobody resumes it
        await polled.wait()  # a poll under way may still bring something
        await ours.write(b'{"at": 2}')
        error = await ours.failed()
    assert isinstance(error, Standstill)
    assert f"nothing has come of {ours.names.topic(ours.input)}/0, although the broker answers" in str(error)


@pytest.mark.usefixtures("quickly")
async def test_a_wake_up_that_is_lost_ends_the_process(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    ours = Ours(kafka, topic_prefix, tmp_path)
    await ours.create()
    async with ours.running(ours.engine("one")) as engine:
        owner = await owner_of(engine, lambda owner: owner in engine.app.consumer.ready)

        async def sleep() -> None:
            """Instead of working."""

        owner.run = sleep
        await ours.write(b'{"at": 1}')
        error = await ours.failed()
    assert isinstance(error, Standstill)
    assert "nothing has come of what v1/alarms/0 was fed with, although the broker answers" in str(error)


@pytest.mark.usefixtures("quickly")
async def test_a_member_that_sends_no_heartbeats_any_more_ends(
    kafka: str, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.engine.UNHEARD", 60)  # 6 s
    ours = Ours(kafka, topic_prefix, tmp_path)
    await ours.create()
    go_on = threading.Event()
    async with ours.running(ours.engine("one")) as engine:
        await owner_of(engine, lambda owner: owner in engine.app.consumer.ready)
        try:
            engine.app.consumer._thread.thread_loop.call_soon_threadsafe(go_on.wait)  # the consumer's thread hangs
            error = await ours.failed()
        finally:
            go_on.set()
    assert isinstance(error, Standstill)
    assert "nothing has come of the heartbeats to the group, although the broker answers" in str(error)


@pytest.mark.usefixtures("quickly")
async def test_who_has_nothing_to_do_or_a_full_inbox_stands_not_still(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    ours = Ours(kafka, topic_prefix, tmp_path)
    await ours.create()
    await ours.write(b'{"at": 1}')
    async with ours.running(ours.engine("one")) as engine:
        await ours.all_told(1)
        looks = count_looks(engine)

        async def looked_for_long() -> bool:
            return len(looks) > 60

        await logs.until(looked_for_long, "an idle engine was looked at for twice as long as needed")
        owner = await owner_of(engine, lambda owner: owner.position == {topics.CART: 1})
        owner.full = lambda _: True
        await ours.write(b'{"at": 2}')
        looks.clear()
        await logs.until(looked_for_long, "one with a full inbox was looked at for as long")
    assert ours.failures == []


def count_looks(engine: Any) -> list[Any]:
    looks: list[Any] = []
    coming_on = engine._coming_on

    def counted() -> Any:
        looks.append(coming_on())
        return looks[-1]

    engine._coming_on = counted
    return looks
