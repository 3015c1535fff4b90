"""fold: one fold of orders on our engine, beside the same fold on Kafka Streams, Quix Streams and Faust as it comes.

Every program decodes an order, updates its customer's state in a RocksDB table with a changelog, and answers each order
with the new state. A rate is measured by the broker's clock, which stamps the outputs as they arrive, and only of their
second half, so that start-up, joining the group and the JVM's warming up count for nobody. All outputs and tables are
compared with what a plain loop makes of the same orders.

All run in turn, five times, each as fast as it can be on two cores: those in Python in two processes, Kafka Streams in
as many threads as suit it. The broker waits for a new group's members as Kafka does by itself, so that nobody's
partitions move under the run.
"""

import shutil
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import AsyncExitStack
from operator import attrgetter
from typing import Any, Final, NamedTuple

from benchmarks.broker import PARTITIONS, Broker, broker, partition_of
from benchmarks.contestants import ALO, EOS, FAUST, OURS, QUIX, Contestant, Work
from benchmarks.figures import Figure, median_figure
from benchmarks.orders import Checksum, Folded, PlainLoop, orders, table_checksum
from benchmarks.process import Memory, Running, running

COUNT: Final = 600_000
FEWER: Final = {QUIX: 120_000, FAUST: 40_000}  # who take their time
ARRIVALS: Final = {"group.initial.rebalance.delay.ms": "3000"}
ORDERS_PER_CUSTOMER: Final = 5
RUNS: Final = 5
WARM_UP: Final = 0.5  # of the outputs
TARGETS: Final = {FAUST: 8.0, EOS: 1.5, ALO: 1.2, QUIX: 1.5}
ROUND: Final = (EOS, OURS, ALO, QUIX, FAUST)  # those that are near it run right before and after it


class Source(NamedTuple):
    """A topic of orders, written once and read by every program, and what folding it must come to."""

    topic: str
    folded: Folded


class Result(NamedTuple):
    """``rate``: orders a second, warmed up. ``seconds``: from the first output to the last. ``cpu``: with the start.

    ``memory``: of the process that has most.
    """

    rate: float
    seconds: float
    cpu: float
    memory: Memory


async def measure() -> list[Figure]:
    runs: dict[Contestant, list[tuple[float, float]]] = {peer: [] for peer in TARGETS}
    async with broker(ARRIVALS) as stage:
        many = await write(stage, "orders", COUNT, COUNT // ORDERS_PER_CUSTOMER)
        fewer = {
            peer: await write(stage, f"orders-{peer.name}", count, count // ORDERS_PER_CUSTOMER)
            for peer, count in FEWER.items()
        }
        for number in range(RUNS):
            rates = {one: (await run(stage, one, f"{number}-", fewer.get(one, many))).rate for one in ROUND}
            for peer, found in runs.items():
                found.append((rates[OURS], rates[peer]))
    return [median_figure(f"fold-{peer.name}", target, runs[peer]) for peer, target in TARGETS.items()]


async def write(stage: Broker, topic: str, count: int, customers: int) -> Source:
    loop = PlainLoop(partition_of, PARTITIONS)
    await stage.create(topic)
    await stage.fill(topic, loop.watch(orders(count, customers)))
    return Source(topic, loop.folded())


async def run(stage: Broker, contestant: Contestant, turn: str, source: Source) -> Result:
    """Raises ProgramFailed if it does not do its work, or not right."""
    prefix = f"{turn}{contestant.name}-"
    data = stage.folder / prefix
    data.mkdir()
    changelog = contestant.changelog.format(prefix=prefix, source=source.topic)
    await stage.create(f"{prefix}out")
    if contestant.name == OURS.name:
        await stage.create(changelog, cleanup_policy="compact")
    async with AsyncExitStack() as stack:
        programs = [
            await stack.enter_async_context(
                running(contestant.command(Work(stage.bootstrap, prefix, data / str(number), source.topic)))
            )
            for number in range(contestant.processes)
        ]
        outputs = await stage.written(f"{prefix}out", source.folded.count, *programs)
        stamps = sorted(record.timestamp for record in outputs)
        seconds = (stamps[-1] - stamps[0]) / 1000
        cpu = sum(program.cpu_seconds() for program in programs)
        result = Result(
            rate(stamps), seconds, cpu, max((program.memory() for program in programs), key=attrgetter("peak"))
        )
    check_outputs(outputs, source.folded, programs[0])
    if table_checksum(await table(stage, changelog, contestant.suffix)) != source.folded.tables:
        raise programs[0].failure("left a changelog that does not hold the right states")
    await stage.delete(prefix)
    shutil.rmtree(data)
    print(
        f"{contestant.name}: {result.rate:,.0f} orders/s, {result.cpu:.1f} s of CPU, {result.memory.peak >> 20} MiB",
        flush=True,
    )
    return result


def rate(stamps: Sequence[int]) -> float:
    """Outputs a second, of the second half of them. ``stamps``: when each was appended, in ms, in order."""
    begin = stamps[int(len(stamps) * WARM_UP)]
    return (len(stamps) - bisect_right(stamps, begin)) / (stamps[-1] - begin) * 1000


def check_outputs(outputs: list[Any], right: Folded, program: Running) -> None:
    """Every one, once and in order."""
    found = [Checksum() for _ in range(PARTITIONS)]
    for one in outputs:
        found[one.partition].add(one.key, one.value)
    if len(outputs) != right.count or tuple(checksum.text() for checksum in found) != right.outputs:
        raise program.failure(f"made {len(outputs)} outputs of {right.count} orders, and they are not the right ones")


async def table(stage: Broker, changelog: str, suffix: bytes) -> dict[bytes, bytes]:
    """What a changelog holds, but for keys of the program's own (no customer's id begins with an underscore)."""
    return {
        record.key.removesuffix(suffix): record.value
        for record in await stage.read(changelog)
        if not record.key.startswith(b"__")
    }
