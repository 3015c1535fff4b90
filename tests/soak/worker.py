"""A worker with the real folds as its own process: python -m tests.soak.worker BOOTSTRAP PREFIX DATA SECONDS.

SECONDS: between two purges. To each line on standard input it answers with a line of JSON: records written so far per
topic, and folded per `topic by fold`. When standard input closes it stops in order.
"""

import asyncio
import json
import sys
from pathlib import Path

from connectors.clock import SystemClock
from streams import topology
from streams.access import Kafka
from streams.engine import Engine
from streams.flow import Flow
from streams.names import Names
from tests.soak.load import settings

PARTITIONS = 4


def new_engine(bootstrap: str, prefix: str, data: Path, purge_every: float, flow: Flow) -> Engine:
    return Engine(
        f"{prefix}folds",
        topology.fold_roles(settings(), SystemClock()),
        kafka=Kafka(bootstrap),
        names=Names(prefix=prefix),
        partitions=PARTITIONS,
        data_dir=data,
        flow=flow,
        purge_every=purge_every,
    )


async def main(bootstrap: str, prefix: str, data: str, purge_every: str) -> None:
    out = sys.stdout  # Faust takes sys.stdout for its log
    flow = Flow()
    engine = new_engine(bootstrap, prefix, Path(data), float(purge_every), flow)
    await engine.start()
    while await asyncio.to_thread(sys.stdin.readline):
        folded = {f"{topic} by {of.rpartition('/')[2]}": count for (topic, of), count in flow.folded_records.items()}
        print(json.dumps([flow.written_records, folded]), file=out, flush=True)
    await engine.stop()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
