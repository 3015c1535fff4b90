"""One round: the same input through one worker whom nobody disturbs, and through three to whom everything happens."""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka import AIOKafkaProducer

from tajo.kafka import EmbeddedKafka
from tests.chaos.faults import KINDS, Faults
from tests.chaos.history import Day, history
from tests.chaos.log import Log
from tests.chaos.outcome import Outcome, differences
from tests.chaos.team import Team

FOLDED_WITHIN = 150.0  # seconds for a day, whatever happens in it: recoveries take their time
_LARGE, _SMALL = 8_000, 40  # records in a batch: quick, and with many moments to be killed in


@dataclass(frozen=True)
class Plan:
    """``people``, ``days``: the size of the input. ``faults``: how many happen in all, of ``kinds``, about ``every`` so
    many seconds; a day is written over ``seconds``. ``size``: workers. ``replication``: copies of all topics."""

    seed: int
    people: int = 120
    days: int = 3
    faults: int = 21
    every: float = 4.0
    seconds: float = 28.0
    kinds: tuple[str, ...] = KINDS
    size: int = 3
    replication: int = 1

    def faults_of(self, day: int) -> int:
        """Evenly over the days, which count from 0."""
        return self.faults * (day + 1) // self.days - self.faults * day // self.days


@dataclass
class Report:
    """``differences``: none if all is as it has to be. ``pause``: see Log.longest_pause. ``marked``: see Team."""

    facts: int
    differences: list[str]
    happened: Counter[str] = field(default_factory=Counter)
    restarts: Counter[int] = field(default_factory=Counter)
    last_words: Counter[str] = field(default_factory=Counter)
    pause: tuple[float, str] = (0.0, "")
    marked: int = 0
    seconds: dict[str, float] = field(default_factory=dict)


async def play(
    plan: Plan, brokers: Sequence[EmbeddedKafka], folder: Path, say: Callable[[str], None] = lambda _: None
) -> Report:
    """Raises what went wrong on the way, if the two runs did not come to their ends."""
    days = history(plan.seed, people=plan.people, days=plan.days)
    bootstrap = ",".join(broker.bootstrap_servers for broker in brokers)
    facts = sum(map(len, days))
    say(f"seed {plan.seed}: {facts} facts in {plan.days} days of {plan.people} people")
    began = time.monotonic()
    expected = await _undisturbed(plan, days, bootstrap, folder / "undisturbed")
    undisturbed_took, began = time.monotonic() - began, time.monotonic()
    say(f"undisturbed: {undisturbed_took:.0f} s, {len(expected.events)} one-shots, {len(expected.upserts)} entities")
    disturbed = _Disturbed(plan, bootstrap, folder / "disturbed", brokers, say)
    found = await disturbed.run(days)
    return Report(
        facts,
        differences(expected, found),
        disturbed.faults.happened,
        disturbed.team.restarts,
        disturbed.team.last_words(),
        await disturbed.log.longest_pause("orders", "carts", "customers", "contacts"),
        disturbed.team.marked(),
        {"undisturbed": undisturbed_took, "disturbed": time.monotonic() - began},
    )


def _prefix() -> str:
    return f"c{uuid.uuid4().hex[:8]}-"


async def _undisturbed(plan: Plan, days: list[Day], bootstrap: str, folder: Path) -> Outcome:
    prefix = _prefix()
    log = Log(bootstrap, prefix, replication=plan.replication)
    await log.create()
    team = Team(1, folder, bootstrap, prefix, limit=_LARGE)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(team.end)
        producer = await stack.enter_async_context(_producer(bootstrap))
        await team.start()
        for day in days:
            await log.write(producer, day)
            await log.until_folded(FOLDED_WITHIN)
        await team.stop()
        found = await log.outcome()
    await log.delete()  # fewer topics to open for a broker that starts anew
    return found


def _producer(bootstrap: str) -> AIOKafkaProducer:
    """Idempotent: what is sent again after a broker's death lies in the log once, at the same offsets in both runs."""
    return AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, linger_ms=5)


class _Disturbed:
    def __init__(
        self, plan: Plan, bootstrap: str, folder: Path, brokers: Sequence[EmbeddedKafka], say: Callable[[str], None]
    ) -> None:
        prefix = _prefix()
        self._plan, self._bootstrap, self._say = plan, bootstrap, say
        self.log = Log(bootstrap, prefix, replication=plan.replication)
        self.team = Team(plan.size, folder, bootstrap, prefix, limit=_SMALL)
        self.faults = Faults(self.team, brokers, seed=plan.seed, kinds=plan.kinds, every=plan.every, say=say)

    async def run(self, days: list[Day]) -> Outcome:
        await self.log.create()
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.team.end)
            producer = await stack.enter_async_context(_producer(self._bootstrap))
            await self.team.start()
            await self._disturb(producer, days)
            await self.team.stop()  # whoever slept has woken, and would have written by now
            return await self.log.outcome()

    async def _disturb(self, producer: AIOKafkaProducer, days: list[Day]) -> None:
        """Things happen while a day is written; then the last ones are healed, and what is left of it is folded."""
        async with asyncio.TaskGroup() as group:
            supervision = group.create_task(self.team.supervise())
            for number, day in enumerate(days):
                faults = group.create_task(self.faults.run(self._plan.faults_of(number)))
                await self.log.write(producer, day, seconds=self._plan.seconds)
                await faults
                self._say(f"day {number + 1} is written, all are healed")
                await self.log.until_folded(FOLDED_WITHIN)
                self._say(f"day {number + 1} is folded")
            supervision.cancel()
