"""`tajo worker --processes`: processes that share the partitions, one of them killed."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from streams.access import Kafka
from streams.names import Names
from tajo.health import check
from tests.commands import children
from tests.streams.logs import until
from tests.streams.tajo_worker import Worker

pytestmark = pytest.mark.kafka


@pytest.fixture
async def worker(kafka: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Worker]:
    worker = Worker(kafka, topic_prefix, tmp_path, {"TAJO_WORKER__PROCESSES": "2"})
    await worker.prepare()
    await worker.start()
    yield worker
    if worker.process and worker.process.returncode is None:
        worker.process.kill()  # the others cannot outlive it
        await worker.process.wait()


def processes(worker: Worker) -> list[int]:
    assert worker.process is not None
    return children(worker.process)


async def test_two_processes_share_the_partitions_and_one_that_is_killed_comes_back(
    worker: Worker, kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    names = Names(prefix=topic_prefix)
    group = names.group(names.version)

    async def healthy() -> bool:
        return await check(Kafka(kafka), group, 2) is None

    async def share() -> bool:
        return all(list((tmp_path / "data" / tables).glob("*/**/CURRENT")) for tables in ("tables", "tables-1"))

    await until(healthy, "both are members of the group")
    await until(share, "both have partitions, with tables of their own")
    await worker.folds_new_records()
    first, second = processes(worker)
    os.kill(first, signal.SIGKILL)

    async def is_back() -> bool:
        return len(now := processes(worker)) == 2 and first not in now and second in now

    await until(is_back, "it is started anew")
    await until(healthy, "it is a member again")
    await worker.folds_new_records()
    assert await worker.end(signal.SIGTERM) == 0
