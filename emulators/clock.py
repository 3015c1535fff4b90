"""The clocks of the emulators: the real one, and one that stands while there is work and else jumps."""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol


class Clock(Protocol):
    """Milliseconds since the epoch; see ``StandingClock`` for the contract of ``work``."""

    def now(self) -> int: ...

    async def sleep_until(self, when: int) -> None: ...


class RealClock:
    def now(self) -> int:
        return time.time_ns() // 1_000_000

    async def sleep_until(self, when: int) -> None:
        while (left := when - self.now()) > 0:  # noqa: ASYNC110 - it is time that is waited for
            await asyncio.sleep(left / 1000)

    @contextmanager
    def work(self) -> Iterator[None]:
        yield


class StandingClock:
    """Stands while anybody works, and jumps to the earliest wake-up when all wait.

    ``idle`` tells whether the rest of the world (logs that are still to be read, requests under way) is at rest.
    ``grain``: jumps end at full multiples of so many ms, so that what is due close together happens together.
    ``run`` drives it; without ``run`` it only moves by ``advance``. Whoever wakes has to take ``work`` in the step in
    which it wakes, or its work is not seen.
    """

    def __init__(self, start: int, *, grain: int = 1) -> None:
        self._grain = grain
        self.limit: int | None = None  # it does not jump beyond
        self._now = start
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._working: dict[asyncio.Task[object] | None, int] = {}
        self._asleep: set[asyncio.Task[object] | None] = set()

    def now(self) -> int:
        return self._now

    async def sleep_until(self, when: int) -> None:
        if when <= self._now:
            return
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (when, next(self._order), future))
        task = asyncio.current_task()
        self._asleep.add(task)
        try:
            await future
        finally:
            self._asleep.discard(task)

    @contextmanager
    def work(self) -> Iterator[None]:
        task = asyncio.current_task()
        self._working[task] = self._working.get(task, 0) + 1
        try:
            yield
        finally:
            self._working[task] -= 1
            if not self._working[task]:
                del self._working[task]

    def working(self) -> int:
        """How many tasks have work that they can do now."""
        return len(self._working.keys() - self._asleep)

    def next_wake_up(self) -> int | None:
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    def advance(self, to: int) -> None:
        """Moves to ``to`` and wakes all who waited for a moment up to it."""
        self._now = max(self._now, to)
        while self._sleepers and self._sleepers[0][0] <= self._now:
            future = heapq.heappop(self._sleepers)[2]
            if not future.done():
                future.set_result(None)

    async def run(self, idle: Callable[[], bool], rest: float = 0.001) -> None:
        """Drives the clock until cancelled; ``rest`` is the pause between two looks, in real seconds.

        It jumps only after two looks in a row found everybody waiting: what a first look woke can begin its work.
        """
        quiet = 0
        while True:
            await asyncio.sleep(rest)
            quiet = quiet + 1 if not self.working() and idle() else 0
            if quiet < 2 or (when := self.next_wake_up()) is None:
                continue
            if self.limit is None or when <= self.limit:
                self.advance(-(-when // self._grain) * self._grain)
                quiet = 0
