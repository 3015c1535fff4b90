"""`tajo up`: a broker unless one is named, the topics, then every component as a supervised process.

A component that ends itself (exit 70: it could no longer trust what it knew, or met what nobody has foreseen; 75: a
store was connected or has left) or is killed is started anew: at once if it had lived for a while, else after a growing
pause. One that cannot work with the configuration (exit 1, 2 or 4) ends everything, with its message.
"""

import asyncio
import contextlib
import subprocess
from pathlib import Path

from rich.console import Console

from tajo.components import Components
from tajo.kafka import EmbeddedKafka
from tajo.running import told_to_stop
from tajo.settings import Settings
from tajo.supervision import Pace, command, keep, until_one_ends

COMPONENTS = ("gateway", "enrich", "worker", "sink")
PACE = Pace(look=0.2, stop=20, shortest=1.0, longest=30.0)
console = Console(stderr=True, highlight=False)


async def run(settings: Settings, config: Path | None, bootstrap_servers: str | None) -> int:
    """Until told to stop, or until a component cannot go on; returns the exit code."""
    stop = asyncio.create_task(told_to_stop())
    try:
        async with contextlib.AsyncExitStack() as stack:
            named = bootstrap_servers or settings.kafka.bootstrap_servers
            if named is None:
                console.print(f"starting Kafka in {settings.data_dir / 'kafka'}")
                broker = await stack.enter_async_context(EmbeddedKafka(settings.data_dir / "kafka"))
                bootstrap_servers = broker.bootstrap_servers
                console.print(f"Kafka answers; other commands reach it with --bootstrap-servers {bootstrap_servers}")
            made = Components(settings, settings.kafka_access(bootstrap_servers))
            diff = await made.apply_topics()
            console.print(f"topics: {str(diff).splitlines()[-1]}")
            return await _supervise(config, bootstrap_servers, stop)
    finally:
        stop.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await stop


async def _supervise(config: Path | None, bootstrap_servers: str | None, stop: asyncio.Task[None]) -> int:
    lines = {name: command(name, config=config, bootstrap_servers=bootstrap_servers) for name in COMPONENTS}
    return await until_one_ends([keep(line, PACE, _Component(name)) for name, line in lines.items()], stop)


class _Component:
    """Says what becomes of one."""

    def __init__(self, name: str) -> None:
        self._name = name

    def started(self, process: "subprocess.Popen[bytes]") -> None:
        console.print(f"{self._name}: started")

    def killed(self) -> None:
        console.print(f"{self._name}: did not stop within {PACE.stop} s and was killed")

    def ended(self, code: int, pause: float | None) -> None:
        what = "which a new start does not cure" if pause is None else f"started anew in {pause:.0f} s"
        console.print(f"{self._name}: ended with {code}, {what}")
