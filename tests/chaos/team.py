"""The workers of a run: processes that are hurt in every way, and started anew when they end themselves.

What ends for another reason than a fault, or than a clear message of its own (exit 70), fails the run.
"""

import asyncio
import contextlib
import resource
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from streams.errors import EXIT_FAILED
from tajo.errors import BrokerUnreachable
from tajo.kafka.folder import log_tail
from tajo.kafka.process import start_bound

ROOT: Final = Path(__file__).parents[2]
CURED_BY_A_START: Final = (EXIT_FAILED, BrokerUnreachable.exit_code)
STOP_SECONDS: Final = 40
_PAUSE, _WITHOUT_BROKER = 0.5, 2.0
_LOOK = 0.05


class Unexpected(AssertionError):
    """A worker has ended as none may end."""


class Worker:
    """``lent``: a fault has it in hand, so nobody else may touch it, and its end is no surprise."""

    def __init__(self, name: str, folder: Path, bootstrap: str, prefix: str, limit: int) -> None:
        self.name, self.data, self.log = name, folder / name, folder / f"{name}.log"
        self._command = [sys.executable, "-m", "tests.chaos.worker", bootstrap, prefix, str(self.data), str(limit)]
        self._process: subprocess.Popen[bytes] | None = None
        self.lent = False

    async def start(self) -> None:
        self._process = await asyncio.to_thread(start_bound, self._command, folder=ROOT, log=self.log)

    def code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll() if self._process else 0

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        if self._process:
            self._process.send_signal(number)  # none is sent to who has ended

    async def ended(self, within: float) -> int | None:
        """How it ended, None if it did not."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self.code() is None:  # noqa: ASYNC110 - a process tells nobody that it ended
                    await asyncio.sleep(_LOOK)
        return self.code()

    async def kill(self) -> None:
        self.signal(signal.SIGKILL)
        await self.ended(10)

    async def stop(self) -> None:
        """In order, or as who cannot any more; before it has begun, by the signal itself. Raises Unexpected."""
        self.signal(signal.SIGTERM)
        code = await self.ended(STOP_SECONDS)
        if code not in (0, -signal.SIGTERM, *CURED_BY_A_START):
            await self.kill()
            raise Unexpected(f"{self.name} did not stop in order within {STOP_SECONDS} s ({code}): {self.tail()}")

    def freeze(self) -> None:
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)

    def fill_disk(self, full: bool = True) -> None:
        """From now on no file of its can grow: to RocksDB a disk that is full (EFBIG, where that would be ENOSPC)."""
        if self.code() is None:
            most = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)[1]
            resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (0 if full else most, most))

    def lose_store(self) -> None:
        shutil.rmtree(self.data, ignore_errors=True)

    def tail(self) -> str:
        return log_tail(self.log)

    def said(self, words: str) -> int:
        """How often."""
        return self.log.read_text(errors="replace").count(words) if self.log.exists() else 0

    def last_words(self) -> Iterator[str]:
        """Why it ended itself, each time."""
        if self.log.exists():
            for line in self.log.read_text(errors="replace").splitlines():
                if line.startswith("tajo: process "):
                    yield line.partition(" ends: ")[2]


class Team:
    """``limit``: of a worker's batches. Small ones make many moments to be killed in."""

    def __init__(self, size: int, folder: Path, bootstrap: str, prefix: str, *, limit: int) -> None:
        folder.mkdir(parents=True)
        names = [f"worker-{number}" for number in range(1, size + 1)]
        self.workers = [Worker(name, folder, bootstrap, prefix, limit) for name in names]
        self.restarts: Counter[int] = Counter()  # exit code -> how often somebody ended so and was started anew

    async def start(self) -> None:
        for worker in self.workers:
            await worker.start()

    async def supervise(self) -> None:
        """Until cancelled. Raises Unexpected."""
        while True:
            for worker in self.workers:
                if not worker.lent and (code := worker.code()) is not None:
                    await self._start_anew(worker, code)
            await asyncio.sleep(_LOOK)

    async def _start_anew(self, worker: Worker, code: int) -> None:
        if code not in CURED_BY_A_START:
            raise Unexpected(f"{worker.name} ended with {code}, which nobody had asked for:\n{worker.tail()}")
        self.restarts[code] += 1
        await asyncio.sleep(_WITHOUT_BROKER if code == BrokerUnreachable.exit_code else _PAUSE)
        if not worker.lent:
            await worker.start()

    def free(self) -> list[Worker]:
        """Who runs and is in no fault's hands."""
        return [worker for worker in self.workers if not worker.lent and worker.code() is None]

    async def stop(self) -> None:
        """All in order. Raises Unexpected."""
        await asyncio.gather(*(worker.stop() for worker in self.workers))

    async def end(self) -> None:
        """Whatever state they are in, they are gone afterwards."""
        await asyncio.gather(*(worker.kill() for worker in self.workers))

    def marked(self) -> int:
        """How many transactions workers have ended that the broker had decided, and not marked."""
        return sum(worker.said("had no marker") for worker in self.workers)

    def last_words(self) -> Counter[str]:
        """The kinds of errors with which workers have ended themselves."""
        return Counter(words.partition(":")[0] for worker in self.workers for words in worker.last_words())
