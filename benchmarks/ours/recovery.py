"""python -m benchmarks.ours.recovery BOOTSTRAP PREFIX DATA INPUT: restores a table, and says how long that took.

`restored RECORDS SECONDS` is said whenever a partition is done: all records so far, since the first one began.
"""

import sys
import time

from benchmarks.ours.fold import CustomersOfOrders
from benchmarks.ours.worker import run
from streams.folds import FoldOwner
from streams.role import Role


class Restoring(FoldOwner):
    began = 0.0
    records = 0

    async def restore(self) -> int:
        Restoring.began = Restoring.began or time.perf_counter()
        count = await super().restore()
        Restoring.records += count
        print(f"restored {Restoring.records} {time.perf_counter() - Restoring.began:.3f}", flush=True)
        return count


if __name__ == "__main__":
    fold = CustomersOfOrders(sys.argv[4])
    role = Role(fold.name, fold.inputs, lambda parts: Restoring(parts, fold, None))
    run(*sys.argv[1:4], [role], shared=[sys.argv[4]])
