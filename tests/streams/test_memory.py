"""Local stores share one bounded memory, whatever is in them and however many there are."""

import inspect
import random
from pathlib import Path

from faust.stores import rocksdb

from streams.engine_rocks import SharedMemory
from streams.store import Store

MEMORY = 32 << 20


def test_blocks_and_write_buffers_of_all_stores_stay_within_it(tmp_path: Path) -> None:
    shared = SharedMemory(MEMORY, MEMORY * 3 // 8)
    opened = [shared.open(tmp_path / str(number)) for number in range(6)]
    stores = [Store(lambda database=database: database) for database in opened]
    dice = random.Random(1)
    for offset in range(30):
        for store in stores:
            store.write(((b"%d" % dice.getrandbits(40), dice.randbytes(500)) for _ in range(1_000)), offset)
            assert shared.used < 1.5 * MEMORY  # what is being flushed, or is pinned, is held a moment longer
    for store in stores:
        assert sum(1 for _ in store.items()) == 30_000
        assert shared.used < 1.5 * MEMORY


def test_faust_opens_stores_by_the_options_that_the_engine_sets() -> None:
    assert "self.rocksdb_options.open(" in inspect.getsource(rocksdb.Store._open_for_partition)
