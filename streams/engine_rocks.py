"""How local stores are opened: all of a process share one bounded memory, however many partitions it owns.

Faust (0.15.3) gives each store a block cache of 2 GiB and three write buffers of 64 MiB: with seven tables of four
partitions its bounds add up to 61 GiB.
"""

import ctypes
from pathlib import Path
from typing import Any, Final

import rocksdict
from faust.stores.rocksdb import RocksDBOptions

from streams.store import BLOOM_BITS

MEMORY: Final = 256 << 20  # blocks, indexes and filters of files, and write buffers
WRITE_BUFFERS: Final = 96 << 20  # of it, of all stores together
_WRITE_BUFFER: Final = 16 << 20  # of one store, then it becomes a file
_M_ARENA_MAX: Final = -8  # malloc.h


class SharedMemory(RocksDBOptions):  # type: ignore[misc]
    """Opens stores that share it; one per process. ``used``: bytes held now."""

    def __init__(self, memory: int = MEMORY, write_buffers: int = WRITE_BUFFERS) -> None:
        super().__init__()
        _one_arena()
        self._cache = rocksdict.Cache(memory)
        # What the write buffers take is taken from the cache. Without stalling: when they are full, the largest goes.
        self._buffers = rocksdict.WriteBufferManager.new_write_buffer_manager_with_cache(
            write_buffers, False, self._cache
        )

    @property
    def used(self) -> int:
        return int(self._cache.get_usage())

    def open(self, path: Path, *, read_only: bool = False) -> Any:
        return rocksdict.Rdict(str(path), options=self.as_options())

    def as_options(self) -> Any:
        options = rocksdict.Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_max_open_files(self.max_open_files)
        options.set_write_buffer_size(_WRITE_BUFFER)
        options.set_write_buffer_manager(self._buffers)
        options.set_block_based_table_factory(self._blocks())
        return options

    def _blocks(self) -> Any:
        blocks = rocksdict.BlockBasedOptions()
        blocks.set_block_cache(self._cache)
        blocks.set_cache_index_and_filter_blocks(True)
        blocks.set_pin_l0_filter_and_index_blocks_in_cache(True)
        blocks.set_bloom_filter(BLOOM_BITS, False)
        return blocks


def _one_arena() -> None:
    """Has glibc give threads that come from now on memory from where all have it.

    Else each of RocksDB's threads gets a heap of its own, and what is freed in one is of no use to the others: a worker
    grew by a tenth for as long as it folded (docs/decisions/what-a-fold-costs.md).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
