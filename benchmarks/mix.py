"""mix: facts per second through all folds, with their re-keying, beside Kafka Streams with the same hops.

`mix`: a worker of two processes, as for a machine of two cores, in relation to Kafka Streams exactly_once_v2, which is
one process with as many threads as suit it. `mix-one-process`: the same of a worker of one. `mix-facts`: two processes
in relation to 30,000 facts/s. `mix-two-workers`: two processes in relation to one. `mix-memory`: how much less than the
bound of benchmarks/mix_memory.py a process needs with a million customers. Runs of one round stand beside each other.

`python -m benchmarks.mix ours|streams [--facts N] [--runs N] [--programs N] [key=value ...]`: one side alone.
"""

import argparse
from typing import Final

from benchmarks import one_side
from benchmarks.broker import broker
from benchmarks.figures import Figure, median_figure
from benchmarks.mix_memory import figure_runs, memory
from benchmarks.mix_runs import Run, facts, ours, run, streams

FACTS: Final = 60_000
WARM_UP: Final = 60_000  # facts: a JVM wants warming up
WARM_UP_RUNS: Final = 4  # of two processes, for the broker: fetches of all these partitions are what it serves here
ROUNDS: Final = 5
RATE: Final = 30_000


async def measure() -> list[Figure]:
    """Raises ResultsDiffer when a run did not come to what the folds alone come to."""
    rounds: list[tuple[Run, Run, Run]] = []
    async with broker() as at:
        made = facts(FACTS, WARM_UP, at.folder / "alone")
        for number in range(WARM_UP_RUNS):
            await run(at, ours(), f"warm-up-{number}-", made, programs=2)
        for number in range(ROUNDS):
            one = await run(at, ours(), f"one-{number}-", made)
            peer = await run(at, streams(), f"peer-{number}-", made)
            two = await run(at, ours(), f"two-{number}-", made, programs=2)
            for side, found in (("ours", one), ("Kafka Streams", peer), ("two of ours", two)):
                print(f"{side}: {found}", flush=True)
            rounds.append((one, peer, two))
        most = await memory(at)
    return [
        median_figure("mix", 1.3, [(two.rate, peer.rate) for _, peer, two in rounds]),
        median_figure("mix-one-process", 1.0, [(one.rate, peer.rate) for one, peer, _ in rounds]),
        median_figure("mix-facts", 1.0, [(two.rate, RATE) for _, _, two in rounds]),
        median_figure("mix-two-workers", 0.9, [(two.rate, one.rate) for one, _, two in rounds]),
        median_figure("mix-memory", 1.0, figure_runs(most)),
    ]


async def _alone(options: argparse.Namespace) -> None:
    async with broker() as at:
        if options.side == "memory":
            await memory(at, options.facts)
            return
        side = ours() if options.side == "ours" else streams(options.settings, cache=options.cache)
        made = facts(options.facts, options.warm_up, at.folder / "alone")
        for number in range(options.runs):
            print(await run(at, side, f"r{number}-", made, options.programs), flush=True)


def main() -> None:
    parser = one_side.parser("memory")
    parser.add_argument("--facts", type=int, default=FACTS, help="memory: how many customers")
    parser.add_argument("--warm-up", type=int, default=WARM_UP)
    parser.add_argument("--programs", type=int, default=1)
    parser.add_argument("--cache", action="store_true", help="Kafka Streams with its record cache")
    one_side.run(_alone, parser)


if __name__ == "__main__":
    main()
