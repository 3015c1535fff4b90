"""Whatever point of its commit an owner dies at, the next one ends with the same table and the same outputs."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from schemas import topics
from streams.store import open_store
from tests.streams import logs
from tests.streams.alarms import Alarms
from tests.streams.stand import COUNT, Died, MortalFold, Stand, Write

BATCHES: list[list[Write]] = [
    [(b"%d" % (n % 7), json.dumps({"at": n}).encode(), ()) for n in range(start, start + 20)] for start in (0, 20, 40)
]
EXPECTED_LINES = sorted(b"%d is set, %d so far" % (n % 7, n // 7 + 1) for n in range(60))


@pytest.fixture
async def stand(kafka: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Stand]:
    stand = Stand(
        kafka, topic_prefix, tmp_path, lambda p: MortalFold(p, Alarms(), None), name="alarms", inputs=Alarms.inputs
    )
    await stand.create("customers", topics.COMMAND)
    yield stand
    await stand.end()


async def goes_on(stand: Stand, owner: MortalFold) -> None:
    """The last batch, then a look at everything that there is."""
    await stand.write(topics.CART, *BATCHES[2])
    await stand.feed(owner)
    table = await stand.table()
    assert table == dict(owner.store.items())
    assert {k: json.loads(v)["seen"] for k, v in table.items() if not k.startswith(b"\0")} == {
        b"%d" % n: len(range(n, 60, 7)) for n in range(7)
    }
    assert owner.position == owner.stored_position()
    told = await logs.read_decided(stand.kafka, stand.names.topic(topics.COMMAND), COUNT)
    assert sorted(record.value for record in told) == EXPECTED_LINES
    inner = await logs.read_decided(stand.kafka, stand.names.topic("customers"), COUNT)
    assert len(inner) == 60


@pytest.mark.parametrize("lost", [True, False])
@pytest.mark.parametrize("point", ["before commit", "after commit", "after store"])
async def test_an_owner_that_dies_in_its_commit_is_succeeded_without_loss_or_doubling(
    stand: Stand, point: str, lost: bool
) -> None:
    owner = await stand.start()
    await stand.write(topics.CART, *BATCHES[0])
    await stand.feed(owner)
    await stand.write(topics.CART, *BATCHES[1])
    owner.dies = point
    with pytest.raises(Died):
        await stand.feed(owner)
    second = await stand.start(lost=lost)
    assert second.position == {topics.CART: 20 if point == "before commit" else 40}
    await stand.feed(second)
    await goes_on(stand, second)


async def test_an_owner_that_dies_between_fence_and_restore_changes_nothing(stand: Stand, tmp_path: Path) -> None:
    owner = await stand.start()
    for batch in BATCHES[:2]:
        await stand.write(topics.CART, *batch)
        await stand.feed(owner)
    dead = await stand.fence(open_store(str(tmp_path / "unused")))
    assert not dead.restored()
    await goes_on(stand, await stand.start())


async def test_a_store_that_missed_what_two_owners_committed_is_brought_up(stand: Stand) -> None:
    """Two owners die one after the other after the commit: their stores never saw what they committed."""
    for batch in BATCHES[:2]:
        owner = await stand.start(lost=False)
        await stand.write(topics.CART, *batch)
        owner.dies = "after commit"
        with pytest.raises(Died):
            await stand.feed(owner)
    await goes_on(stand, await stand.start(lost=False))
