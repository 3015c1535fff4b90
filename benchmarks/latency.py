"""latency: from an order's fact, sent to an idle system, to its record among the commands, through all hops.

order -> orders -> customers -> contacts -> command. Facts are sent one at a time, each some time after the last one was
told, at random so that no commit interval can be hit in step. Time is taken in one process, from before the fact is
handed to its producer (which sends at once) until the command is in the hands of a consumer under read_committed.

`python -m benchmarks.latency ours|streams [--facts N] [key=value ...]`: one side alone.
"""

import argparse
import asyncio
import random
import statistics
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Final, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from benchmarks import one_side
from benchmarks.broker import Broker, broker, partition_of
from benchmarks.facts import Traffic
from benchmarks.figures import Figure, median_figure
from benchmarks.mix_runs import Side, ours, prepare, streams
from benchmarks.process import Running, running
from benchmarks.shop import COMMAND
from projections.fold import Output

FACTS: Final = 300
WARM_UP: Final = 1_000  # orders: a JVM wants warming up
CUSTOMERS: Final = 100
RUNS: Final = 3
P50_MS, P99_MS = 25.0, 75.0
PAUSE_S: Final = (0.03, 0.09)  # at least, at most
TIMEOUT_S: Final = 20.0
# The quickest of commit intervals and polls of 1, 5 and 10 ms.
QUICKEST: Final = {
    "num.stream.threads": 1,
    "commit.interval.ms": 1,
    "poll.ms": 1,
    "producer.linger.ms": 0,
    "consumer.fetch.max.wait.ms": 5,
}


class Latency(NamedTuple):
    """Milliseconds."""

    p50: float
    p99: float
    worst: float

    def __str__(self) -> str:
        return f"p50 {self.p50:.1f} ms, p99 {self.p99:.1f} ms, worst {self.worst:.1f} ms"


async def measure() -> list[Figure]:
    pairs = []
    async with broker() as at:
        for number in range(RUNS):
            mine = await run(at, ours(), f"ours-{number}-")
            theirs = await run(at, streams(QUICKEST), f"peer-{number}-")
            print(f"ours: {mine}; Kafka Streams: {theirs}", flush=True)
            pairs.append((mine, theirs))
    return [
        median_figure("latency-p50", 1.0, [(P50_MS, mine.p50) for mine, _ in pairs]),
        median_figure("latency-p99", 1.0, [(P99_MS, mine.p99) for mine, _ in pairs]),
        median_figure("latency-kafka-streams", 2.0, [(theirs.p50, mine.p50) for mine, theirs in pairs]),
    ]


async def run(at: Broker, side: Side, prefix: str, count: int = FACTS) -> Latency:
    """Raises ProgramFailed."""
    await prepare(at, side, prefix)
    async with AsyncExitStack() as stack:
        program = await stack.enter_async_context(running(side.command(at, prefix, at.folder / prefix)))
        await program.ready()
        way = await stack.enter_async_context(_Way(at, prefix, program))
        traffic = Traffic(time.time_ns() // 1_000_000)
        customers = [traffic.customer() for _ in range(CUSTOMERS)]
        await asyncio.gather(*(way.send(fact) for fact in customers))
        for _ in range(WARM_UP):
            await way.took(traffic.order())
        dice, times = random.Random(1), list[float]()
        for _ in range(count):
            await asyncio.sleep(dice.uniform(*PAUSE_S))
            traffic.now += 1_000
            times.append(await way.took(traffic.order()))
    await at.delete(prefix)
    return _latency(times)


def _latency(times: Sequence[float]) -> Latency:
    ordered = sorted(time * 1000 for time in times)
    return Latency(statistics.median(ordered), ordered[int(len(ordered) * 0.99)], ordered[-1])


class _Kind(msgspec.Struct):
    kind: str
    id: str


class _Way:
    """Through the program: a fact in, its command out. An async context manager."""

    def __init__(self, at: Broker, prefix: str, program: Running) -> None:
        self._prefix, self._program = prefix, program
        self._producer = AIOKafkaProducer(**at.kafka.client(), acks="all", linger_ms=0)
        self._consumer = AIOKafkaConsumer(
            **at.kafka.client(), isolation_level="read_committed", enable_auto_commit=False, fetch_max_wait_ms=5
        )
        self._commands = TopicPartition(prefix + COMMAND, partition_of(b"main"))
        self._read = msgspec.json.Decoder(_Kind).decode
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "_Way":
        await self._stack.enter_async_context(self._producer)
        await self._stack.enter_async_context(self._consumer)
        self._consumer.assign([self._commands])
        await self._consumer.seek_to_beginning(self._commands)
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._stack.aclose()

    async def send(self, fact: Output) -> None:
        headers = list(fact.headers)
        await self._producer.send_and_wait(self._prefix + fact.topic, fact.value, key=fact.key, headers=headers)

    async def took(self, order: Output) -> float:
        """Seconds. Each order fact is told with one record of the order, since its status has changed."""
        assert order.key is not None
        wanted = f"order:{order.key.decode().replace('/', ':')}"
        began = time.perf_counter()
        sending = asyncio.ensure_future(self.send(order))
        try:
            async with asyncio.timeout(TIMEOUT_S):
                while True:
                    told = self._read((await self._consumer.getone()).value)
                    if told.id == wanted:
                        break
        except TimeoutError:
            raise self._program.failure(f"did not tell {wanted} within {TIMEOUT_S:g} s") from None
        took = time.perf_counter() - began
        await sending
        return took


async def _alone(options: argparse.Namespace) -> None:
    side = ours() if options.side == "ours" else streams(QUICKEST | options.settings)
    async with broker() as at:
        for number in range(options.runs):
            print(await run(at, side, f"r{number}-", options.facts), flush=True)


def main() -> None:
    parser = one_side.parser()
    parser.add_argument("--facts", type=int, default=FACTS)
    one_side.run(_alone, parser)


if __name__ == "__main__":
    main()
