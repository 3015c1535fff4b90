"""What happens to workers and to the broker, and a plan of it that a seed decides.

A worker that a fault has in hand is left alone by the others; brokers are hurt one at a time. So two workers may be
hurt at the same moment, or a worker and a broker.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from streams.engine import SESSION_S
from tajo.kafka import EmbeddedKafka
from tests.chaos.team import Team, Worker

_DISK_FULL_S: Final = 15.0
_AT_ONCE: Final = 2  # with more, on a slow machine, nobody would ever come to work


class Faults:
    """``seed`` decides what happens, to whom, and how long it lasts; ``every``: about so many seconds between two.

    ``kinds``: which there are (KINDS). All of them happen before any happens again. ``say`` is told of each.
    """

    def __init__(
        self,
        team: Team,
        brokers: Sequence[EmbeddedKafka],
        *,
        seed: int,
        kinds: Sequence[str],
        every: float,
        say: Callable[[str], None],
    ) -> None:
        self._team, self._brokers, self._every, self._say = team, brokers, every, say
        self._chance = random.Random(seed)
        self._coming = self._shuffled(kinds)
        self._broker_lent, self._hands = asyncio.Lock(), asyncio.Semaphore(_AT_ONCE)
        self.happened: Counter[str] = Counter()

    def _shuffled(self, kinds: Sequence[str]) -> Iterator[str]:
        while True:
            yield from self._chance.sample(kinds, len(kinds))

    async def run(self, count: int) -> None:
        """So many, one after the other, at most two at the same time; returns when the last one is healed.

        Raises an ExceptionGroup of what went wrong in them.
        """
        async with asyncio.TaskGroup() as faults:
            for _ in range(count):
                await asyncio.sleep(self._every * self._chance.uniform(0.3, 1.7))
                # What lasts is drawn here: so nothing that happens changes what the seed says of the rest.
                kind, length, number = next(self._coming), self._chance.random(), self._chance.randrange(1 << 16)
                await self._hands.acquire()
                faults.create_task(self._happen(kind, length, number), name=kind)

    async def _happen(self, kind: str, length: float, number: int) -> None:
        try:
            await self._do(kind, length, number)
        finally:
            self._hands.release()

    async def _do(self, kind: str, length: float, number: int) -> None:
        if at_broker := AT_BROKERS.get(kind):
            async with self._broker_lent:
                broker = self._brokers[number % len(self._brokers)]
                self._begins(kind, broker.bootstrap_servers)
                await at_broker(broker, length)
        else:
            async with self._victim(number) as worker:
                self._begins(kind, worker.name)
                await AT_WORKERS[kind](worker, length)

    def _begins(self, kind: str, whom: str) -> None:
        self._say(f"{kind}: {whom}")
        self.happened[kind] += 1

    @asynccontextmanager
    async def _victim(self, number: int) -> AsyncIterator[Worker]:
        """Somebody who runs and whom nobody has in hand."""
        while not (free := self._team.free()):  # noqa: ASYNC110 - a process tells nobody that it runs
            await asyncio.sleep(0.05)
        worker = free[number % len(free)]
        worker.lent = True
        try:
            yield worker
        finally:
            worker.lent = False


# --- the kinds: ``length`` lies between 0 and 1 -----------------------------------------------------------------------


async def killed(worker: Worker, length: float) -> None:
    await worker.kill()
    await asyncio.sleep(2 * length)
    await worker.start()


async def killed_with_its_store(worker: Worker, length: float) -> None:
    await worker.kill()
    worker.lose_store()
    await asyncio.sleep(2 * length)
    await worker.start()


async def frozen(worker: Worker, length: float) -> None:
    """For longer than the group takes it for alive: when it wakes, its partitions are another's."""
    worker.freeze()
    await asyncio.sleep(SESSION_S + 1 + 3 * length)
    worker.thaw()


async def gone_for_a_while(worker: Worker, length: float) -> None:
    await worker.stop()
    await asyncio.sleep(4 * length)
    await worker.start()


async def out_of_disk(worker: Worker, length: float) -> None:
    """It ends itself at the first write that fails, in whatever way, since its log has no room either; if it had
    nothing to write for a while, there is room again."""
    worker.fill_disk()
    if await worker.ended(_DISK_FULL_S) is None:
        worker.fill_disk(full=False)
    else:
        await asyncio.sleep(length)
        await worker.start()


async def broker_restarted(broker: EmbeddedKafka, length: float) -> None:
    await asyncio.to_thread(broker.restart)


async def broker_killed(broker: EmbeddedKafka, length: float) -> None:
    await asyncio.to_thread(broker.kill)
    await asyncio.sleep(4 * length)
    await asyncio.to_thread(broker.restart)


AT_WORKERS: Final[Mapping[str, Callable[[Worker, float], Awaitable[None]]]] = {
    "killed": killed,
    "killed, its store lost": killed_with_its_store,
    "frozen": frozen,
    "stopped and back": gone_for_a_while,
    "out of disk": out_of_disk,
}
AT_BROKERS: Final[Mapping[str, Callable[[EmbeddedKafka, float], Awaitable[None]]]] = {
    "broker restarted": broker_restarted,
    "broker killed": broker_killed,
}
KINDS: Final = (*AT_WORKERS, *AT_BROKERS)
