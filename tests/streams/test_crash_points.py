"""Whatever point of its life an owner dies at, the next one ends with the same table and the same outputs."""

import json
import signal
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import msgspec
import pytest

from projections.fold import TICK
from schemas import topics
from schemas.facts import CartFact
from tests.streams import logs
from tests.streams.alarms import Alarms
from tests.streams.stand import COUNT, POINTS, Died, MortalFold, Point, Stand, Write
from tests.streams.test_engine import changes, counts_never_repeat, equal, prepare
from tests.streams.worker_process import WorkerProcess

NOON = 1_786_447_800_000
TAKING_OVER = POINTS[: POINTS.index("before sending")]
WRITING = POINTS[POINTS.index("before sending") :]
COMMITTED = WRITING[WRITING.index("after commit") :]


def settings(start: int, end: int) -> list[Write]:
    return [(b"%d" % (n % 7), json.dumps({"at": n}).encode(), ()) for n in range(start, end)]


def tick(time: int) -> Write:
    return TICK, msgspec.json.encode(CartFact(kind="tick", store="", id="", fetched_at=time)), ()


BAD: Write = (b"3", b'{"bad": "bug"}', (("origin", b"import"),))
BATCHES: list[list[Write]] = [
    settings(0, 20),
    [*settings(20, 40), BAD, tick(NOON)],  # the one that dies: with a dead letter, and all that is due
    settings(40, 60),
]
EXPECTED_LINES = sorted(
    [b"%d is set, %d so far" % (n % 7, n // 7 + 1 + (n >= 40)) for n in range(60)]
    + [b"%d rang at %d" % (n, NOON) for n in range(7)]
)


@pytest.fixture
async def stand(kafka: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Stand]:
    stand = Stand(
        kafka, topic_prefix, tmp_path, lambda p: MortalFold(p, Alarms(), None), name="alarms", inputs=Alarms.inputs
    )
    await stand.create("customers", topics.COMMAND, topics.dead(topics.CART))
    yield stand
    await stand.end()


async def feed(stand: Stand, owner: MortalFold, batch: int) -> None:
    await stand.write(topics.CART, *BATCHES[batch])
    await stand.feed(owner)


async def dies(stand: Stand, owner: MortalFold, point: Point, batch: int) -> None:
    owner.dies = point
    with pytest.raises(Died):
        await feed(stand, owner, batch)


async def goes_on(stand: Stand, owner: MortalFold) -> None:
    """The last batch, then a look at everything that there is."""
    await feed(stand, owner, 2)
    table = await stand.table()
    assert table == dict(owner.store.items())
    states = {k: json.loads(v) for k, v in table.items() if not k.startswith(b"\0")}
    assert {key: (state["seen"], state["rang"]) for key, state in states.items()} == {
        b"%d" % n: (len(range(n, 60, 7)) + 1, [NOON]) for n in range(7)
    }
    assert owner.position == owner.stored_position() == {topics.CART: 62}
    told = await logs.read_decided(stand.kafka, stand.names.topic(topics.COMMAND), COUNT)
    assert sorted(record.value for record in told) == EXPECTED_LINES
    assert len(await logs.read_decided(stand.kafka, stand.names.topic("customers"), COUNT)) == 60
    (letter,) = await logs.read_decided(stand.kafka, stand.names.topic(topics.dead(topics.CART)), COUNT)
    assert (letter.key, letter.value) == BAD[:2]


@pytest.mark.parametrize("lost", [True, False])
@pytest.mark.parametrize("point", WRITING)
async def test_an_owner_that_dies_while_it_writes_is_succeeded_without_loss_or_doubling(
    stand: Stand, point: Point, lost: bool
) -> None:
    owner = await stand.start()
    await feed(stand, owner, 0)
    await dies(stand, owner, point, batch=1)
    second = await stand.start(lost=lost)
    assert second.position == {topics.CART: 42 if point in COMMITTED else 20}
    await stand.feed(second)
    await goes_on(stand, second)


@pytest.mark.parametrize("lost", [True, False])
@pytest.mark.parametrize("point", TAKING_OVER)
async def test_an_owner_that_dies_while_it_takes_over_changes_nothing(
    stand: Stand, point: Point, lost: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await stand.start()
    for batch in range(2):
        await feed(stand, owner, batch)
    monkeypatch.setattr(MortalFold, "dies", point)
    with pytest.raises(Died):
        await stand.start(lost=lost)
    monkeypatch.undo()
    await goes_on(stand, await stand.start(lost=lost))


async def test_a_store_that_missed_what_two_owners_committed_is_brought_up(stand: Stand) -> None:
    """Two owners die one after the other after the commit: their stores never saw what they committed."""
    for batch in range(2):
        await dies(stand, await stand.start(lost=False), "after commit", batch)
    await goes_on(stand, await stand.start(lost=False))


async def test_a_worker_that_is_killed_at_one_point_after_another_folds_everything_once(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    """In a process that is really killed, with its local stores kept: Faust, group and all."""
    names = await prepare(kafka, topic_prefix)
    records = changes(1_500, seed=6)
    await logs.write(kafka, names.topic(topics.ORDER), records)
    arguments = kafka, topic_prefix, str(tmp_path / "data")
    for point in ("after fence", "before commit", "after commit", "after store"):
        worker = WorkerProcess("tests.streams.mortal_worker", *arguments, point, log=tmp_path / "log")
        try:
            await logs.until(worker.has_ended, f"the worker is killed {point}")
        finally:
            worker.end()
        assert worker.ended() == -signal.SIGKILL
    worker = WorkerProcess("tests.streams.mortal_worker", *arguments, log=tmp_path / "log")
    try:
        await logs.until(partial(equal, kafka, names, records), "all sums are there")
        assert await counts_never_repeat(kafka, names)
        assert worker.stop() == 0
    finally:
        worker.end()
