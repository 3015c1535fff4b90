"""One run of `mix`: a program, ours or Kafka Streams', folds the facts of a busy hour; how fast, and what came of it.

The program is up and has seen some facts before (a JVM wants warming up). The others lie in their topics in an open
transaction and become visible at once: from then on time is taken, until nothing moves any more in any topic that the
program writes, as readers under read_committed see it.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from benchmarks import kafka_streams
from benchmarks.broker import PARTITIONS, Broker
from benchmarks.facts import Traffic
from benchmarks.folds_alone import Alone
from benchmarks.process import Running, running
from benchmarks.shop import COMMAND, Kind, Unseen, Watch, commands, components, count, worker
from projections.fold import Output
from schemas import topics
from streams import topology
from streams.access import Kafka
from streams.reading import Reader

# 1 thread with commits after 100 ms was faster here than 2 threads with commits after 1 s (9,400 to 8,500 facts/s
# against 7,100). `python -m benchmarks.mix streams setting=value ...` tries others.
FASTEST: Final = {
    "processing.guarantee": "exactly_once_v2",
    "num.stream.threads": 1,
    "commit.interval.ms": 100,
    "consumer.max.poll.records": 5000,
    "producer.batch.size": 1 << 18,
    "producer.linger.ms": 20,
}

# Tables whose rows are the same on both sides: Kafka Streams keeps customers who had nothing but a cart.
SAME_ROWS: Final = ("orders", "carts", "contacts")


class Run(NamedTuple):
    """``seconds`` for ``facts``; ``cpu``: seconds of the programs'. ``commands`` by kind, ``rows`` by table."""

    facts: int
    seconds: float
    cpu: float
    memory: int  # most bytes resident, of one program
    commands: Counter[str]
    rows: dict[str, int]

    @property
    def rate(self) -> float:
        return self.facts / self.seconds

    def __str__(self) -> str:
        told, rows = dict(sorted(self.commands.items())), dict(sorted(self.rows.items()))
        return (
            f"{self.facts} facts in {self.seconds:.2f} s ({self.cpu:.1f} s of CPU, {self.memory >> 20} MiB): "
            f"{self.rate:,.0f}/s; commands {told}; rows {rows}"
        )


class Facts(NamedTuple):
    """``told``: commands by kind and lifecycle records (under their topic) that the warm-up comes to, and all.

    Contacts and order records are left out: how often one is told between its first and its last state depends on how
    batches meet. Events are told once each.
    """

    warm_up: list[Output]
    rest: list[Output]
    told: tuple[Counter[str], Counter[str]]
    rows: dict[str, int]


class ResultsDiffer(Exception):
    """A run did not come to what the folds alone make of the same facts."""


def facts(number: int, warm_up: int, folder: Path, spread: int = 1) -> Facts:
    """Facts up to the present moment, and what folding them in memory comes to."""
    made = list(Traffic(time.time_ns() // 1_000_000, spread=spread).facts(number + warm_up))
    alone = Alone(topology.folds(components(Kafka("none:1"), "alone-", folder).fold_settings()))
    kind, kinds, expected = msgspec.json.Decoder(Kind), Counter[str](), []
    for part in (made[:warm_up], made[warm_up:]):
        kinds.update(kind.decode(command.value or b"").kind for command in alone.run(part))
        expected.append(_comparable(kinds, alone.written[topics.CART_LIFECYCLE]))
    rows = {name: sum(row is not None for row in table.values()) for name, table in alone.tables.items()}
    return Facts(made[:warm_up], made[warm_up:], (expected[0], expected[1]), rows)


def _comparable(kinds: Counter[str], lifecycle: int) -> Counter[str]:
    return Counter(event=kinds["event"], product=kinds["product"], **{topics.CART_LIFECYCLE: lifecycle})


class Side(NamedTuple):
    """``command``: of the program, given the broker, the run's prefix and a folder for its stores. ``tables``: their
    changelogs' names, by name, given the prefix. ``inner``: topics to be created for it."""

    name: str
    command: Callable[[Broker, str, Path], list[str]]
    tables: Callable[[Broker, str], dict[str, str]]
    inner: tuple[str, ...] = ()


def ours() -> Side:
    def tables(at: Broker, prefix: str) -> dict[str, str]:
        made = components(at.kafka, prefix, at.folder / prefix)
        return {fold.name: made.names.changelog(fold.name) for fold in topology.folds(made.fold_settings())}

    return Side("ours", lambda at, prefix, folder: worker(at.kafka, prefix, folder), tables)


def streams(settings: dict[str, str | int] | None = None, *, cache: bool = False) -> Side:
    """Kafka Streams with the same hops: peers/kafka-streams, Mix.java."""

    def command(at: Broker, prefix: str, folder: Path) -> list[str]:
        chosen = FASTEST | (settings or {})
        java, *rest = kafka_streams.command("mix", at.bootstrap, prefix, folder, prefix, chosen)
        return [java, f"-Dtajo.cache={'true' if cache else 'false'}", *rest]

    def tables(at: Broker, prefix: str) -> dict[str, str]:
        names = ("orders", "carts", "customers", "contacts")
        return {name: f"{prefix}streams-{name}-changelog" for name in names}

    return Side("Kafka Streams", command, tables, inner=("customers", "contacts"))


async def run(at: Broker, side: Side, prefix: str, of: Facts, programs: int = 1) -> Run:
    """Everything that the run wrote is deleted afterwards. Raises ProgramFailed, ResultsDiffer."""
    await prepare(at, side, prefix)
    command, lifecycle = prefix + COMMAND, prefix + topics.CART_LIFECYCLE

    async def warmed_up() -> bool:
        return await told(at, prefix) == of.told[0]

    async def all_told() -> bool:
        return await told(at, prefix) == of.told[1]

    async with AsyncExitStack() as stack:
        unseen = await stack.enter_async_context(Unseen(at.kafka, prefix))
        started = [
            await stack.enter_async_context(running(side.command(at, prefix, at.folder / prefix / str(number))))
            for number in range(programs)
        ]
        for program in started:
            await program.ready()
        tables = side.tables(at, prefix)
        watch = await stack.enter_async_context(Watch(at.kafka, [*tables.values(), command, lifecycle]))
        await unseen.write(of.warm_up)
        await watch.after(unseen.show, warmed_up, started)
        await unseen.write(of.rest)
        cpu = _cpu(started)
        seconds = await watch.after(unseen.show, all_told, started)
        cpu, memory = _cpu(started) - cpu, max(program.memory().peak for program in started)
    found, rows = await commands(at.kafka, command), await _rows(at, tables)
    if differing := {name: n for name, n in rows.items() if name in SAME_ROWS and n != of.rows[name]}:
        raise ResultsDiffer(f"{side.name} has {differing} rows; the folds alone have {of.rows}.")
    await at.delete(prefix)
    return Run(len(of.rest), seconds, cpu, memory, found, rows)


async def told(at: Broker, prefix: str) -> Counter[str]:
    """What a run has told so far, as in ``Facts.told``."""
    lifecycle = await count(at.kafka, prefix + topics.CART_LIFECYCLE)
    return _comparable(await commands(at.kafka, prefix + COMMAND), lifecycle)


async def prepare(at: Broker, side: Side, prefix: str) -> None:
    """All topics that a run needs."""
    await components(at.kafka, prefix, at.folder / prefix).apply_topics()
    if side.inner:
        await at.create(*(prefix + name for name in side.inner), retention_ms="-1")


def _cpu(programs: Sequence[Running]) -> float:
    return sum(program.cpu_seconds() for program in programs)


async def _rows(at: Broker, tables: dict[str, str]) -> dict[str, int]:
    async with Reader(at.kafka) as reader:
        return {name: len(await reader.table(topic, PARTITIONS)) for name, topic in tables.items()}
