"""recovery: an empty worker restores a table from its changelog, beside Kafka Streams; a warm one reads only the tail.

A million records of about 250 bytes, of 600,000 keys, over four partitions. Time is taken by the programs themselves,
from the moment when the first partition begins to when the last one is done: starting and joining the group are not in
it. Every run has an empty folder. Both changelogs hold the same records.

`python -m benchmarks.recovery ours|streams [--records N] [key=value ...]`: one side alone.
"""

import argparse
import asyncio
import random
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks import kafka_streams, one_side
from benchmarks.broker import PARTITIONS, Broker, broker
from benchmarks.figures import Figure, median_figure
from benchmarks.process import running

RECORDS: Final = 1_000_000
TAIL: Final = 10_000
RUNS: Final = 5
RATE: Final = 200_000
SOURCE, OURS, STREAMS = "orders", "ours-", "peer-"  # the input, which stays empty; prefixes of both sides
CHANGELOGS: Final = {OURS: f"{OURS}tajo.v1.customers.changelog", STREAMS: f"{STREAMS}streams-customers-changelog"}
# Larger than its default fetches of 1 MiB and polls of 1,000 records.
FASTEST: Final = {
    "processing.guarantee": "exactly_once_v2",
    "num.stream.threads": 1,
    "restore.consumer.max.poll.records": 20_000,
    "restore.consumer.max.partition.fetch.bytes": 8 << 20,
    "restore.consumer.fetch.max.bytes": 64 << 20,
    "restore.consumer.receive.buffer.bytes": 4 << 20,
}


class Restored(NamedTuple):
    records: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.records / self.seconds


async def measure() -> list[Figure]:
    pairs = []
    async with broker() as at:
        await fill(at, RECORDS)
        for number in range(RUNS):
            mine = await restored(at, OURS, at.folder / f"ours-{number}")
            theirs = await restored(at, STREAMS, at.folder / f"peer-{number}")
            print(f"ours {mine.rate:,.0f} records/s, Kafka Streams {theirs.rate:,.0f} records/s", flush=True)
            pairs.append((mine.rate, theirs.rate))
        tail = await _warm(at)
    return [
        median_figure("recovery-rate", 1.0, [(mine, RATE) for mine, _ in pairs]),
        median_figure("recovery-kafka-streams", 1.0, pairs),
        median_figure("recovery-warm", 1.0, [tail]),
    ]


async def fill(at: Broker, count: int) -> None:
    await at.create(SOURCE, f"{OURS}out", f"{STREAMS}out")
    await at.create(*CHANGELOGS.values(), cleanup_policy="compact")
    for changelog in CHANGELOGS.values():
        await at.fill(changelog, states(count))


def states(count: int, seed: int = 1) -> Iterator[tuple[bytes, bytes]]:
    """As long and as compressible as a table's rows are."""
    dice = random.Random(seed)
    for number in range(count):
        key = b"tj4kq1w9zc/%d" % dice.randrange(count * 6 // 10)
        yield (
            key,
            b'["%s",%d,"%x",true,%d,{"FIRSTNAME":"Ada","LASTNAME":"Byron","CITY":"Austin","STATE":"Texas","COUNTRY":'
            b'"United States","ZIP":"%d","SMS":"+1512%d"},%d,"%x","shopper.%d@example.com"]'
            % (
                *(key, number, dice.getrandbits(64), dice.getrandbits(31), dice.getrandbits(17)),
                *(dice.getrandbits(23), dice.getrandbits(40), dice.getrandbits(64), dice.getrandbits(20)),
            ),
        )


async def restored(at: Broker, side: str, folder: Path, *, keep: bool = False, **settings: str | int) -> Restored:
    """Raises ProgramFailed."""
    if side == OURS:
        command = [sys.executable, "-m", "benchmarks.ours.recovery", at.bootstrap, OURS, str(folder), SOURCE]
    else:
        command = kafka_streams.command("fold", at.bootstrap, STREAMS, folder, SOURCE, FASTEST | settings)
    async with running(command) as program:
        await program.ready(120)
        records, seconds = program.said("restored") or ("0", "0")
    if not keep:
        await asyncio.to_thread(shutil.rmtree, folder)
    return Restored(int(records), float(seconds))


async def _warm(at: Broker) -> tuple[float, float]:
    """(what was appended since the first start, what the second one read): each owner appends a record of its own."""
    folder = at.folder / "warm"
    await restored(at, OURS, folder, keep=True)
    await at.fill(CHANGELOGS[OURS], states(TAIL, seed=2))
    again = await restored(at, OURS, folder)
    print(f"warm: {TAIL:,} records and {PARTITIONS} marks were appended, {again.records:,} were read")
    return TAIL + PARTITIONS, again.records


async def _alone(options: argparse.Namespace) -> None:
    async with broker() as at:
        await fill(at, options.records)
        for number in range(options.runs):
            done = await restored(
                at, OURS if options.side == "ours" else STREAMS, at.folder / str(number), **options.settings
            )
            print(f"{done.records:,} records in {done.seconds:.2f} s: {done.rate:,.0f}/s", flush=True)


def main() -> None:
    parser = one_side.parser()
    parser.add_argument("--records", type=int, default=RECORDS)
    one_side.run(_alone, parser)


if __name__ == "__main__":
    main()
