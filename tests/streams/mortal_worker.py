"""A worker of the counting folds that kills itself at a point of an owner's life, or freezes there.

python -m tests.streams.mortal_worker BOOTSTRAP PREFIX DATA [POINT [SIGKILL|SIGSTOP]]

Of the points of a commit it takes those of an owner's second one. Without POINT it lives until standard input closes.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any, cast

from projections.fold import Fold
from streams import engine
from streams.access import Kafka
from streams.engine import Engine
from streams.names import Names
from streams.owner import Parts
from streams.role import Role
from tests.streams.counting import Entries, Sums
from tests.streams.stand import COUNT, MortalFold, Point

# Each start waits until the group has given up the one that was killed before.
engine.SESSION_S, engine.HEARTBEAT_S = 2.0, 0.5


class KilledFold(MortalFold):
    point: Point | None = None
    signal = signal.SIGKILL
    has_died = False

    def __init__(self, parts: Parts, fold: Fold[Any]) -> None:
        super().__init__(parts, fold, None)
        self._batches = 0
        if self.point and self.point.endswith(("fence", "mark", "restore")):
            self.dies = self.point

    async def work(self) -> None:
        self._batches += 1
        if self._batches == 2 and self.point:
            self.dies = self.point
        await super().work()

    def die(self) -> None:
        """Once in a process: whoever is woken up again is not to be frozen by its next owner."""
        self.dies = ""
        if not KilledFold.has_died:
            KilledFold.has_died = True
            os.kill(os.getpid(), self.signal)


async def main(bootstrap: str, prefix: str, data: str, point: str = "", by: str = "SIGKILL") -> None:
    KilledFold.point, KilledFold.signal = cast(Point, point) if point else None, signal.Signals[by]
    worker = Engine(
        f"{prefix}folds",
        [
            Role(fold.name, fold.inputs, lambda parts, fold=fold: KilledFold(parts, fold))
            for fold in (Entries(), Sums())
        ],
        kafka=Kafka(bootstrap),
        names=Names(prefix=prefix),
        partitions=COUNT,
        data_dir=Path(data),
        limit=20,  # small batches, so that each owner has a second one
    )
    await worker.start()
    await asyncio.to_thread(sys.stdin.read)
    await worker.stop()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
