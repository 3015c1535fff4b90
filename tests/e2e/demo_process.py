"""`tajo demo` as a process, and what it says while it runs."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.stand import ROOT


@dataclass
class Demo:
    process: asyncio.subprocess.Process
    output: str = ""
    _said: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self) -> None:
        assert self.process.stdout is not None
        while part := await self.process.stdout.read(65_536):
            self.output += part.decode(errors="replace")
            self._said.set()
        self._said.set()

    async def says(self, text: str, within: float = 120) -> None:
        try:
            async with asyncio.timeout(within):
                while text not in self.output and self.process.returncode is None:
                    self._said.clear()
                    await self._said.wait()
        except TimeoutError:
            raise AssertionError(f"It did not say {text!r}, but:\n{self.output}") from None
        assert text in self.output, self.output

    async def ended(self, within: float) -> int:
        """The exit status."""
        try:
            return await asyncio.wait_for(self.process.wait(), within)
        except TimeoutError:
            raise AssertionError(f"It has not ended after {within:.0f} s:\n{self.output}") from None

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> None:
        """As Ctrl-C does; what it started runs in sessions of its own, which a terminal's Ctrl-C does not reach."""
        self.process.send_signal(number)


@asynccontextmanager
async def demo(folder: Path, *arguments: str) -> AsyncIterator[Demo]:
    """``folder``: its temporary files are in here, and all of its processes have it in their environment."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tajo", "demo", *arguments),
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    running = Demo(process)
    listening = asyncio.create_task(running.listen())
    try:
        yield running
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await listening
