"""The workers of a soak: processes that answer how many records they have written and folded."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple, Self

from tajo.kafka.folder import log_tail

ROOT = Path(__file__).parents[2]
START_SECONDS, ANSWER_SECONDS = 120.0, 30.0
STOP_SECONDS = 30.0


class SoakFailed(Exception):
    """It could not be carried through. Says what happened."""


class Counts(NamedTuple):
    """Records of all workers together: ``written`` per logical topic, ``folded`` per `topic by fold`."""

    written: Counter[str]
    folded: Counter[str]


class Worker:
    """``data``: the folder of its stores."""

    def __init__(self, process: Process, data: Path, log: Path) -> None:
        self.pid, self.data = process.pid, data
        self._process, self._log = process, log

    @classmethod
    async def start(cls, folder: Path, *arguments: str) -> Self:
        await asyncio.to_thread(folder.mkdir)
        data, log = folder / "data", folder / "log"
        bootstrap, prefix, purge_every = arguments
        command = (sys.executable, "-m", "tests.soak.worker", bootstrap, prefix, str(data), purge_every)
        with log.open("wb") as out:
            process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=PIPE, stdout=PIPE, stderr=out)
        return cls(process, data, log)

    async def counts(self, within: float = ANSWER_SECONDS) -> Counts:
        """Raises SoakFailed if it does not answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        try:
            async with asyncio.timeout(within):
                line = await self._process.stdout.readline()
        except TimeoutError:
            line = b""
        if not line:
            raise SoakFailed(f"A worker has ended, or hangs. It wrote last:\n{log_tail(self._log)}")
        written, folded = json.loads(line)
        return Counts(Counter(written), Counter(folded))

    async def stop(self) -> None:
        """In order, and else by SIGKILL. Raises SoakFailed if its exit status is not 0."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                status = await self._process.wait()
        except TimeoutError:
            self._process.kill()
            status = await self._process.wait()
        if status:
            raise SoakFailed(f"A worker ended with exit status {status}. It wrote last:\n{log_tail(self._log)}")


class Team:
    def __init__(self, workers: list[Worker]) -> None:
        self.workers = workers

    async def counts(self) -> Counts:
        each = await asyncio.gather(*(worker.counts() for worker in self.workers))
        return Counts(sum((c.written for c in each), Counter()), sum((c.folded for c in each), Counter()))


@asynccontextmanager
async def team(folder: Path, size: int, *arguments: str) -> AsyncIterator[Team]:
    """They have started, and all are gone in the end. ``arguments``: see Worker.start."""
    workers: list[Worker] = []
    try:
        for number in range(size):
            workers.append(await Worker.start(folder / f"worker-{number + 1}", *arguments))
        await asyncio.gather(*(worker.counts(within=START_SECONDS) for worker in workers))
        yield Team(workers)
    finally:
        ended = await asyncio.gather(*(worker.stop() for worker in workers), return_exceptions=True)
    for error in ended:
        if error:
            raise error
