"""`tajo up`: a broker unless one is named, the topics, then every component as a supervised process.

A component that ends itself (exit 70: it could no longer trust what it knew; 75: a store was connected or has left) or
is killed is started anew: at once if it had lived for a while, else after a growing pause. One that cannot work with
the configuration (exit 1, 2 or 4) ends everything, with its message.
"""

import asyncio
import contextlib
import sys
import time
from pathlib import Path

from rich.console import Console

from tajo.components import Components
from tajo.kafka import EmbeddedKafka
from tajo.kafka.process import end, start_bound
from tajo.running import told_to_stop
from tajo.settings import Settings

COMPONENTS = ("gateway", "enrich", "worker", "sink")
FINAL = (1, 2, 4)  # exit codes that a new start would not cure (tajo.errors); 3, the broker is away, is cured by time
STOP_SECONDS = 20
LOOK_SECONDS = 0.2
LIVED_SECONDS = 60  # who lived longer is started anew at once, who did not after a growing pause
LONGEST_PAUSE = 30.0
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
    children = [asyncio.create_task(_keep(name, config, bootstrap_servers), name=name) for name in COMPONENTS]
    try:
        done, _ = await asyncio.wait([stop, *children], return_when=asyncio.FIRST_COMPLETED)
        ended = [task for task in done if task is not stop]
        return ended[0].result() if ended else 0  # type: ignore[return-value]
    finally:
        for child in children:
            child.cancel()
        await asyncio.gather(*children, return_exceptions=True)


async def _keep(name: str, config: Path | None, bootstrap_servers: str | None) -> int:
    """Starts the component again and again; returns the exit code that a new start would not cure."""
    command = [sys.executable, "-m", "tajo", name]
    if config is not None:
        command += ["-c", str(config)]
    if bootstrap_servers:
        command += ["--bootstrap-servers", bootstrap_servers]
    pause = 0.0
    while True:
        began = time.monotonic()
        console.print(f"{name}: started")
        process = await asyncio.to_thread(start_bound, command)
        try:
            while (code := process.poll()) is None:  # noqa: ASYNC110 - a process tells nobody that it ended
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            if process.poll() is None and not await asyncio.to_thread(end, process, within=STOP_SECONDS):
                console.print(f"{name}: did not stop within {STOP_SECONDS} s and was killed")
        if code in FINAL:
            console.print(f"{name}: ended with {code}, which a new start does not cure")
            return code
        pause = 0.0 if time.monotonic() - began > LIVED_SECONDS else min(max(1.0, pause * 2), LONGEST_PAUSE)
        console.print(f"{name}: ended with {code}, started anew in {pause:.0f} s")
        await asyncio.sleep(pause)
