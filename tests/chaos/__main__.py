"""The chaos run: python -m tests.chaos [--minutes 15] [--seed N] [--rounds N] [--part one-broker|three-brokers].

Rounds with a broker of their own, each with the next seed, for two thirds of the time, then one with three brokers. A
round that fails ends the run with status 1 and says how to play it again. The same seed gives the same input and the
same faults in the same order; at what instant they strike is up to the machine.
"""

import argparse
import asyncio
import logging
import random
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tajo.kafka import EmbeddedCluster, EmbeddedKafka
from tests.chaos.round import Plan, Report, play

PARTS = ("one-broker", "three-brokers")
START_S = 120.0  # a broker that was killed opens all its logs again
LONGEST_PAUSE_S = 30.0
ROUND_S = 360.0  # one that takes longer has come to a standstill


class Clock:
    """Leads each line by the seconds since the beginning."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def minutes(self) -> float:
        return (time.monotonic() - self._began) / 60

    def say(self, line: str) -> None:
        print(f"{60 * self.minutes:6.0f} s  {line}", flush=True)


def main() -> int:
    options = _options()
    logging.basicConfig(level=logging.CRITICAL)  # clients tell of every broker that is away
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1, 100_000)
    clock = Clock()
    clock.say(f"seed {seed}, for about {options.minutes:g} minutes")
    for number in range(options.rounds if "one-broker" in options.part else 0):
        if number and clock.minutes > options.minutes * 2 / 3 - clock.minutes / number:
            break  # another one would take too long
        if not _played(Plan(seed + number), "one-broker", clock):
            return 1
    if "three-brokers" in options.part and not _played(three_brokers(seed), "three-brokers", clock):
        return 1
    clock.say("nothing was lost, nothing doubled")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--rounds", type=int, default=1000, help="at most so many with one broker")
    parser.add_argument("--part", choices=PARTS, nargs="*", default=PARTS)
    return parser.parse_args()


def three_brokers(seed: int) -> Plan:
    """One broker is killed under load each day, and nobody else is touched: what pauses, pauses because of that."""
    return Plan(seed, faults=3, every=8.0, seconds=40.0, kinds=("broker killed",), replication=3)


def _played(plan: Plan, part: str, clock: Clock) -> bool:
    folder = Path(tempfile.mkdtemp(prefix="tajo-chaos-"))
    try:
        report = asyncio.run(asyncio.wait_for(_play(plan, part, folder, clock), ROUND_S))
        found = [*report.differences, *_pauses(report, part)]
    except Exception:
        found = [traceback.format_exc()]
    for line in found:
        clock.say(line)
    if found:
        clock.say(
            f"FAILED; logs are in {folder}; again: python -m tests.chaos --seed {plan.seed} --rounds 1 --part {part}"
        )
        return False
    shutil.rmtree(folder, ignore_errors=True)
    return True


async def _play(plan: Plan, part: str, folder: Path, clock: Clock) -> Report:
    if part == "one-broker":
        async with EmbeddedKafka(folder / "kafka", answer_within=START_S) as broker:
            report = await play(plan, [broker], folder, clock.say)
    else:
        async with EmbeddedCluster() as cluster:
            report = await play(plan, cluster.brokers, folder, clock.say)
    ends = ", ".join(f"{times} × {name}" for name, times in report.last_words.most_common())
    clock.say(
        f"{report.facts} facts, {sum(report.happened.values())} faults; workers ended themselves: {ends or 'never'}"
    )
    if report.marked:
        clock.say(f"{report.marked} × a transaction was marked that the broker had decided and not marked")
    clock.say(f"longest pause {report.pause[0]:.1f} s, in {report.pause[1]}")
    return report


def _pauses(report: Report, part: str) -> list[str]:
    pause, where = report.pause
    if part == "one-broker" or pause <= LONGEST_PAUSE_S:
        return []
    return [
        f"{where} stood still for {pause:.1f} s; at most {LONGEST_PAUSE_S:.0f} s are allowed after a broker's death."
    ]


if __name__ == "__main__":
    sys.exit(main())
