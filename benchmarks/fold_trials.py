"""python -m benchmarks.fold_trials [ORDERS [ROUNDS]]: Kafka Streams' rate at the fold, setting by setting, in turn.

What is fastest belongs into benchmarks/contestants.py. A line per run: setting, orders a second warmed up, the same
from the first output on, seconds of CPU with the start, and the machine's load, which should be that of this alone.
"""

import asyncio
import os
import sys
from collections.abc import Iterator
from itertools import product
from typing import Final

import uvloop

from benchmarks.broker import broker
from benchmarks.contestants import EOS, LARGE, OURS, Contestant, streams
from benchmarks.fold import ORDERS_PER_CUSTOMER, run, write

SIZES: Final[dict[str, dict[str, str | int]]] = {"own": {}, "large": {**LARGE}}
CODECS: Final = ("none", "lz4")


def contestants() -> Iterator[Contestant]:
    for guarantee, threads, commit, sizes, codec in product(
        ("exactly_once_v2", "at_least_once"), (1, 2), (100, 1000), SIZES, CODECS
    ):
        settings: dict[str, str | int] = {
            "processing.guarantee": guarantee,
            "num.stream.threads": threads,
            "commit.interval.ms": commit,
            "producer.compression.type": codec,
        }
        name = f"{guarantee}-{threads}-threads-{commit}-ms-{sizes}-{codec}"
        yield EOS._replace(name=name, command=streams(SIZES[sizes] | settings))
    yield OURS


async def main(count: int = 200_000, rounds: int = 1) -> None:
    async with broker() as stage:
        source = await write(stage, "orders", count, count // ORDERS_PER_CUSTOMER)
        for number in range(rounds):
            for contestant in contestants():
                result = await run(stage, contestant, f"{number}-", source)
                cold, load = count / result.seconds, os.getloadavg()[0]
                print(f"{contestant.name} {result.rate:.0f} {cold:.0f} {result.cpu:.1f} {load:.1f}", flush=True)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(*map(int, sys.argv[1:])))
