"""Polls go on while partitions are taken and given anew (stale generations: D12 of docs/faust-defects.md)."""

from pathlib import Path
from typing import Any

from faust.types import TP

from tests.streams import logs
from tests.streams.faust_defects.ours import Held, Ours, owner_of


def rejoin(app: Any) -> None:
    """What a worker does that hears of a member who came or went: it gives all partitions up and joins again."""
    thread = app.consumer._thread
    thread.thread_loop.call_soon_threadsafe(thread._consumer._coordinator.request_rejoin)


async def test_a_poll_during_a_rebalance_ends_nobody_though_nothing_was_ever_committed(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    ours = Ours(kafka, topic_prefix, tmp_path)
    await ours.create()
    async with ours.running(ours.engine("one")) as engine:
        first = await owner_of(engine, lambda owner: bool(engine.app.consumer.positioned))
        rejoin(engine.app)
        await owner_of(engine, lambda owner: owner is not first and bool(engine.app.consumer.positioned))
        await ours.write(b'{"at": 1}')
        await ours.all_told(1)
    assert not ours.failures


async def test_what_was_fetched_before_a_rebalance_is_folded_once_after_it(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    ours = Ours(kafka, topic_prefix, tmp_path)
    await ours.create()
    await ours.write(*(b'{"at": %d}' % n for n in range(6)))
    engine = ours.engine("one", Held, limit=1)
    async with ours.running(engine):
        first = await owner_of(engine, lambda owner: owner.full(ours.input))  # one in work, more in the inbox
        rejoin(engine.app)

        async def revoked() -> bool:
            return first not in engine.owners()

        await logs.until(revoked, "the partition is taken away", timeout=20)
        first.go.set()
        second = await owner_of(engine, lambda owner: owner is not first)
        second.go.set()
        await ours.all_told(6)
    assert await ours.told() == [b"a is set, %d so far" % (n + 1) for n in range(6)]
    assert not ours.failures


async def test_what_lies_before_what_others_have_read_is_folded_at_once(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    """Faust drops messages before the last one that it remembers, and remembers one after the partition was taken."""
    ours = Ours(kafka, topic_prefix, tmp_path)
    await ours.create()
    async with ours.running(ours.engine("one")) as engine:
        await owner_of(engine, lambda owner: owner in engine.app.consumer.ready)
        engine.app.consumer._read_offset[TP(ours.names.topic(ours.input), 0)] = 1000
        await ours.write(b'{"at": 1}')
        await ours.all_told(1)
    assert not ours.failures


async def test_who_was_fed_just_before_flow_resumes_is_woken_again(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    """Faust empties its queues when it resumes the flow at the end of a restore, when the first owners may read."""
    ours = Ours(kafka, topic_prefix, tmp_path)
    await ours.create()
    engine, lost = ours.engine("one"), list[Any]()
    engine.app.finalize()
    consumer = engine.app.consumer
    callback = consumer.callback

    async def handed_on(message: Any) -> None:
        await callback(message)
        if not lost:
            lost.append(message)
            engine.app.flow_control.resume()

    consumer.callback = handed_on
    async with ours.running(engine):
        await ours.write(b'{"at": 1}')
        await ours.all_told(1)
    assert len(lost) == 1
    assert not ours.failures
