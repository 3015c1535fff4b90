"""An owner on one partition, driven by hand: fed from the log, abandoned as a killed process would leave it."""

import asyncio
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, get_args

from aiokafka import AIOKafkaProducer, TopicPartition

from connectors.clock import Clock
from projections.fold import Fold
from streams.access import Kafka
from streams.engine import Engine
from streams.engine_producer import Writes
from streams.flow import Flow
from streams.folds import FoldOwner
from streams.names import Names
from streams.owner import Owner, Parts
from streams.role import Role
from streams.store import Store, open_store
from tests.streams import logs
from tests.streams.alarms import Alarms

COUNT = 4  # partitions of all topics
Write = tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes]]]


class Stand:
    """Owners of one partition, one after the other or at the same time. ``new``: makes an owner of its parts.

    ``table``: of the changelog, if it is not ``name``.
    """

    def __init__(
        self,
        kafka: str,
        prefix: str,
        folder: Path,
        new: Callable[[Parts], Owner],
        *,
        name: str,
        inputs: tuple[str, ...],
        table: str = "",
        partition: int = 0,
    ) -> None:
        self.kafka, self.names, self.partition, self.inputs = kafka, Names(prefix=prefix), partition, inputs
        self.flow = Flow()
        self.changelog = self.names.changelog(table or name)
        self._new, self._name, self._folder = new, name, folder
        self._stores: list[str] = []
        self._all: list[Owner] = []
        self.failures: list[BaseException] = []

    async def create(self, *outputs: str) -> None:
        names = [self.names.topic(topic) for topic in (*self.inputs, *outputs)]
        await logs.create(self.kafka, [*names, self.changelog], partitions=COUNT)

    async def start(self, *, lost: bool = True) -> Any:
        """A new owner that goes on from where the log says; ``lost``: with an empty local store, else with a copy.

        A copy of the folder, since an abandoned owner of this process still holds its own open.
        """
        path = self._folder / f"store-{len(self._stores)}"
        if not lost and self._stores:
            await asyncio.to_thread(shutil.copytree, self._stores[-1], path)
            (path / "LOCK").unlink(missing_ok=True)
        self._stores.append(str(path))
        owner = await self.fence(open_store(str(path)))
        await owner.restore()
        assert owner.restored()
        owner.begin({topic: owner.stored_position().get(topic, 0) for topic in self.inputs})
        await owner.ready()
        return owner

    async def fence(self, store: Store) -> Owner:
        """An owner that has begun, and knows nothing yet."""
        owner = self._new(self._parts(store))
        owner.on_failure = self.failures.append
        self._all.append(owner)
        await owner.start()
        return owner

    def _parts(self, store: Store) -> Parts:
        return Parts(
            name=self._name,
            partition=self.partition,
            inputs=self.inputs,
            changelog=self.changelog,
            store=store,
            kafka=Kafka(self.kafka),
            names=self.names,
            partitions=lambda _: COUNT,
            flow=self.flow,
        )

    async def write(self, topic: str, *records: Write) -> None:
        """Into this partition, whatever the key: (key, value, headers)."""
        async with AIOKafkaProducer(bootstrap_servers=self.kafka, max_request_size=9 << 20) as producer:
            for key, value, headers in records:
                name = self.names.topic(topic)
                await producer.send_and_wait(name, value, key=key, headers=list(headers), partition=self.partition)

    async def feed(self, owner: Owner) -> None:
        """Everything in the log; the owner takes what it was not fed before. Topic by topic."""
        for topic in self.inputs:
            if records := await self.read(topic):
                owner.feed(topic, records)
        await owner.run()

    async def read(self, topic: str) -> list[Any]:
        """Committed records of the owner's partition of a logical topic."""
        return await logs.read_decided(self.kafka, self.names.topic(topic), [self.partition])

    async def table(self) -> dict[bytes, bytes]:
        """What the changelog says."""
        table: dict[bytes, bytes] = {}
        for record in await logs.read_decided(self.kafka, self.changelog, [self.partition]):
            if not record.key.startswith(b"__"):
                table[record.key] = record.value
        return {key: value for key, value in table.items() if value is not None}

    async def end(self) -> None:
        """Closes the sockets of all owners, in whatever state they are."""
        for owner in self._all:
            with suppress(Exception):
                await owner.stop()


def alarm_engine(
    names: Names,
    kafka: str,
    folder: Path,
    failures: list[BaseException],
    *,
    clock: Clock | None = None,
    owner: Callable[[Parts], Owner] | None = None,
    limit: int = 8_000,
) -> Engine:
    """Faust with the alarms in all partitions; ``failures`` gets what would end the process."""
    return Engine(
        f"{names.prefix}alarms",
        [Role(Alarms.name, Alarms.inputs, owner or (lambda parts: FoldOwner(parts, Alarms(), clock)))],
        kafka=Kafka(kafka),
        names=names,
        partitions=COUNT,
        data_dir=folder,
        limit=limit,
        on_failure=failures.append,
    )


class Died(BaseException):
    """Stands for SIGKILL: whoever raises it does nothing more, and nobody is told."""


Point = Literal[
    "after fence",  # the predecessor is fenced, but the end of its changelog is not marked
    "after mark",
    "after restore",
    "before sending",  # a batch is folded, nothing of it is in the log
    "while sending",
    "before commit",  # everything is in the log, undecided
    "after commit",
    "after store",
]
POINTS: tuple[Point, ...] = get_args(Point)


class MortalFold(FoldOwner):
    """A fold's owner that dies at a point of its life. At the broker and on the disk it leaves what SIGKILL leaves:

    an open transaction without its end, or a committed one without the local write.
    """

    dies: Point | Literal[""] = ""

    def __init__(self, parts: Parts, fold: Fold[Any], clock: Clock | None) -> None:
        super().__init__(parts, fold, clock)
        producer = self._transactions.producer
        start, add, send, commit = producer.start, producer.add, producer.send, producer.commit

        async def mortal_start() -> None:
            await start()
            self.at("after fence")

        async def mortal_add(*args: Any) -> None:
            self.at("before sending")
            await add(*args)

        async def mortal_send(writes: Writes) -> dict[TopicPartition, int]:
            if self.dies == "while sending":
                first = next(iter(writes))
                await send({first: writes[first]})
                self.at("while sending")
            return await send(writes)

        async def mortal_commit() -> None:
            self.at("before commit")
            await commit()
            self.at("after commit")

        producer.start, producer.add = mortal_start, mortal_add
        producer.send, producer.commit = mortal_send, mortal_commit

    def at(self, point: Point) -> None:
        if self.dies == point:
            self.die()

    def die(self) -> None:
        raise Died

    async def start(self) -> None:
        await super().start()
        self.at("after mark")

    async def ready(self) -> None:
        self.at("after restore")
        await super().ready()

    async def _write(self, *args: Any) -> None:
        await super()._write(*args)
        self.at("after store")


class HeldFold(MortalFold):
    """It stops before each commit of a transaction while ``go`` is not set."""

    def __init__(self, parts: Parts, fold: Fold[Any], clock: Clock | None) -> None:
        super().__init__(parts, fold, clock)
        self.reached, self.go = asyncio.Event(), asyncio.Event()
        self.go.set()
        producer = self._transactions.producer
        commit = producer.commit

        async def held_commit() -> None:
            self.reached.set()
            await self.go.wait()
            await commit()

        producer.commit = held_commit

    def hold(self) -> None:
        self.reached.clear()
        self.go.clear()
