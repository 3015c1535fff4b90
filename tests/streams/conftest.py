"""What the tests of owners share."""

from collections.abc import Iterator

import pytest

from tests.streams.worker_process import WorkerProcess


@pytest.fixture
def workers() -> Iterator[list[WorkerProcess]]:
    """For the workers that a test starts: whatever state they are in, they are gone afterwards."""
    started: list[WorkerProcess] = []
    yield started
    for worker in started:
        worker.end()
