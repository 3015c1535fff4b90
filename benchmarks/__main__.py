"""python -m benchmarks [NAME]: one benchmark, or all. A closing line per figure; exit status 1 if one is short."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable

import uvloop

from benchmarks import demo_path
from benchmarks.figures import Figure, keep
from tajo.logs import configure

BENCHMARKS: dict[str, Callable[[], Awaitable[Figure]]] = {"demo-path": demo_path.measure}


def main(names: list[str]) -> int:
    if unknown := [name for name in names if name not in BENCHMARKS]:
        print(f"There is no benchmark {unknown[0]}; there are {', '.join(BENCHMARKS)}.", file=sys.stderr)
        return 2
    configure(logging.ERROR)
    figures = []
    for name in names or BENCHMARKS:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            figures.append(runner.run(_bounded(BENCHMARKS[name])))
        keep(figures[-1])
    for figure in figures:
        print(figure.line())
    return 0 if all(figure.ok for figure in figures) else 1


async def _bounded(work: Callable[[], Awaitable[Figure]]) -> Figure:
    async with asyncio.timeout(600):
        return await work()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
