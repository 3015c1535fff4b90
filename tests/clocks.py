"""A standing clock that runs until something has come about, and not beyond."""

import asyncio
from collections.abc import Callable

from emulators.clock import StandingClock


async def run_until(
    clock: StandingClock, true: Callable[[], bool], *, idle: Callable[[], bool], what: str, timeout: float
) -> None:
    """Lets the clock run until ``true``; fails after ``timeout`` real seconds.

    It never jumps once that is so: whoever looks may be late, and what comes next by the clock (a reconcile after an
    hour, for one) would be part of the test then. ``true`` may raise to give up.
    """
    running = asyncio.create_task(clock.run(lambda: idle() and not true()))
    try:
        async with asyncio.timeout(timeout):
            while not true():
                if running.done():
                    await running  # raises what it raised
                await asyncio.sleep(0.002)
    except TimeoutError:
        raise AssertionError(f"It did not come about within {timeout} s that {what}.") from None
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
