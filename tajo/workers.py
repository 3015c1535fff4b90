"""`tajo gateway --workers N`: N processes that share a port, each with a spool of its own, supervised.

The kernel spreads connections over them (SO_REUSEPORT, Linux). One that ends is started anew, and then drains what it
left; one that cannot work with the configuration ends all, with its exit code.
"""

import asyncio
import contextlib
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import structlog

from tajo.kafka.process import end, start_bound
from tajo.running import listener, told_to_stop
from tajo.settings import Settings

FINAL: Final = (1, 2, 4)  # exit codes that a new start would not cure (tajo.errors)
STOP_SECONDS: Final = 12.0
_LOOK_SECONDS: Final = 0.1
_LIVED_SECONDS: Final = 60.0
_LONGEST_PAUSE: Final = 10.0

_log = structlog.get_logger("tajo.workers")


async def run(settings: Settings, config: Path | None, bootstrap_servers: str | None, workers: int) -> int:
    """Until told to stop, or until a worker cannot go on; returns the exit code. Raises GatewayNotStarted."""
    # Bound but not listening: it keeps the port while workers come and go, and says at once if it is taken.
    with contextlib.closing(listener(settings.gateway.host, settings.gateway.port, shared=True)):
        stop = asyncio.create_task(told_to_stop())
        keepers = [asyncio.create_task(_keep(worker, workers, config, bootstrap_servers)) for worker in range(workers)]
        try:
            done, _ = await asyncio.wait([stop, *keepers], return_when=asyncio.FIRST_COMPLETED)
            ended = [task for task in keepers if task in done]
            return ended[0].result() if ended else 0
        finally:
            for task in (stop, *keepers):
                task.cancel()
            await asyncio.gather(stop, *keepers, return_exceptions=True)


async def _keep(worker: int, workers: int, config: Path | None, bootstrap_servers: str | None) -> int:
    """Starts it again and again; returns the exit code that a new start would not cure."""
    command = [sys.executable, "-m", "tajo", "gateway", "--worker", str(worker), "--workers", str(workers)]
    if config is not None:
        command += ["-c", str(config)]
    if bootstrap_servers:
        command += ["--bootstrap-servers", bootstrap_servers]
    pause = 0.0
    while True:
        began = time.monotonic()
        process = await asyncio.to_thread(start_bound, command)
        _log.info("a gateway worker was started", worker=worker, pid=process.pid)
        code = await _ended(process)
        if code in FINAL:
            return code
        pause = 0.0 if time.monotonic() - began > _LIVED_SECONDS else min(max(0.2, pause * 2), _LONGEST_PAUSE)
        _log.warning("a gateway worker ended and is started anew", worker=worker, code=code, seconds=pause)
        await asyncio.sleep(pause)


async def _ended(process: "subprocess.Popen[bytes]") -> int:
    try:
        while (code := process.poll()) is None:  # noqa: ASYNC110 - a process tells nobody that it ended
            await asyncio.sleep(_LOOK_SECONDS)
        return code
    finally:
        if process.poll() is None:
            await asyncio.to_thread(end, process, within=STOP_SECONDS)
