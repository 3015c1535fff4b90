"""`tajo gateway --workers N`: N processes that share a port, each with a spool of its own, supervised.

The kernel spreads connections over them (SO_REUSEPORT, Linux). One that ends is started anew, and then drains what it
left; one that cannot work with the configuration ends all, with its exit code.
"""

import asyncio
import contextlib
import subprocess
from pathlib import Path
from typing import Final

import structlog

from tajo.running import listener, told_to_stop
from tajo.settings import Settings
from tajo.supervision import Pace, command, keep, until_one_ends

PACE: Final = Pace(look=0.1, stop=12.0, shortest=0.2, longest=10.0)

_log = structlog.get_logger("tajo.workers")


async def run(settings: Settings, config: Path | None, bootstrap_servers: str | None, workers: int) -> int:
    """Until told to stop, or until a worker cannot go on; returns the exit code. Raises GatewayNotStarted."""
    # Bound but not listening: it keeps the port while workers come and go, and says at once if it is taken.
    with contextlib.closing(listener(settings.gateway.host, settings.gateway.port, shared=True)):
        stop = asyncio.create_task(told_to_stop())
        lines = [
            command(
                *("gateway", "--worker", str(worker), "--workers", str(workers)),
                config=config,
                bootstrap_servers=bootstrap_servers,
            )
            for worker in range(workers)
        ]
        try:
            return await until_one_ends([keep(line, PACE, _Worker(worker)) for worker, line in enumerate(lines)], stop)
        finally:
            stop.cancel()
            await asyncio.gather(stop, return_exceptions=True)


class _Worker:
    """Says what becomes of one."""

    def __init__(self, number: int) -> None:
        self._number = number

    def started(self, process: "subprocess.Popen[bytes]") -> None:
        _log.info("a gateway worker was started", worker=self._number, pid=process.pid)

    def killed(self) -> None:
        _log.warning("a gateway worker did not stop in time and was killed", worker=self._number)

    def ended(self, code: int, pause: float | None) -> None:
        if pause is not None:
            _log.warning("a gateway worker ended and is started anew", worker=self._number, code=code, seconds=pause)
