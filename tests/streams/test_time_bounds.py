"""How long a worker is away, measured on the program itself: `tajo worker`, killed or stopped, and started at once.

The bounds are the product's promises, made for a machine that imports the program in a second; on a slower one they are
as much longer as the imports take there. The figures are printed (`pytest -s`). The time in which the worker waited for
a processor is taken off where the system tells it (Linux): it is the machine's load, not the program's.
"""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.streams.tajo_worker import Worker
from tests.streams.worker_process import ROOT

WITHIN_AFTER_KILL, WITHIN_AFTER_STOP = 15.0, 3.0
IMPORTS = 1.0  # seconds, where the bounds hold as they are


@pytest.fixture
async def worker(kafka: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Worker]:
    worker = Worker(kafka, topic_prefix, tmp_path)
    await worker.prepare()
    await worker.start()
    yield worker
    if worker.process and worker.process.returncode is None:
        worker.process.kill()
        await worker.process.wait()


async def away(worker: Worker, number: signal.Signals) -> float:
    """Seconds from its end until another one has folded a new record in each partition; see above for the machine's."""
    await worker.folds_new_records()
    slower = max(1.0, await imported() / IMPORTS)
    await worker.end(number)
    ended = time.monotonic()
    await worker.start()
    await worker.folds_new_records()
    seconds, waited = time.monotonic() - ended, worker.waited()
    print(
        f"folds again {seconds - waited:.1f} s after {number.name} ({waited:.1f} s more for want of a processor), "
        f"where the imports take {slower * IMPORTS:.1f} s"
    )
    return (seconds - waited) / slower


async def imported() -> float:
    """Seconds in which a process starts and imports the program now."""
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "import tajo.cli", cwd=ROOT)
    assert await process.wait() == 0
    return time.monotonic() - began


async def test_a_killed_worker_folds_again_within_15_seconds(worker: Worker) -> None:
    assert await away(worker, signal.SIGKILL) < WITHIN_AFTER_KILL


async def test_a_stopped_worker_folds_again_within_3_seconds(worker: Worker) -> None:
    """The quickest of three."""
    for _ in range(3):
        if await away(worker, signal.SIGTERM) < WITHIN_AFTER_STOP:
            return
    raise AssertionError(f"It took longer than {WITHIN_AFTER_STOP:g} s three times.")
