"""A program under measurement: a process of its own, ours or a peer's, started and ended by the benchmark."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import Popen
from typing import Final, NamedTuple

from tajo.kafka.folder import log_tail
from tajo.kafka.process import end, start_bound

ROOT: Final = Path(__file__).parents[1]
READY: Final = b"ready\n"  # a line that programs print once partitions are theirs
STOP_SECONDS: Final = 30.0


class ProgramFailed(Exception):
    """A program ended before it should, or did not do its work. Says what it wrote last."""


class Memory(NamedTuple):
    """Bytes that are resident: now, and at most so far."""

    now: int
    peak: int


class Running:
    def __init__(self, process: Popen[bytes], log: Path) -> None:
        self._process, self._log = process, log

    def check(self) -> None:
        """Raises ProgramFailed if it has ended."""
        if (status := self._process.poll()) is not None:
            raise self.failure(f"ended with exit status {status}")

    def failure(self, what: str) -> ProgramFailed:
        return ProgramFailed(f"{' '.join(self._process.args[-6:])} {what}. It wrote last:\n{log_tail(self._log)}")

    async def ready(self, timeout: float = 60) -> None:
        """Until it has printed `ready`. Raises ProgramFailed."""
        try:
            async with asyncio.timeout(timeout):
                while not (b"\n" + self._log.read_bytes()).count(b"\n" + READY):
                    self.check()
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise self.failure(f"was not ready within {timeout:g} s") from None

    def said(self, word: str) -> list[str] | None:
        """The rest of the last line that begins with ``word``, in words; None if there is none yet."""
        lines = [line.split() for line in self._log.read_text(encoding="utf-8", errors="replace").splitlines()]
        return next((line[1:] for line in reversed(lines) if line[:1] == [word]), None)

    def memory(self) -> Memory:
        """Linux: of the process itself, without children."""
        lines = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii").splitlines()
        sizes = {name: text for name, _, text in (line.partition(":") for line in lines)}
        return Memory(int(sizes["VmRSS"].split()[0]) << 10, int(sizes["VmHWM"].split()[0]) << 10)

    def cpu_seconds(self) -> float:
        """Linux: user and system time so far, of all its threads."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def running(command: Sequence[str]) -> AsyncIterator[Running]:
    """Runs it in the project's folder; at the end SIGTERM, and SIGKILL if that takes more than 30 s."""
    with tempfile.TemporaryDirectory(prefix="tajo-bench-") as folder:
        log = Path(folder, "log")
        process = start_bound(command, folder=ROOT, log=log)
        try:
            yield Running(process, log)
        finally:
            await asyncio.shield(asyncio.to_thread(end, process, within=STOP_SECONDS))
