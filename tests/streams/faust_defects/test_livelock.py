"""Work that takes longer than a group grants to its members: D9 of docs/faust-defects.md."""

import asyncio
import time
from pathlib import Path
from typing import Any

from schemas import topics
from tests.streams import logs
from tests.streams.faust_defects.ours import Held, Ours, owner_of
from tests.streams.faust_defects.stock import new_app, repaired, running, source

LONGEST_S = 2.0  # without a poll; by default 1,000 s
RECORDS = 20


def coordinator(app: Any) -> Any:
    """Faust's group coordinator: `generation` is -1 for who is no member."""
    return app.consumer._thread._consumer._coordinator


async def test_faust_leaves_its_group_while_it_works_and_ours_stays_a_member(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with asyncio.TaskGroup() as both:
        both.create_task(faust_leaves(kafka, f"{topic_prefix}stock", tmp_path))
        both.create_task(ours_stays(kafka, topic_prefix, tmp_path))


async def faust_leaves(kafka: str, name: str, folder: Path) -> None:
    app = new_app(
        kafka,
        name,
        folder,
        broker_max_poll_interval=LONGEST_S,
        broker_heartbeat_interval=0.5,
        stream_buffer_maxsize=2,
    )
    begun, go = asyncio.Event(), asyncio.Event()

    async def work(stream: Any) -> None:
        async for _ in stream:
            begun.set()
            await go.wait()

    app.agent(source(app, f"{name}-input"))(work)
    await logs.create(kafka, [f"{name}-input"], partitions=1)
    await logs.write(kafka, f"{name}-input", [(b"a", b"%d" % n) for n in range(RECORDS)])
    async with running(app):
        try:
            await asyncio.wait_for(begun.wait(), 20)

            async def left() -> bool:
                return bool(coordinator(app).generation == -1)

            await logs.until(left, f"stock Faust leaves its group. {repaired('D9')}", timeout=20)
        finally:
            go.set()


async def ours_stays(kafka: str, prefix: str, folder: Path) -> None:
    ours = Ours(kafka, prefix, folder)
    await ours.create()
    await ours.write(*(b'{"at": %d}' % n for n in range(RECORDS)))
    engine = ours.engine("one", Held, limit=2)
    engine.app.conf.broker_max_poll_interval = LONGEST_S
    async with ours.running(engine):
        owner = await owner_of(engine, lambda owner: owner.full(topics.CART))
        try:
            generation, full_at = coordinator(engine.app).generation, time.monotonic()

            async def still_heard() -> bool:
                return bool(engine.app.consumer.heard_at > full_at + 1.5 * LONGEST_S)

            await logs.until(still_heard, "heartbeats are answered for longer than that", timeout=20)
            assert coordinator(engine.app).generation == generation
            assert engine.owners() == [owner]
        finally:
            owner.go.set()
        await ours.all_told(RECORDS)
    assert await ours.told() == [b"a is set, %d so far" % (n + 1) for n in range(RECORDS)]
    assert not ours.failures
