"""Polls that began before partitions were taken away, and end after they were given back."""

import asyncio
from functools import partial
from pathlib import Path

import pytest
from faust.types import TP

from schemas import topics
from streams.engine import Engine
from tests.streams import logs
from tests.streams.counting_worker import new_engine
from tests.streams.test_engine import changes, counts_never_repeat, equal, prepare

LONGER_THAN_A_REBALANCE = 20.0
ROUNDS, STEP = 6, 9  # in each of them either this poll or Faust's own one gets what is fetched first


@pytest.mark.parametrize("abandoned", [False, True])
async def test_a_poll_that_outlives_a_rebalance_takes_nothing_with_it(
    kafka: str, topic_prefix: str, tmp_path: Path, *, abandoned: bool
) -> None:
    """``abandoned``: nobody waits for it any more, but in the consumer's thread it goes on."""
    names = await prepare(kafka, topic_prefix)
    records = changes(ROUNDS * STEP, seed=4)
    engine = new_engine(kafka, topic_prefix, tmp_path)
    await engine.start()
    try:
        for end in range(STEP, len(records) + 1, STEP):
            await logs.until(partial(all_fed, engine), "all owners are fed")
            poll = asyncio.create_task(poll_once(engine))
            await logs.until(partial(two_wait, engine), "both polls wait for records")
            if abandoned:
                poll.cancel()
            await rebalance(engine)
            await logs.until(partial(all_fed, engine), "all owners are fed again")
            await logs.write(kafka, names.topic(topics.ORDER), records[end - STEP : end])
            await logs.until(partial(equal, kafka, names, records[:end]), "the sums so far are there")
            await asyncio.wait({poll})
    finally:
        await engine.stop()
    assert await counts_never_repeat(kafka, names)


async def poll_once(engine: Engine) -> None:
    """As Faust does: whose records were found is woken."""
    found = await engine.app.consumer._getmany(inputs(engine), LONGER_THAN_A_REBALANCE)
    for (woken,) in found.values():
        for owner in woken.value:
            await owner.run()


async def rebalance(engine: Engine) -> None:
    """As Faust hears of one, in which everything is given back."""
    consumer = engine.app.consumer
    given = consumer.assignment()
    await consumer.on_partitions_revoked(given)
    await consumer.on_partitions_assigned(given, engine.app.consumer_generation_id)


def inputs(engine: Engine) -> set[TP]:
    return {TP(*tp) for owner in engine.owners() for tp in owner.inputs}


async def all_fed(engine: Engine) -> bool:
    return len(engine.owners()) == 8 and inputs(engine) <= engine.app.consumer.positioned


async def two_wait(engine: Engine) -> bool:
    return len(engine.app.consumer._thread._consumer._fetcher._fetch_waiters) >= 2
