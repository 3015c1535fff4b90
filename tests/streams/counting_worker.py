"""A worker of the counting folds as its own process: python -m tests.streams.counting_worker BOOTSTRAP PREFIX DATA.

A fourth argument: seconds between two purges. Reads standard input: it stops in order when that closes.
"""

import asyncio
import sys
from pathlib import Path

from streams.access import Kafka
from streams.engine import Engine
from streams.folds import FoldOwner
from streams.names import Names
from streams.purge import EVERY_S
from streams.role import Role
from tests.streams.counting import Entries, Sums


def new_engine(bootstrap: str, prefix: str, data: Path, limit: int = 8000, purge_every: float = EVERY_S) -> Engine:
    roles = [
        Role(fold.name, fold.inputs, lambda parts, fold=fold: FoldOwner(parts, fold, None))
        for fold in (Entries(), Sums())
    ]
    return Engine(
        f"{prefix}folds",
        roles,
        kafka=Kafka(bootstrap),
        names=Names(prefix=prefix),
        partitions=4,
        data_dir=data,
        limit=limit,
        purge_every=purge_every,
    )


async def main(bootstrap: str, prefix: str, data: str, purge_every: str = str(EVERY_S)) -> None:
    # Small batches: many moments to be killed in.
    engine = new_engine(bootstrap, prefix, Path(data), limit=50, purge_every=float(purge_every))
    await engine.start()
    await asyncio.to_thread(sys.stdin.read)
    await engine.stop()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
