"""A configured shop in front of a broker: facts that become visible all at once, and the command of a worker."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from benchmarks.broker import PARTITIONS, partition_of
from benchmarks.facts import STORE
from benchmarks.process import Running
from projections.fold import Output
from schemas import topics
from streams.access import Kafka
from streams.reading import Reader
from tajo.components import Components
from tajo.settings import load

CONFIGURATION: Final = """\
connectors:
  bigcommerce: {{enabled: true, store_hash: "{store}", access_token: "none", client_id: "none"}}
brevo: {{api_key: "none"}}
sync: {{customers: true, orders: true, products: true, carts: true, inventory: false}}
lists: {{all_customers: "All customers", buyers: "Buyers", abandoned_cart: "Abandoned cart"}}
webhooks:
  - {{scope: "store/order/created", destination: "order_placed"}}
  - {{scope: "store/order/statusUpdated", destination: "order_status_changed"}}
kafka: {{prefix: "{prefix}", replication: 1}}
data_dir: "{folder}"
"""
QUIET_SECONDS: Final = 2.0  # what moves nothing for so long is done
_LOOK_SECONDS: Final = 0.1  # each look takes processor time from who is measured


def components(kafka: Kafka, prefix: str, folder: Path) -> Components:
    """``folder``: where the worker keeps its tables. Topics begin with ``prefix``."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tajo.yml"
    path.write_text(CONFIGURATION.format(store=STORE, prefix=prefix, folder=folder), encoding="utf-8")
    return Components(load(path, {}), kafka)


def worker(kafka: Kafka, prefix: str, folder: Path) -> list[str]:
    """The command of a worker with all folds; see benchmarks.ours.folds."""
    return [sys.executable, "-m", "benchmarks.ours.folds", kafka.bootstrap_servers, prefix, str(folder)]


class Unseen:
    """Facts that lie in their topics, in a transaction that is still open: readers see all of them at ``show``.

    So programs can be ready, and as many as there shall be, before the first fact is there; and the enricher writes
    facts in transactions too.
    """

    def __init__(self, kafka: Kafka, prefix: str) -> None:
        self._prefix = prefix
        self._producer = AIOKafkaProducer(
            **kafka.client(),
            transactional_id=f"{prefix}facts",
            transaction_timeout_ms=600_000,
            max_batch_size=1 << 20,
            max_request_size=16 << 20,
        )

    async def __aenter__(self) -> Self:
        await self._producer.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._producer.stop()

    async def write(self, facts: Iterable[Output]) -> None:
        await self._producer.begin_transaction()
        waiting: dict[TopicPartition, Any] = {}
        sent = []
        for fact in facts:
            target = TopicPartition(self._prefix + fact.topic, partition_of(fact.key or b""))
            batch = waiting.get(target) or waiting.setdefault(target, self._producer.create_batch())
            record = {"timestamp": None, "key": fact.key, "value": fact.value, "headers": list(fact.headers)}
            if batch.append(**record) is None:
                sent.append(await self._ship(batch, target))
                waiting[target] = self._producer.create_batch()
                waiting[target].append(**record)
        sent += [await self._ship(batch, target) for target, batch in waiting.items()]
        await asyncio.gather(*sent)

    async def show(self) -> None:
        await self._producer.commit_transaction()

    async def _ship(self, batch: Any, target: TopicPartition) -> "asyncio.Future[Any]":
        return await self._producer.send_batch(batch, target.topic, partition=target.partition)


class Watch:
    """Looks at the ends of topics, as committed, until nothing moves any more. An async context manager."""

    def __init__(self, kafka: Kafka, names: Iterable[str]) -> None:
        self._tps = [TopicPartition(name, partition) for name in names for partition in range(PARTITIONS)]
        self._probe = AIOKafkaConsumer(**kafka.client(), isolation_level="read_committed", enable_auto_commit=False)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._probe)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def after(
        self,
        begin: Callable[[], Awaitable[None]],
        done: Callable[[], Awaitable[bool]],
        programs: Sequence[Running],
        timeout: float = 300,
    ) -> float:
        """Seconds from ``begin`` until something moved last. When nothing moves, ``done`` is asked whether that was
        all: a program may rest for a while. Raises ProgramFailed."""
        clock = asyncio.get_running_loop().time
        before = await self._probe.end_offsets(self._tps)
        began = moved = asked = clock()
        await begin()
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            now = await self._probe.end_offsets(self._tps)
            if now != before:
                before, moved = now, clock()
            elif clock() - max(moved, asked) > QUIET_SECONDS:
                if await done():
                    break
                asked = clock()
            for program in programs:
                program.check()
            if clock() - began > timeout:
                raise programs[0].failure(f"was not done within {timeout:g} s")
        return moved - began


async def commands(kafka: Kafka, topic: str) -> Counter[str]:
    """How many of each kind there are."""
    kind = msgspec.json.Decoder(Kind)
    return Counter([kind.decode(record.value).kind async for record in _records(kafka, topic)])


async def count(kafka: Kafka, topic: str) -> int:
    return sum([1 async for _ in _records(kafka, topic)])


async def _records(kafka: Kafka, topic: str) -> AsyncIterator[Any]:
    async with Reader(kafka) as reader:
        tps = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
        async for _, record in reader.records(tps):
            yield record


class Kind(msgspec.Struct):
    kind: str


COMMAND: Final = topics.COMMAND
