"""gateway: deliveries verified, written with acks=all and answered, a second, by one process; then fixed arrivals.

Compared, in turns, at 64 and 256 connections: the same uvicorn answering 204 without doing anything, and Bento's
`http_server -> kafka` with its HMAC check (peers/benthos/stream says what of it is Bento's own). Then deliveries arrive
at a fixed rate, half of our peak, whatever the gateway does, and afterwards each that was answered 2xx is looked for in
the topic.

`python -m benchmarks.gateway ours|uvicorn|benthos [--runs N] [--connections N ...] [key=value ...]`: one side alone;
the settings are those of peers/benthos/stream.
"""

import argparse
import asyncio
import logging
from collections.abc import Sequence
from statistics import median
from typing import Final

import uvloop

from benchmarks.benthos import ensure_built
from benchmarks.broker import Broker, broker
from benchmarks.figures import Figure, median_figure
from benchmarks.gateway_runs import BENTHOS, Load, Side, benthos, floor, load, ours, serving, topic
from benchmarks.process import ProgramFailed
from tajo.logs import configure

CONNECTIONS: Final = (64, 256)
RUNS: Final = 5
SECONDS: Final = 4.0
WARM_UP: Final = 2.0  # the peer wants warming up too
STEADY_SECONDS: Final = 15.0
STEADY_RUNS: Final = 3
P99_MS: Final = 25.0
UVICORN, BENTO = 0.6, 1.0  # targets


async def measure() -> list[Figure]:
    await asyncio.to_thread(ensure_built)
    found: dict[tuple[str, int], list[float]] = {}
    async with broker() as at:
        await run(at, benthos(), "warm-up-", CONNECTIONS)
        for number in range(RUNS):
            for side in (floor(), ours(), benthos()):
                for connections, seen in (await run(at, side, f"{side.name}-{number}-", CONNECTIONS)).items():
                    found.setdefault((side.name, connections), []).append(seen.per_second)
        peak = max(median(found["ours", connections]) for connections in CONNECTIONS)
        steady = [await arriving(at, f"steady-{number}-", peak / 2) for number in range(STEADY_RUNS)]
    figures = []
    for connections in CONNECTIONS:
        mine = found["ours", connections]
        for side, target in (("uvicorn", UVICORN), ("benthos", BENTO)):
            runs = list(zip(mine, found[side, connections], strict=True))
            figures.append(median_figure(f"gateway-{side}-{connections}", target, runs))
    return [
        *figures,
        median_figure("gateway-p99", 1.0, [(P99_MS, seen.p99_ms) for seen, _, _ in steady]),
        median_figure("gateway-lost", 1.0, [(float(there), float(accepted)) for _, there, accepted in steady]),
    ]


async def run(at: Broker, side: Side, prefix: str, connections: Sequence[int]) -> dict[int, Load]:
    """As fast as it answers. Raises ProgramFailed when anything was refused or failed."""
    found = {}
    async with serving(at, side, prefix) as (_, port):
        for count in connections:
            found[count] = await load(port, connections=count, seconds=SECONDS, warm_up=WARM_UP)
            print(f"{side.name}, {count} connections: {found[count]}", flush=True)
            _all_taken(side.name, found[count])
    await at.delete(prefix)
    return found


async def arriving(at: Broker, prefix: str, rate: float) -> tuple[Load, int, int]:
    """The times, deliveries that are in the topic, and deliveries that were answered 2xx. Raises ProgramFailed."""
    async with serving(at, ours(), prefix) as (program, port):
        await load(port, connections=64, seconds=WARM_UP)
        file = at.folder / f"{prefix}accepted"
        seen = await load(
            port, connections=256, seconds=STEADY_SECONDS, warm_up=WARM_UP, rate=rate, name="cc", accepted=file
        )
        _all_taken("ours", seen)
        accepted = set(file.read_bytes().split())
        there = {dict(record.headers)["ce_id"] for record in await at.written(topic(prefix), len(accepted), program)}
    await at.delete(prefix)
    print(f"ours, {rate:,.0f} arrivals a second: {seen}; {len(accepted - there)} of {len(accepted)} lost", flush=True)
    return seen, len(accepted & there), len(accepted)


def _all_taken(name: str, seen: Load) -> None:
    if seen.refused or seen.failed:
        raise ProgramFailed(f"{name} refused {seen.refused} deliveries, and {seen.failed} connections failed.")


async def _alone(options: argparse.Namespace) -> None:
    settings = BENTHOS | dict(each.split("=", 1) for each in options.settings)
    side = {"ours": ours(), "uvicorn": floor(), "benthos": benthos(settings)}[options.side]
    await asyncio.to_thread(ensure_built)
    async with broker() as at:
        for number in range(options.runs):
            await run(at, side, f"r{number}-", options.connections)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("side", choices=("ours", "uvicorn", "benthos"))
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--connections", type=int, nargs="+", default=list(CONNECTIONS))
    parser.add_argument("settings", nargs="*")
    options = parser.parse_intermixed_args()
    configure(logging.ERROR)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_alone(options))


if __name__ == "__main__":
    main()
