"""python -m benchmarks [NAME]: one benchmark, or all. A closing line per figure; exit status 1 if one is short."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Sequence
from importlib import import_module
from typing import Final

import uvloop

from benchmarks.figures import Figure, keep
from tajo.logs import configure

BENCHMARKS: Final = {
    "demo-path": "benchmarks.demo_path",
    "fold": "benchmarks.fold",
    "growth": "benchmarks.growth",
    "recovery": "benchmarks.recovery",
    "latency": "benchmarks.latency",
    "mix": "benchmarks.mix",
    "gateway": "benchmarks.gateway",
}
SECONDS: Final = 600  # for one benchmark


def main(names: list[str]) -> int:
    if unknown := [name for name in names if name not in BENCHMARKS]:
        print(f"There is no benchmark {unknown[0]}; there are {', '.join(BENCHMARKS)}.", file=sys.stderr)
        return 2
    configure(logging.ERROR)
    figures: list[Figure] = []
    for name in names or BENCHMARKS:
        measure: Callable[[], Awaitable[Sequence[Figure]]] = import_module(BENCHMARKS[name]).measure
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            found = runner.run(_bounded(measure))
        for figure in found:
            keep(figure)
        figures += found
    for figure in figures:
        print(figure.line())
    return 0 if all(figure.ok for figure in figures) else 1


async def _bounded(measure: Callable[[], Awaitable[Sequence[Figure]]]) -> Sequence[Figure]:
    async with asyncio.timeout(SECONDS):
        return await measure()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
