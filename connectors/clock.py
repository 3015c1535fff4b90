"""The clock that every component is given: business times, limiters and coalescing windows run on it.

Signatures, sockets, Kafka and their time-outs run on the real clock and never ask this one.
"""

import asyncio
import time
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Clock(Protocol):
    """Milliseconds since the epoch, and a way to wait for a moment of it."""

    def now(self) -> int:
        """The present, in Unix milliseconds."""

    async def sleep_until(self, when: int) -> None:
        """Returns once ``now() >= when``. Cancelling it leaves nothing behind."""

    def work(self) -> AbstractContextManager[None]:
        """Held by the innermost task that has work it can do; a simulated clock stands still meanwhile.

        While the holding task is in ``sleep_until`` it counts as waiting. Who awaits other tasks must not hold it.
        """


class SystemClock:
    """The real time."""

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    async def sleep_until(self, when: int) -> None:
        while (left := when - self.now()) > 0:  # noqa: ASYNC110 - it is time that is waited for
            await asyncio.sleep(left / 1000)

    def work(self) -> AbstractContextManager[None]:
        return nullcontext()
