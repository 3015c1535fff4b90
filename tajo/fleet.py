"""Several processes of one component: `tajo gateway --workers N`, `tajo worker --processes N`, supervised.

One that ends is started anew; one that cannot work with the configuration ends all, with its exit code.
"""

import asyncio
import contextlib
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import structlog

from tajo.running import listener, told_to_stop
from tajo.settings import Settings
from tajo.supervision import Pace, command, keep, until_one_ends

PACE: Final = Pace(look=0.1, stop=12.0, shortest=0.2, longest=10.0)

_log = structlog.get_logger("tajo.fleet")


async def gateways(settings: Settings, config: Path | None, bootstrap_servers: str | None, workers: int) -> int:
    """On one port, each with a spool of its own. Raises GatewayNotStarted.

    The kernel spreads connections over them (SO_REUSEPORT, Linux). One that is started anew drains what it left.
    """
    # Bound but not listening: it keeps the port while workers come and go, and says at once if it is taken.
    with contextlib.closing(listener(settings.gateway.host, settings.gateway.port, shared=True)):
        lines = [
            command(
                *("gateway", "--worker", str(worker), "--workers", str(workers)),
                config=config,
                bootstrap_servers=bootstrap_servers,
            )
            for worker in range(workers)
        ]
        return await _run("gateway", lines)


async def folding(config: Path | None, bootstrap_servers: str | None, processes: int) -> int:
    """In one consumer group, each with tables of its own: Kafka shares the partitions out among them."""
    lines = [
        command("worker", "--process", str(process), config=config, bootstrap_servers=bootstrap_servers)
        for process in range(processes)
    ]
    return await _run("worker", lines)


async def _run(component: str, lines: Sequence[Sequence[str]]) -> int:
    """Until told to stop, or until a process cannot go on; returns the exit code."""
    stop = asyncio.create_task(told_to_stop())
    try:
        keepers = [keep(line, PACE, _Process(component, number)) for number, line in enumerate(lines)]
        return await until_one_ends(keepers, stop)
    finally:
        stop.cancel()
        await asyncio.gather(stop, return_exceptions=True)


class _Process:
    """Says what becomes of one."""

    def __init__(self, component: str, number: int) -> None:
        self._log = _log.bind(component=component, number=number)

    def started(self, process: "subprocess.Popen[bytes]") -> None:
        self._log.info("a process was started", pid=process.pid)

    def killed(self) -> None:
        self._log.warning("a process did not stop in time and was killed")

    def ended(self, code: int, pause: float | None) -> None:
        if pause is not None:
            self._log.warning("a process ended and is started anew", code=code, seconds=pause)
