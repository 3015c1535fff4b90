"""growth: ten times the orders of as many customers take ten times the time and the same memory.

The fold and its checks are those of benchmarks/fold.py. `growth-time`: orders a second of the small run in relation to
those of the large one, or the other way round, whichever is smaller, from the first output to the last.
`growth-memory`: the most bytes that were resident in the worker's process, small run in relation to large one.

What is bounded has to be full in both runs: the memory that the stores share (streams/engine_rocks.py) is made small
here, and the small run is as long as it takes: what is resident grows for the first 500,000 to 700,000 orders, while
batches of all partitions come to be fetched, folded and sent at a time, and little from then on.
"""

from collections.abc import Sequence
from typing import Final

from benchmarks.broker import broker
from benchmarks.contestants import BOUNDED
from benchmarks.figures import Figure, median_figure
from benchmarks.fold import Result, run, write

FEW: Final = 600_000
TIMES: Final = 10
CUSTOMERS: Final = 20_000
RUNS: Final = 3
TIME: Final = 1 / 1.3
MEMORY: Final = 0.9


async def measure() -> list[Figure]:
    async with broker() as stage:
        few = await write(stage, "orders-few", FEW, CUSTOMERS)
        many = await write(stage, "orders", FEW * TIMES, CUSTOMERS)
        pairs = [
            (await run(stage, BOUNDED, f"{number}-few-", few), await run(stage, BOUNDED, f"{number}-", many))
            for number in range(RUNS)
        ]
    return figures(pairs)


def figures(pairs: Sequence[tuple[Result, Result]]) -> list[Figure]:
    """``pairs``: small and large runs."""
    rates = [sorted((FEW / small.seconds, FEW * TIMES / large.seconds)) for small, large in pairs]
    memory = [(float(small.memory.peak), float(large.memory.peak)) for small, large in pairs]
    return [
        median_figure("growth-time", TIME, [(slower, faster) for slower, faster in rates]),
        median_figure("growth-memory", MEMORY, memory),
    ]
