"""A worker of the real folds as its own process: python -m tests.chaos.worker BOOTSTRAP PREFIX DATA LIMIT.

As `tajo worker`, with batches of LIMIT records, and without a clock: the ticks are in the input, since those of a real
clock would come at other places in each run. SIGTERM stops it in order.
"""

import asyncio
import logging
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import uvloop

from schemas.errors import TajoError
from streams import topology
from streams.access import Kafka
from streams.engine import Engine
from streams.names import Names
from tajo import topics
from tajo.errors import exit_code
from tajo.logs import configure
from tajo.running import running, told_to_stop
from tests.chaos.history import PARTITIONS
from tests.chaos.shop import SETTINGS

PURGE_S = 3.0  # what is folded is deleted behind whoever might still want it


class StandingClock:
    """No time passes, so no tick is ever due."""

    def now(self) -> int:
        return 0

    async def sleep_until(self, when: int) -> None:
        await asyncio.Event().wait()

    def work(self) -> AbstractContextManager[None]:
        return nullcontext()


async def main(bootstrap: str, prefix: str, data: str, limit: str) -> None:
    stop = asyncio.create_task(told_to_stop())
    kafka = Kafka(bootstrap)
    await topics.brokers(kafka)
    engine = Engine(
        f"{prefix}tajo.v1",
        topology.fold_roles(SETTINGS, StandingClock()),
        kafka=kafka,
        names=Names(prefix=prefix),
        partitions=PARTITIONS,
        data_dir=Path(data),
        limit=int(limit),
        purge_every=PURGE_S,
    )
    async with running(engine):
        await stop


if __name__ == "__main__":
    configure(logging.INFO)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main(*sys.argv[1:]))
    except TajoError as error:
        print(f"tajo: {error}", file=sys.stderr)
        raise SystemExit(exit_code(error)) from None
