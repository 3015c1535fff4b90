"""Our engine on the same ground: one fold, topics of one partition, and the group that Faust commits for it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from schemas import topics
from streams.access import Kafka
from streams.engine import Engine
from streams.folds import FoldOwner
from streams.names import Names
from streams.owner import Owner, Parts
from streams.role import Role
from tests.streams import logs
from tests.streams.alarms import Alarms
from tests.streams.faust_defects.stock import committed, create


class Held(FoldOwner):
    """The alarms, held up in their first batch until ``go`` is set, which then ``fails`` or is done."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts, Alarms(), None)
        self.reached, self.go = asyncio.Event(), asyncio.Event()
        self.fails = False

    async def work(self) -> None:
        self.reached.set()
        await self.go.wait()
        if self.fails:
            raise RuntimeError("What it needs is away.")
        await super().work()


class Ours:
    """``fold``: has one input, and tells ``told`` of each record. ``failures``: what would have ended the process."""

    def __init__(self, kafka: str, prefix: str, folder: Path, fold: Any = None, told: str = topics.COMMAND) -> None:
        self.kafka, self.names, self._folder = kafka, Names(prefix=prefix), folder
        self.fold = fold or Alarms()
        (self.input,) = self.fold.inputs
        self.changelog = self.names.changelog(self.fold.name)
        self.group = self.names.group()
        self.failures: list[BaseException] = []
        self._told = told

    async def create(self, **changelog_settings: str) -> None:
        """All topics; the changelog with settings of Kafka's."""
        logical = {self.input, topics.dead(self.input), *self.fold.outputs}
        await logs.create(self.kafka, [self.names.topic(name) for name in logical], partitions=1)
        await create(self.kafka, self.changelog, changelog_settings)

    def engine(self, data: str, owner: Callable[[Parts], Owner] | None = None, limit: int = 8_000) -> Engine:
        """``data``: a name for the folder of the local stores."""
        return Engine(
            self.group,
            [Role(self.fold.name, self.fold.inputs, owner or (lambda parts: FoldOwner(parts, self.fold, None)))],
            kafka=Kafka(self.kafka),
            names=self.names,
            partitions=1,
            data_dir=self._folder / data,
            limit=limit,
            on_failure=self.failures.append,
        )

    @asynccontextmanager
    async def running(self, engine: Engine) -> AsyncIterator[Engine]:
        await engine.start()
        try:
            yield engine
        finally:
            await engine.stop()

    async def write(self, *values: bytes | None) -> None:
        await logs.write(self.kafka, self.names.topic(self.input), [(b"a", value) for value in values])

    async def told(self) -> list[bytes]:
        """What readers under read_committed see of the fold's outputs."""
        return [record.value for record in await logs.read(self.kafka, self.names.topic(self._told), 1)]

    async def all_told(self, count: int) -> None:
        async def reached() -> bool:
            return len(await self.told()) >= count

        await logs.until(reached, f"{count} records are folded", timeout=40)

    async def committed(self) -> int | None:
        return await committed(self.kafka, self.group, self.names.topic(self.input))

    async def all_committed(self, offset: int) -> None:
        await logs.until(partial(self._is_committed, offset), f"offset {offset} is committed", timeout=20)

    async def _is_committed(self, offset: int) -> bool:
        return await self.committed() == offset

    async def failed(self) -> BaseException:
        async def any_failure() -> bool:
            return bool(self.failures)

        await logs.until(any_failure, "the process would end", timeout=40)
        return self.failures[0]


async def owner_of(engine: Engine, true: Callable[[Any], bool]) -> Any:
    """The partition's owner, once it is so."""
    found: list[Any] = []

    async def any_found() -> bool:
        found[:] = [owner for owner in engine.owners() if true(owner)]
        return bool(found)

    await logs.until(any_found, "the partition's owner has come that far", timeout=40)
    return found[0]
