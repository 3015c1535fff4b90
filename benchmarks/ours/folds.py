"""python -m benchmarks.ours.folds BOOTSTRAP PREFIX FOLDER: what `tajo worker` runs, and a word when it is ready."""

import asyncio
import logging
import sys
from pathlib import Path

import uvloop

from benchmarks.shop import components
from streams.access import Kafka
from streams.engine import Engine
from tajo.logs import configure
from tajo.running import running, told_to_stop


async def main(bootstrap: str, prefix: str, folder: str) -> None:
    made = components(Kafka(bootstrap), prefix, Path(folder))
    engine = made.engine(made.version, made.fold_roles())
    async with running(engine):
        watch = asyncio.create_task(_say_when_ready(engine))
        await told_to_stop()
        watch.cancel()


async def _say_when_ready(engine: Engine) -> None:
    """All partitions are restored and positioned."""
    while not (owners := engine.owners()) or not all(owner.position for owner in owners):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    print("ready", flush=True)


if __name__ == "__main__":
    configure(logging.WARNING)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(*sys.argv[1:]))
