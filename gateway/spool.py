"""The local spool: what Kafka could not take in time, on this machine's disk until Kafka is back.

SQLite with `synchronous=FULL`: what `put` has returned for survives a SIGKILL and a power cut. One thread owns the
connection; all records that wait while it commits share its next commit. Kept in order of arrival.
"""

import asyncio
import contextlib
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Final, TypeVar

import msgspec
import structlog

from gateway.errors import NotDurable, SpoolFull, SpoolUnusable
from gateway.record import Record

_T = TypeVar("_T")
_GROUP: Final = 2_000  # records of one commit
_HEAD_BYTES: Final = 4 << 20
_PAGES_WORTH_RETURNING: Final = 4_096  # 16 MiB
_log = structlog.get_logger("gateway.spool")
_SCHEMA: Final = "CREATE TABLE IF NOT EXISTS spool (seq INTEGER PRIMARY KEY AUTOINCREMENT, size INTEGER, record BLOB)"


class _Put:
    __slots__ = ("data", "done", "size")

    def __init__(self, data: bytes, size: int) -> None:
        self.data, self.size = data, size
        self.done: Future[None] = Future()


class Spool:
    """``limit``: bytes, roughly. ``records`` and ``bytes`` are what it holds, on disk or on the way there.

    ``orphans``: files of processes that there are no longer; what they hold is taken over at the start.
    """

    def __init__(self, path: Path, *, limit: int, orphans: Iterable[Path] = ()) -> None:
        self._path = path
        self._orphans = tuple(orphans)
        self._limit = limit
        self._jobs: queue.SimpleQueue[_Put | Callable[[], None] | None] = queue.SimpleQueue()  # None: the end
        self._thread: threading.Thread | None = None
        self.records = 0
        self.bytes = 0

    def has_room(self, size: int) -> bool:
        return self.bytes + size <= self._limit

    def open(self) -> None:
        """Takes over what a predecessor left. Raises SpoolUnusable."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
            self._connection = _connect(self._path)
        except (OSError, sqlite3.Error) as error:
            raise SpoolUnusable(
                f"The spool {self._path} cannot be used ({error}): give each gateway process a file of its own on a "
                "writable disk, or move a damaged file away."
            ) from error
        for orphan in self._orphans:
            _take_over(orphan, self._connection)
        held = self._connection.execute("SELECT COUNT(*), COALESCE(SUM(size), 0) FROM spool").fetchone()
        self.records, self.bytes = held
        self._thread = threading.Thread(target=self._run, name="tajo-spool")
        self._thread.start()

    async def put(self, record: Record) -> None:
        """Returns once the record is on disk. Raises SpoolFull, or NotDurable when the disk does not take it."""
        size = record.size()
        if not self.has_room(size):
            raise SpoolFull(
                f"The spool {self._path} holds {self.bytes} of at most {self._limit} bytes: bring Kafka back, or raise "
                "the limit."
            )
        # Counted before it is written, so that what waits for the disk is bounded too.
        self.records, self.bytes = self.records + 1, self.bytes + size
        job = _Put(msgspec.msgpack.encode(record), size)
        waiting = asyncio.wrap_future(job.done)
        waiting.add_done_callback(lambda done: self._uncount(size) if done.exception() else None)
        self._jobs.put(job)
        try:
            await asyncio.shield(waiting)
        except sqlite3.Error as error:
            raise NotDurable(f"The spool {self._path} cannot be written ({error}): look at the disk.") from error

    async def head(self, most: int) -> list[tuple[int, Record]]:
        """The oldest records with their numbers, at most ``most`` and about 4 MiB of them."""
        return await self._in_thread(lambda: self._head(most))

    async def remove(self, upto: int) -> None:
        """Forgets all records up to and including this number."""
        count, size = await self._in_thread(lambda: self._remove(upto))
        self._uncount(size, count)

    async def close(self) -> None:
        """Finishes what waits, then closes the file. Harmless when not open."""
        if self._thread is not None:
            self._jobs.put(None)
            await asyncio.to_thread(self._thread.join)
            self._thread = None

    def _uncount(self, size: int, records: int = 1) -> None:
        self.records, self.bytes = self.records - records, self.bytes - size

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        done: Future[_T] = Future()

        def job() -> None:
            try:
                done.set_result(work())
            except Exception as error:
                done.set_exception(error)

        self._jobs.put(job)
        return await asyncio.shield(asyncio.wrap_future(done))

    # --- in the thread ---

    def _run(self) -> None:
        while True:
            jobs = [self._jobs.get()]
            while len(jobs) < _GROUP and not self._jobs.empty():
                jobs.append(self._jobs.get())
            for is_put, group in groupby(jobs, lambda job: isinstance(job, _Put)):
                if is_put:
                    self._commit([job for job in group if isinstance(job, _Put)])
                    continue
                for job in group:
                    if not callable(job):
                        self._connection.close()
                        return
                    job()

    def _commit(self, group: list[_Put]) -> None:
        """One commit for all: each of them is on disk when it is over."""
        try:
            with _transaction(self._connection):
                rows = ((each.size, each.data) for each in group)
                self._connection.executemany("INSERT INTO spool (size, record) VALUES (?, ?)", rows)
        except sqlite3.Error as error:
            for each in group:
                each.done.set_exception(error)
        else:
            for each in group:
                each.done.set_result(None)

    def _head(self, most: int) -> list[tuple[int, Record]]:
        found: list[tuple[int, Record]] = []
        size = 0
        for seq, data in self._connection.execute("SELECT seq, record FROM spool ORDER BY seq LIMIT ?", (most,)):
            found.append((seq, msgspec.msgpack.decode(data, type=Record)))
            size += len(data)
            if size > _HEAD_BYTES:
                break
        return found

    def _remove(self, upto: int) -> tuple[int, int]:
        count_them = "SELECT COUNT(*), COALESCE(SUM(size), 0) FROM spool WHERE seq <= ?"
        with _transaction(self._connection):
            count, size = self._connection.execute(count_them, (upto,)).fetchone()
            self._connection.execute("DELETE FROM spool WHERE seq <= ?", (upto,))
        rest = self._connection.execute("SELECT 1 FROM spool LIMIT 1").fetchone()
        if rest is None and self._connection.execute("PRAGMA page_count").fetchone()[0] > _PAGES_WORTH_RETURNING:
            self._connection.execute("VACUUM")  # gives the disk its room back; there is nothing to copy
        return count, size


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
    try:
        # Exclusive, before anything else: a second process on this file would send every record twice.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        with _transaction(connection):
            connection.execute(_SCHEMA)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _take_over(orphan: Path, into: sqlite3.Connection) -> None:
    """Its records come first in ``into``, and its file goes; killed in between, some are sent twice."""
    try:
        connection = _connect(orphan)
    except sqlite3.Error as error:
        _log.warning("a spool cannot be taken over", path=str(orphan), said=str(error))
        return
    with contextlib.closing(connection):
        rows = connection.execute("SELECT size, record FROM spool ORDER BY seq")
        with _transaction(into):
            into.executemany("INSERT INTO spool (size, record) VALUES (?, ?)", rows)
    for leftover in (orphan, *orphan.parent.glob(f"{orphan.name}-*")):
        leftover.unlink(missing_ok=True)
    _log.info("a spool was taken over", path=str(orphan))


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
