"""The local store of one partition: a RocksDB that equals a changelog partition up to an offset."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import rocksdict

# The key under which Faust's own RocksDB store keeps the changelog offset it is at (faust.stores.rocksdb 0.15.3).
OFFSET_KEY = b"__faust\0offset__"
POSITION_KEY = b"__position/"  # + topic, in store and changelog: the next offset to fold
OWNER_KEY = b"__owner"  # in store and changelog: written first by every new owner
RESERVED = b"__"


class Store:
    """``database`` is asked each time and never kept: Faust closes RocksDB by letting go of it."""

    def __init__(self, database: Callable[[], Any]) -> None:
        self._database = database

    def get(self, keys: list[bytes]) -> dict[bytes, bytes | None]:
        """One multi-get; missing keys have None."""
        return dict(zip(keys, self._database().get(keys), strict=True)) if keys else {}

    def scan(self, prefix: bytes, *, until: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
        """Pairs in key order, keys starting with ``prefix`` and below ``until``. Use it up before the next await."""
        for key, value in self._database().items(from_key=prefix):
            if not key.startswith(prefix) or (until is not None and key >= until):
                return
            yield key, value

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Everything but what belongs to the owner itself."""
        return ((key, value) for key, value in self._database().items() if not key.startswith(RESERVED))

    def offset(self) -> int:
        """The changelog offset that the store is at; -1 for an empty one."""
        return int(self._database().get(OFFSET_KEY) or -1)

    def write(self, changes: Iterable[tuple[bytes, bytes | None]], offset: int) -> None:
        """All changes and the changelog offset they bring the store to, in one atomic write."""
        batch = rocksdict.WriteBatch(raw_mode=True)
        for key, value in changes:
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        batch.put(OFFSET_KEY, b"%d" % offset)
        self._database().write(batch)


def open_store(path: str) -> Store:
    """A store of its own, outside Faust: for tests and tools."""
    database = rocksdict.Rdict(path, rocksdict.Options(raw_mode=True))
    return Store(lambda: database)
