"""`tajo` commands that end by themselves, run as a user runs them."""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]


class Done(NamedTuple):
    status: int | None
    out: str
    err: str


async def finished(
    *arguments: str, environment: Mapping[str, str], typed: str = "", together: bool = False, within: float = 60
) -> Done:
    """``environment``: beside ours. ``together``: both outputs in ``out``. One that takes longer is killed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tajo", *arguments),
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT if together else asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(typed.encode()), within)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Done(process.returncode, out.decode(), (err or b"").decode())


def children(process: asyncio.subprocess.Process) -> list[int]:
    """The process ids of those that it has started (proc(5))."""
    found = Path(f"/proc/{process.pid}/task").glob("*/children")
    return [int(pid) for file in found for pid in file.read_text().split()]


def on_broker(kafka: str, prefix: str, partitions: int = 2) -> dict[str, str]:
    """The environment of a command that uses this broker, with topics of its own."""
    return {
        "TAJO_KAFKA__BOOTSTRAP_SERVERS": kafka,
        "TAJO_KAFKA__PREFIX": prefix,
        "TAJO_KAFKA__PARTITIONS": str(partitions),
        "TAJO_KAFKA__REPLICATION": "1",
    }
