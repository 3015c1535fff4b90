"""Keeping processes of ours running: each is started anew whenever it ends, at once if it had lived for a while, else
after a pause that grows."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from tajo.kafka.process import end, start_bound

# Exit codes that a new start would not cure (tajo.errors); 3, the broker is away, is cured by time.
FINAL: Final = (1, 2, 4)
LIVED_SECONDS: Final = 60


class Pace(NamedTuple):
    """Seconds: between two looks, until a stop becomes SIGKILL, and the shortest and longest pause."""

    look: float
    stop: float
    shortest: float
    longest: float


class Told(Protocol):
    """Who says what becomes of a process."""

    def started(self, process: "subprocess.Popen[bytes]") -> None: ...

    def killed(self) -> None:
        """It did not stop within its time."""

    def ended(self, code: int, pause: float | None) -> None:
        """``pause``: seconds until it is started anew; None if that would not cure it."""


def command(*arguments: str, config: Path | None, bootstrap_servers: str | None) -> list[str]:
    """`tajo …` with the configuration and the broker of this process."""
    line = [sys.executable, "-m", "tajo", *arguments]
    if config is not None:
        line += ["-c", str(config)]
    if bootstrap_servers:
        line += ["--bootstrap-servers", bootstrap_servers]
    return line


async def keep(line: Sequence[str], pace: Pace, told: Told) -> int:
    """Starts it again and again; returns the exit code that a new start would not cure. Cancelled, it stops it."""
    pause = 0.0
    while True:
        began = time.monotonic()
        process = await asyncio.to_thread(start_bound, line)
        told.started(process)
        code = await _ended(process, pace, told)
        if code in FINAL:
            told.ended(code, None)
            return code
        lived = time.monotonic() - began > LIVED_SECONDS
        pause = 0.0 if lived else min(max(pace.shortest, pause * 2), pace.longest)
        told.ended(code, pause)
        await asyncio.sleep(pause)


async def _ended(process: "subprocess.Popen[bytes]", pace: Pace, told: Told) -> int:
    try:
        while (code := process.poll()) is None:  # noqa: ASYNC110 - a process tells nobody that it ended
            await asyncio.sleep(pace.look)
        return code
    finally:
        if process.poll() is None and not await asyncio.to_thread(end, process, within=pace.stop):
            told.killed()


async def until_one_ends(keepers: Sequence[Coroutine[Any, Any, int]], stop: asyncio.Task[None]) -> int:
    """Until ``stop`` is done, or one of them has ended for good; stops all. Returns the exit code."""
    tasks = [asyncio.create_task(keeper) for keeper in keepers]
    try:
        done, _ = await asyncio.wait([stop, *tasks], return_when=asyncio.FIRST_COMPLETED)
        ended = [task for task in tasks if task in done]
        return ended[0].result() if ended else 0
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
