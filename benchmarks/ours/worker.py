"""Runs roles as a worker process does: until SIGTERM, saying `ready` once every partition has its owner."""

import asyncio
import signal
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.broker import PARTITIONS
from projections.fold import Fold
from streams.access import Kafka
from streams.engine import Engine
from streams.engine_rocks import SharedMemory
from streams.folds import FoldOwner
from streams.names import Names
from streams.role import Role


class RunNames(Names, frozen=True):
    """``shared``: inputs that were written once for all runs, whose names do not begin with the run's prefix."""

    shared: frozenset[str] = frozenset()

    def topic(self, logical: str) -> str:
        return logical if logical in self.shared else super().topic(logical)


def fold_role(fold: Fold[Any]) -> Role:
    return Role(fold.name, fold.inputs, lambda parts: FoldOwner(parts, fold, None))


def run(
    bootstrap: str,
    prefix: str,
    data: str,
    roles: Sequence[Role],
    shared: Collection[str],
    stores: SharedMemory | None = None,
) -> None:
    """``stores``: the memory that all stores share, if not as much as in production."""
    engine = Engine(
        f"{prefix}folds",
        roles,
        kafka=Kafka(bootstrap),
        names=RunNames(prefix=prefix, shared=frozenset(shared)),
        partitions=PARTITIONS,
        data_dir=Path(data),
        stores=stores,
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_work(engine))


async def _work(engine: Engine) -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await engine.start()
    while not _complete(engine):  # noqa: ASYNC110 - owners come and go as the group decides
        await asyncio.sleep(0.01)
    print("ready", flush=True)
    await stopped.wait()
    await engine.stop()


def _complete(engine: Engine) -> bool:
    owners = engine.owners()
    return len(owners) == PARTITIONS * len(engine.roles) and all(owner.restored() for owner in owners)
