"""The soak itself: workers under a steady load, a sample now and then, and the verdict."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaProducer

from projections.fold import Output
from schemas.topics import CATALOGUE, Topic
from streams import topology
from streams.access import Kafka
from streams.names import INNER, Names
from streams.reading import Reader
from tajo import topics as broker_topics
from tests.soak import measures, verdict
from tests.soak.load import DAY, Load, settings
from tests.soak.measures import Sample
from tests.soak.team import Counts, SoakFailed, Team, team
from tests.soak.twin import Twin
from tests.soak.worker import PARTITIONS

SEGMENT = 1 << 20  # bytes: the least that Kafka takes
DRAIN_SECONDS = 120.0
PACE_SECONDS = 0.05
# What Kafka does with segments by the day, it shall do by the minute: half an hour then shows what weeks would.
QUICK = (("segment.bytes", str(SEGMENT)), ("segment.ms", "60000"), ("file.delete.delay.ms", "5000"))
QUICKLY_COMPACTED = (*QUICK, ("max.compaction.lag.ms", "60000"), ("delete.retention.ms", "60000"))
QUICKLY_DELETED = (*QUICK, ("cleanup.policy", "delete"), ("retention.ms", "60000"))


def quick_topics(names: Names) -> list[Topic]:
    """The catalogue, with the days of its settings made minutes; what grows by nature is kept for a minute."""
    return [_quick(topic, names.prefix) for topic in (*CATALOGUE, *topology.version_topics(names))]


def _quick(topic: Topic, prefix: str) -> Topic:
    """Internal are changelogs, inner topics, which nothing but purges may shorten, and their dead letters."""
    other: tuple[tuple[str, str], ...] = QUICKLY_DELETED
    if topic.internal:
        other = QUICKLY_COMPACTED if topic.cleanup == "compact" else QUICK
    return msgspec.structs.replace(topic, name=prefix + topic.name, own=(*topic.own, *other))


@dataclass
class Soak:
    """``kafka_data``: the broker's log folder. ``every``: seconds between samples. ``rate``: facts a second, at most.

    ``purge_every``: seconds; so many that none comes show that the verdict sees what it has to see.
    """

    kafka: Kafka
    kafka_data: Path
    folder: Path
    seconds: float
    every: float
    rate: float
    workers: int
    purge_every: float
    say: Callable[[str], None]
    names: Names = field(default_factory=lambda: Names(prefix="soak-"))
    samples: list[Sample] = field(default_factory=list)
    twin: Twin = field(default_factory=lambda: Twin(topology.folds(settings())))

    async def run(self) -> list[str]:
        """A sentence for everything that is wrong. Raises SoakFailed."""
        await broker_topics.apply(self.kafka, quick_topics(self.names), partitions=PARTITIONS, replication=1)
        arguments = (self.kafka.bootstrap_servers, self.names.prefix, str(self.purge_every))
        async with team(self.folder, self.workers, *arguments) as workers:
            await self._load(workers)
            counts = await self._drained(workers)
            wrong = verdict.grown(self.samples, verdict.bounds(PARTITIONS, SEGMENT))
            wrong += verdict.miscounted(self._expected(counts), counts.folded)
            return wrong + await self._different()

    # --- the load -----------------------------------------------------------------------------------------------------

    async def _load(self, workers: Team) -> None:
        now = _now()
        load = Load(now - DAY)
        async with AIOKafkaProducer(
            **self.kafka.client(), enable_idempotence=True, acks="all", linger_ms=20, max_request_size=2 << 20
        ) as producer:
            for fact in load.everything(now):
                await self._send(producer, fact, now)
            pace = asyncio.create_task(self._pace(producer, load))
            try:
                await self._watch(workers, pace)
            finally:
                pace.cancel()
                await asyncio.wait([pace])

    async def _pace(self, producer: AIOKafkaProducer, load: Load) -> None:
        """A second that was too short for its facts is not made up for."""
        last, owed = time.monotonic(), 0.0
        while True:
            await asyncio.sleep(PACE_SECONDS)
            last, passed = time.monotonic(), time.monotonic() - last
            owed = min(owed + passed * self.rate, self.rate)
            for _ in range(int(owed)):
                moment = _now()
                await self._send(producer, load.change(moment), moment)
            owed -= int(owed)

    async def _send(self, producer: AIOKafkaProducer, fact: Output, moment: int) -> None:
        """Nothing comes between the two: what the twin has is on its way. Both see facts in the same order."""
        self.twin.take(fact, moment)
        headers = list(fact.headers)
        sending = producer.send(self.names.topic(fact.topic), fact.value, key=fact.key, headers=headers)
        await asyncio.shield(asyncio.ensure_future(sending))

    # --- what is measured ---------------------------------------------------------------------------------------------

    async def _watch(self, workers: Team, pace: "asyncio.Task[None]") -> None:
        began = time.monotonic()
        while (second := time.monotonic() - began) < self.seconds:
            await asyncio.wait([pace], timeout=min(self.every, self.seconds - second))
            if pace.done():
                await pace  # raises what has ended it
            self._keep(await self._sample(time.monotonic() - began, workers))

    async def _sample(self, second: float, workers: Team) -> Sample:
        counts = await workers.counts()
        behind = self._behind(counts)
        disk = await asyncio.to_thread(measures.disk, self.kafka_data, self.names)
        stores = [await asyncio.to_thread(measures.used, worker.data) for worker in workers.workers]
        return Sample(second, disk, stores, [measures.memory(worker.pid) for worker in workers.workers], behind)

    def _keep(self, sample: Sample) -> None:
        figures = sample.figures()
        if not self.samples:
            self.say("  ".join(figures))
        self.samples.append(sample)
        self.say("  ".join(f"{value:{len(name)}.1f}" for name, value in figures.items()))

    def _expected(self, counts: Counts) -> Counter[str]:
        """What has to be folded, as in Counts: the load's facts, and what the folds have told each other."""
        inputs = {f"{topic} by {fold.name}": topic for fold in self.twin.folds for topic in fold.inputs}
        return Counter(
            {name: counts.written[t] + (0 if t in INNER else self.twin.folded[t]) for name, t in inputs.items()}
        )

    def _behind(self, counts: Counts) -> int:
        return self._expected(counts).total() - sum(counts.folded.values())

    async def _drained(self, workers: Team) -> Counts:
        """The counts, once nothing is behind and nothing moves. Raises SoakFailed when that does not come about."""
        deadline = time.monotonic() + DRAIN_SECONDS
        before = await workers.counts()
        while True:
            await asyncio.sleep(0.5)
            counts = await workers.counts()
            if counts == before and self._behind(counts) == 0:
                return counts
            if time.monotonic() > deadline:
                raise SoakFailed(
                    f"{self._behind(counts)} records are still behind {DRAIN_SECONDS:g} s after the last fact: "
                    f"expected {dict(self._expected(counts))}, folded {dict(counts.folded)}."
                )
            before = counts

    async def _different(self) -> list[str]:
        """A sentence for every table that is not what the twin's is."""
        wrong = []
        async with Reader(self.kafka) as reader:
            for name in self.twin.tables:
                table = await reader.table(self.names.changelog(name), PARTITIONS)
                if keys := self.twin.differences(name, table):
                    wrong.append(
                        f"The table {name} has {len(table)} rows, the independent fold {len(self.twin.tables[name])}; "
                        f"{len(keys)} differ, for example {_shown(keys)}."
                    )
        return wrong


def _shown(keys: Sequence[str]) -> str:
    return ", ".join(keys[:3])


def _now() -> int:
    return time.time_ns() // 1_000_000
