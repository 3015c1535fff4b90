"""The local store of one partition: a RocksDB that equals a changelog partition up to an offset."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import rocksdict

# The key under which Faust's own RocksDB store keeps the changelog offset it is at (faust.stores.rocksdb 0.15.3).
OFFSET_KEY = b"__faust\0offset__"
POSITION_KEY = b"__position/"  # + topic, in store and changelog: the next offset to fold
OWNER_KEY = b"__owner"  # in store and changelog: written first by every new owner
WRITTEN_KEY = b"__written"  # in the store alone: when it was written last, Unix ms
RESERVED = b"__"
_LAST = b"\xff" * 64  # behind all keys
_WORTH_A_FILE = 2_000  # changes
BLOOM_BITS = 10  # of each key in a file: a key that is new is looked for in one file of a hundred


class Store:
    """``database`` is asked each time and never kept: Faust closes RocksDB by letting go of it."""

    def __init__(self, database: Callable[[], Any]) -> None:
        self._database = database

    def get(self, keys: list[bytes]) -> dict[bytes, bytes | None]:
        """One multi-get; missing keys have None."""
        return dict(zip(keys, self._database().get(keys), strict=True)) if keys else {}

    def scan(
        self, prefix: bytes, *, start: bytes | None = None, until: bytes | None = None
    ) -> Iterator[tuple[bytes, bytes]]:
        """Pairs in key order, keys starting with ``prefix``, from ``start`` on and below ``until``. Use it up before
        the next await."""
        for key, value in self._database().items(from_key=start or prefix):
            if not key.startswith(prefix) or (until is not None and key >= until):
                return
            yield key, value

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Everything but what belongs to the owner itself."""
        return ((key, value) for key, value in self._database().items() if not key.startswith(RESERVED))

    def offset(self) -> int:
        """The changelog offset that the store is at; -1 for an empty one."""
        return int(self._database().get(OFFSET_KEY) or -1)

    def written_at(self) -> int:
        """When it was written last, Unix ms; 0 for an empty one."""
        return int(self._database().get(WRITTEN_KEY) or 0)

    def clear(self) -> None:
        """Takes everything out, in one atomic write."""
        batch = rocksdict.WriteBatch(raw_mode=True)
        batch.delete_range(b"", _LAST)
        self._database().write(batch)

    def write(self, changes: Iterable[tuple[bytes, bytes | None]], offset: int) -> None:
        """All changes and the changelog offset they bring the store to, in one atomic write."""
        batch = rocksdict.WriteBatch(raw_mode=True)
        for key, value in changes:
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        for key, value in _own(offset).items():
            batch.put(key, value)
        self._database().write(batch)

    def load(self, changes: Mapping[bytes, bytes | None], offset: int) -> None:
        """As ``write``, for many changes: a sorted file that RocksDB takes in whole, past its log and memtable.

        Half the work of a write, and as atomic and durable.
        """
        if len(changes) < _WORTH_A_FILE:
            self.write(changes.items(), offset)
            return
        database = self._database()
        path = f"{database.path()}.restore.sst"
        file = rocksdict.SstFileWriter(_file_options())
        file.open(path)
        everything = {**changes, **_own(offset)}
        for key in sorted(everything):
            value = everything[key]
            if value is None:
                del file[key]
            else:
                file[key] = value
        file.finish()
        options = rocksdict.IngestExternalFileOptions()
        options.set_move_files(True)
        database.ingest_external_file([path], options)


def _own(offset: int) -> dict[bytes, bytes]:
    return {OFFSET_KEY: b"%d" % offset, WRITTEN_KEY: b"%d" % (time.time() * 1000)}


def _file_options() -> Any:
    """With a Bloom filter, as all files of a store have it (streams.engine_rocks)."""
    options, blocks = rocksdict.Options(raw_mode=True), rocksdict.BlockBasedOptions()
    blocks.set_bloom_filter(BLOOM_BITS, False)
    options.set_block_based_table_factory(blocks)
    options.set_compression_type(rocksdict.DBCompressionType.none())
    return options


def open_store(path: str) -> Store:
    """A store of its own, outside Faust: for tests and tools."""
    database = rocksdict.Rdict(path, rocksdict.Options(raw_mode=True))
    return Store(lambda: database)
