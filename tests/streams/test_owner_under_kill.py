"""Workers are killed and frozen in the middle of their work: every difference is folded once, none is lost."""

import random
import shutil
from functools import partial
from pathlib import Path

from schemas import topics
from tests.streams import logs
from tests.streams.test_engine import changes, counts_never_repeat, equal, prepare
from tests.streams.worker_process import WorkerProcess

MODULE = "tests.streams.counting_worker"


async def lines(kafka: str, topic: str) -> int:
    return len(await logs.read(kafka, topic))


async def more_than(kafka: str, topic: str, count: int) -> bool:
    return await lines(kafka, topic) > count


async def test_a_worker_killed_again_and_again_loses_and_doubles_nothing(
    kafka: str, topic_prefix: str, tmp_path: Path, workers: list[WorkerProcess]
) -> None:
    names = await prepare(kafka, topic_prefix)
    out = names.topic(topics.COMMAND)
    chance = random.Random(4)
    records = changes(12_000, seed=4)
    await logs.write(kafka, names.topic(topics.ORDER), records)
    data = tmp_path / "data"
    workers.append(WorkerProcess(MODULE, kafka, topic_prefix, str(data), log=tmp_path / "log"))
    for turn in range(3):
        seen = await lines(kafka, out)
        await logs.until(partial(more_than, kafka, out, seen + chance.randrange(200)), "the worker has moved on")
        workers[0].kill()
        if turn == 1:  # the local store is lost too: it comes back from the changelog
            shutil.rmtree(data)
        workers[0].start()
    await logs.until(partial(equal, kafka, names, records), "all sums are there", timeout=90)
    assert await counts_never_repeat(kafka, names)
    assert workers[0].stop() == 0


async def test_a_frozen_worker_is_fenced_and_writes_nothing_when_it_wakes(
    kafka: str, topic_prefix: str, tmp_path: Path, workers: list[WorkerProcess]
) -> None:
    names = await prepare(kafka, topic_prefix)
    out, source = names.topic(topics.COMMAND), names.topic(topics.ORDER)
    records = changes(9_000, seed=5)
    await logs.write(kafka, source, records[:4_000])
    for name in ("one", "two"):
        workers.append(WorkerProcess(MODULE, kafka, topic_prefix, str(tmp_path / name), log=tmp_path / f"{name}.log"))
    await logs.until(partial(more_than, kafka, out, 500), "the workers have begun")
    workers[0].freeze()
    await logs.write(kafka, source, records[4_000:])
    await logs.until(partial(equal, kafka, names, records), "the other has done all of it", timeout=90)
    before = await lines(kafka, out)
    workers[0].thaw()
    # It either finds out that it was fenced and ends, or had nothing in hand and joins again; both write nothing.
    await logs.write(kafka, source, [(b"again", records[0][1] or b'{"group": "g1", "amount": 1}')])
    await logs.until(partial(more_than, kafka, out, before), "the new record is folded", timeout=60)
    assert await counts_never_repeat(kafka, names)
    assert await lines(kafka, out) == before + 1
