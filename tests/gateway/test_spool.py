"""The spool on its own: order, durability, limits, one owner."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import NotDurable, SpoolFull, SpoolUnusable
from gateway.record import Record
from gateway.spool import Spool


def record(number: int, size: int = 10) -> Record:
    return Record("a.topic", b"key", b"%0*d" % (size, number), [("ce_id", b"%06d" % number)], 1_000 + number)


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[Spool]:
    spool = Spool(tmp_path / "deep" / "spool.sqlite", limit=1 << 20)
    spool.open()
    yield spool
    await spool.close()


async def test_what_was_put_comes_back_whole_and_in_order(spool: Spool) -> None:
    records = [record(number) for number in range(50)]
    for each in records:
        await spool.put(each)
    assert [each for _, each in await spool.head(20)] == records[:20]
    assert [each for _, each in await spool.head(1_000)] == records


async def test_those_put_at_once_keep_their_order_too(spool: Spool) -> None:
    records = [record(number) for number in range(500)]
    await asyncio.gather(*(spool.put(each) for each in records))
    assert [each for _, each in await spool.head(1_000)] == records


async def test_what_was_removed_is_gone_and_its_room_is_free(spool: Spool) -> None:
    for number in range(10):
        await spool.put(record(number))
    held = spool.bytes
    await spool.remove((await spool.head(4))[-1][0])
    assert [each for _, each in await spool.head(99)] == [record(number) for number in range(4, 10)]
    assert (spool.records, spool.bytes) == (6, held * 6 // 10)
    await spool.remove((await spool.head(99))[-1][0])
    assert (spool.records, spool.bytes, await spool.head(99)) == (0, 0, [])


async def test_numbers_are_not_given_twice(spool: Spool) -> None:
    await spool.put(record(1))
    (first, _), = await spool.head(9)  # fmt: skip
    await spool.remove(first)
    await spool.put(record(2))
    (second, _), = await spool.head(9)  # fmt: skip
    assert second > first


async def test_the_next_one_takes_over_what_is_left(tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite"
    first = Spool(path, limit=1 << 20)
    first.open()
    await first.put(record(1))
    await first.put(record(2))
    held = first.bytes
    await first.close()
    second = Spool(path, limit=1 << 20)
    second.open()
    assert (second.records, second.bytes) == (2, held)
    assert [each for _, each in await second.head(9)] == [record(1), record(2)]
    await second.close()


async def test_a_full_spool_refuses_and_takes_again_when_there_is_room(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.sqlite", limit=10 * record(0).size())
    spool.open()
    for number in range(10):
        await spool.put(record(number))
    with pytest.raises(SpoolFull, match=r"holds \d+ of at most \d+ bytes: bring Kafka back"):
        await spool.put(record(10))
    await spool.remove((await spool.head(1))[0][0])
    await spool.put(record(11))
    await spool.close()


async def test_the_limit_holds_for_those_put_at_once(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.sqlite", limit=10 * record(0).size())
    spool.open()
    outcomes = await asyncio.gather(*(spool.put(record(number)) for number in range(100)), return_exceptions=True)
    assert sum(outcome is None for outcome in outcomes) == 10
    assert sum(isinstance(outcome, SpoolFull) for outcome in outcomes) == 90
    await spool.close()


async def test_a_disk_that_refuses_is_an_error_and_nothing_is_counted(spool: Spool) -> None:
    await spool.put(record(1))
    held = (spool.records, spool.bytes)
    await spool._in_thread(lambda: spool._connection.execute("PRAGMA max_page_count = 1"))
    with pytest.raises(NotDurable, match=r"cannot be written .*full.*: look at the disk"):
        await spool.put(record(2, size=100_000))
    assert (spool.records, spool.bytes) == held
    assert [each for _, each in await spool.head(9)] == [record(1)]


async def test_a_second_process_does_not_get_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite"
    with _holder(path) as holder:
        with pytest.raises(SpoolUnusable, match=r"locked.*give each gateway process a file of its own"):
            Spool(path, limit=1).open()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    spool = Spool(path, limit=1 << 20)
    spool.open()
    assert [each for _, each in await spool.head(9)] == [record(7)]
    await spool.close()


def test_a_file_that_is_no_spool_is_named(tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite"
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(SpoolUnusable, match="move a damaged file away"):
        Spool(path, limit=1).open()


async def test_commits_wait_for_the_disk_and_only_we_can_read_the_file(tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite"
    spool = Spool(path, limit=1 << 20)
    spool.open()
    synchronous = await spool._in_thread(lambda: spool._connection.execute("PRAGMA synchronous").fetchone()[0])
    assert synchronous == 2  # FULL
    assert path.stat().st_mode & 0o077 == 0
    await spool.close()


async def test_a_large_spool_gives_its_room_back_when_it_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite"
    spool = Spool(path, limit=1 << 30)
    spool.open()
    await asyncio.gather(*(spool.put(record(number, size=250_000)) for number in range(80)))
    while head := await spool.head(100):
        await spool.remove(head[-1][0])
    await spool.close()
    assert path.stat().st_size < 1 << 20
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT COUNT(*) FROM spool").fetchone() == (0,)
    connection.close()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.one_of(st.integers(1, 5), st.just("remove"), st.just("reopen")), max_size=12))
def test_it_behaves_like_a_queue_whatever_the_order_of_events(steps: list[int | str]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_like_a_queue(Path(folder) / "spool.sqlite", steps))


async def _like_a_queue(path: Path, steps: list[int | str]) -> None:
    spool, model, number = Spool(path, limit=1 << 20), list[Record](), 0
    spool.open()
    for step in steps:
        if step == "remove":
            if head := await spool.head(2):
                await spool.remove(head[-1][0])
            model = model[2:]
        elif step == "reopen":
            await spool.close()
            spool = Spool(path, limit=1 << 20)
            spool.open()
        else:
            new = [record(number + each) for each in range(int(step))]
            number += len(new)
            await asyncio.gather(*(spool.put(each) for each in new))
            model += new
        assert [each for _, each in await spool.head(1_000)] == model
        assert (spool.records, spool.bytes) == (len(model), sum(each.size() for each in model))
    await spool.close()


_HOLD = """
import asyncio, sys
from pathlib import Path
from gateway.spool import Spool
from tests.gateway.test_spool import record

async def hold():
    spool = Spool(Path(sys.argv[1]), limit=1 << 20)
    spool.open()
    await spool.put(record(7))
    print("held", flush=True)
    await asyncio.Event().wait()

asyncio.run(hold())
"""


class _holder:  # noqa: N801
    """A process that has the file open, and has put a record that it was told is safe."""

    def __init__(self, path: Path) -> None:
        root = str(Path(__file__).parents[2])
        self._process = subprocess.Popen(
            [sys.executable, "-c", _HOLD, str(path)],
            stdout=subprocess.PIPE,
            cwd=root,
            env=os.environ | {"PYTHONPATH": root},
        )

    def __enter__(self) -> "subprocess.Popen[bytes]":
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"held\n"
        return self._process

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
