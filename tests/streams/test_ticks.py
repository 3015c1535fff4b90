"""States that are due get a tick when they are due: no sooner, no later, once, and in order."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from emulators.clock import StandingClock
from projections.fold import TICK
from schemas import topics
from schemas.facts import CartFact
from streams import due
from streams.folds import FoldOwner
from tests.streams import logs
from tests.streams.alarms import Alarms
from tests.streams.stand import COUNT, Stand, alarm_engine

NOON = 1_772_000_000_000
OUTPUTS = ("customers", topics.COMMAND, topics.dead(topics.CART))


class Ticking(Stand):
    """One partition of alarms on a clock that stands until all of the log is folded."""

    def __init__(self, kafka: str, prefix: str, folder: Path, *, silent: bool = False) -> None:
        self.clock = StandingClock(NOON)
        super().__init__(
            kafka,
            prefix,
            folder,
            lambda parts: FoldOwner(parts, Alarms(), self.clock, silent=silent),
            name=Alarms.name,
            inputs=Alarms.inputs,
        )

    async def set(self, *records: tuple[str, dict[str, Any] | None]) -> None:
        encoded = [(key.encode(), None if value is None else json.dumps(value).encode(), ()) for key, value in records]
        await self.write(topics.CART, *encoded)

    async def tick(self, at: int) -> None:
        """A tick that somebody appended, so long after noon."""
        await self.set(("tick", msgspec.to_builtins(CartFact(kind="tick", store="", id="", fetched_at=NOON + at))))

    async def ticks(self) -> list[int]:
        records = [record for record in await self.read(topics.CART) if record.key == TICK]
        return [json.loads(record.value)["fetched_at"] - NOON for record in records]

    async def told(self) -> list[str]:
        """What the fold said, in order."""
        return [r.value.decode() for r in await logs.read_decided(self.kafka, self.names.topic(topics.COMMAND), COUNT)]

    async def rings(self) -> list[tuple[str, int]]:
        """(key, time after noon), in order."""
        told = [line.split() for line in await self.told()]
        return [(line[0], int(line[3]) - NOON) for line in told if line[1] == "rang"]

    def index(self, owner: FoldOwner) -> list[tuple[int, str]]:
        return [(when - NOON, key.decode()) for when, key in due.entries(owner.store)]

    async def index_in_changelog(self) -> list[tuple[int, str]]:
        found = sorted(key[len(due.INDEX) :] for key in await self.table() if key.startswith(due.INDEX))
        return [(int.from_bytes(key[:8], "big") - NOON, key[8:].decode()) for key in found]

    async def appended(self, count: int) -> None:
        async def there() -> bool:
            return len(await self.ticks()) >= count

        await logs.until(there, f"{count} ticks are in the log", timeout=10)

    async def sleeps_until(self, when: int | None) -> None:
        """Waits until the ticker waits for that moment (after noon), None: for none."""
        expected = None if when is None else NOON + when
        async with asyncio.timeout(10):
            while self.clock.next_wake_up() != expected:  # noqa: ASYNC110 - the clock tells nobody who sleeps
                await asyncio.sleep(0.001)

    async def pass_to(self, when: int, owner: FoldOwner) -> None:
        """The ticker's moment comes, its tick is folded."""
        await self.sleeps_until(when)
        before = len(await self.ticks())
        self.clock.advance(NOON + when)
        await self.appended(before + 1)
        await self.feed(owner)


@asynccontextmanager
async def ticking(kafka: str, prefix: str, folder: Path, *, silent: bool = False) -> AsyncIterator[Ticking]:
    stand = Ticking(kafka, prefix, folder, silent=silent)
    await stand.create(*OUTPUTS)
    try:
        yield stand
        assert not stand.failures
    finally:
        await stand.end()


def at(when: int | None, **more: Any) -> dict[str, Any]:
    return {"at": None if when is None else NOON + when, **more}


async def test_a_state_gets_its_tick_when_it_is_due_and_not_before(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with ticking(kafka, topic_prefix, tmp_path) as stand:
        owner = await stand.start()
        await stand.set(("a", at(50)))
        await stand.feed(owner)
        await stand.sleeps_until(50)
        stand.clock.advance(NOON + 49)
        await stand.sleeps_until(50)
        await stand.pass_to(50, owner)
        assert await stand.ticks() == [50]
        assert await stand.rings() == [("a", 50)]
        assert stand.index(owner) == await stand.index_in_changelog() == []


async def test_what_is_due_gets_ticks_in_the_order_of_due_times_then_keys(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with ticking(kafka, topic_prefix, tmp_path) as stand:
        owner = await stand.start()
        await stand.set(("d", at(-30)), ("c", at(-30)), ("b", at(-10)), ("later", at(5)))
        await stand.feed(owner)
        await stand.appended(1)  # at once: they are overdue
        await stand.set(("a", at(-20)), ("e", at(-40)))
        await stand.tick(at=0)  # folded in a batch with the former, of which some lie in the store and some do not yet
        await stand.feed(owner)
        assert await stand.rings() == [("c", 0), ("d", 0), ("b", 0), ("e", 0), ("a", 0)]
        assert stand.index(owner) == [(5, "later")]


async def test_a_time_that_moves_is_followed_late(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    """The ticker wakes at the earliest time that a state had; if none is due then, no tick is made."""
    async with ticking(kafka, topic_prefix, tmp_path) as stand:
        owner = await stand.start()
        changes: list[tuple[str, dict[str, Any] | None, list[tuple[int, str]]]] = [
            ("a", at(50), [(50, "a")]),
            ("b", at(40), [(40, "b"), (50, "a")]),
            ("a", at(30), [(30, "a"), (40, "b"), (50, "a")]),  # earlier
            ("a", at(90_000), [(30, "a"), (40, "b"), (50, "a")]),  # later
            ("b", at(None), [(30, "a"), (40, "b"), (50, "a")]),  # wants none any more
        ]
        for key, value, index in changes:
            await stand.set((key, value))
            await stand.feed(owner)
            assert stand.index(owner) == await stand.index_in_changelog() == index
            await stand.sleeps_until(index[0][0])
        stand.clock.advance(NOON + 30)
        await stand.sleeps_until(90_000)
        assert stand.index(owner) == await stand.index_in_changelog() == [(90_000, "a")]
        assert await stand.ticks() == []
        await stand.pass_to(90_000, owner)
        assert await stand.rings() == [("a", 90_000)]


async def test_a_state_that_left_the_table_gets_no_tick(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with ticking(kafka, topic_prefix, tmp_path) as stand:
        owner = await stand.start()
        await stand.set(("a", at(50)), ("a", at(70)), ("b", at(10)), ("b", None))
        await stand.feed(owner)  # moved within one batch: only the last time counts
        assert stand.index(owner) == await stand.index_in_changelog() == [(70, "a")]
        await stand.set(("a", None))
        await stand.feed(owner)
        await stand.sleeps_until(70)
        stand.clock.advance(NOON + 70)
        await logs.until(lambda: has_nothing_due(stand, owner), "the index is empty")
        assert await stand.index_in_changelog() == []
        assert await stand.ticks() == []


@pytest.mark.parametrize("lost", [True, False])
async def test_the_next_owner_knows_what_is_due(kafka: str, topic_prefix: str, tmp_path: Path, lost: bool) -> None:
    async with ticking(kafka, topic_prefix, tmp_path) as stand:
        first = await stand.start()
        await stand.set(("a", at(50)), ("b", at(20)))
        await stand.feed(first)
        await first.stop()
        second = await stand.start(lost=lost)
        assert stand.index(second) == [(20, "b"), (50, "a")]
        await stand.pass_to(20, second)
        await stand.pass_to(50, second)
        assert await stand.ticks() == [20, 50]
        assert await stand.rings() == [("b", 20), ("a", 50)]


async def test_a_tick_that_was_appended_but_not_folded_before_a_kill_rings_once(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with ticking(kafka, topic_prefix, tmp_path) as stand:
        first = await stand.start()
        await stand.set(("a", at(50)))
        await stand.feed(first)
        await stand.sleeps_until(50)
        stand.clock.advance(NOON + 50)
        await stand.appended(1)
        second = await stand.start()  # the first one is simply left
        await stand.appended(2)  # it cannot know of the other tick
        await stand.feed(second)
        assert await stand.rings() == [("a", 50)]
        await stand.sleeps_until(None)


async def test_without_anything_due_there_is_no_tick_however_long_it_takes(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with ticking(kafka, topic_prefix, tmp_path) as stand:
        owner = await stand.start()
        await stand.set(("a", at(None)), ("b", at(30 * topics.DAY)))
        await stand.feed(owner)
        await stand.sleeps_until(30 * topics.DAY)  # and for no moment before
        assert await stand.ticks() == []


async def test_a_silent_owner_makes_no_ticks_and_emits_inner_records_alone(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with ticking(kafka, topic_prefix, tmp_path, silent=True) as stand:
        owner = await stand.start()
        await stand.set(("a", at(-50)), ("b", {"bad": "bug"}))
        await stand.feed(owner)
        await stand.sleeps_until(None)
        assert stand.index(owner) == [(-50, "a")]
        await stand.tick(at=0)  # the live version's
        await stand.feed(owner)
        assert stand.index(owner) == []
        assert [r.key for r in await logs.read_decided(kafka, stand.names.topic("customers"))] == [b"a"]
        assert await stand.told() == []
        assert await logs.read_decided(kafka, stand.names.topic(topics.dead(topics.CART))) == []
        assert json.loads((await stand.table())[b"a"])["rang"] == [NOON]


async def test_a_state_that_cannot_take_its_tick_is_dead_lettered_and_holds_up_no_other(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with ticking(kafka, topic_prefix, tmp_path) as stand:
        owner = await stand.start()
        await stand.set(("a", at(10, jams=True)), ("b", at(10)), ("c", at(20)))
        await stand.feed(owner)
        await stand.pass_to(10, owner)
        await stand.pass_to(20, owner)
        await stand.sleeps_until(None)  # it is not asked again and again
        assert await stand.rings() == [("b", 10), ("c", 20)]
        assert await stand.ticks() == [10, 20]
        (dead,) = await logs.read_decided(kafka, stand.names.topic(topics.dead(topics.CART)))
        assert dead.key == b"a"  # the state that it is about, not the tick
        assert dict(dead.headers)["__connect.errors.exception.message"] == b"It jams."
        assert json.loads((await stand.table())[b"a"]) == {"at": NOON + 10, "jams": True, "rang": [], "seen": 1}
        await stand.set(("a", at(10)))  # its next record: it is due as before, and asked again
        await stand.feed(owner)
        await stand.pass_to(21, owner)
        assert await stand.rings() == [("b", 10), ("c", 20), ("a", 21)]


async def test_a_state_that_was_set_and_failed_its_tick_in_one_batch_is_not_asked_again(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with ticking(kafka, topic_prefix, tmp_path) as stand:
        owner = await stand.start()
        await stand.set(("a", at(-10, jams=True)))
        await stand.tick(at=0)
        await stand.tick(at=1)
        await stand.feed(owner)
        await stand.sleeps_until(None)
        assert stand.index(owner) == await stand.index_in_changelog() == []
        assert len(await logs.read_decided(kafka, stand.names.topic(topics.dead(topics.CART)))) == 1


async def test_each_partition_has_its_own_ticks_and_the_engine_folds_them(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    stand = Ticking(kafka, topic_prefix, tmp_path)
    await stand.create(*OUTPUTS)
    engine = alarm_engine(stand.names, kafka, tmp_path, stand.failures, clock=stand.clock)
    alarms = {0: ("a", 10_000), 1: ("b", 20_000), 2: ("c", 90_000_000)}
    for stand.partition, (key, when) in alarms.items():
        await stand.set((key, at(when)))
        engine.flow.written(topics.CART)
    running = asyncio.create_task(stand.clock.run(lambda: engine.flow.lag() == 0))
    await engine.start()
    try:
        await logs.until(lambda: has_rung(stand, 3), "all have rung", timeout=30)
    finally:
        running.cancel()
        await engine.stop()
    assert await stand.rings() == [("a", 10_000), ("b", 20_000), ("c", 90_000_000)]
    for stand.partition, (_, when) in alarms.items():
        assert await stand.ticks() == [when]
    assert not stand.failures


async def has_rung(stand: Ticking, count: int) -> bool:
    return len(await stand.rings()) >= count


async def has_nothing_due(stand: Ticking, owner: FoldOwner) -> bool:
    return not stand.index(owner)
