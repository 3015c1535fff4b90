"""demo-path: deliveries per second through the whole path on one worker, beside the folds alone.

The path: an emulated store's signed deliveries, the gateway, Kafka, the enricher's reads, the three folds of an order,
and the commands in their topic. The folds alone: the same facts, from the same tables, in memory and without any I/O.
Both count deliveries, several of which are folded into one fact.
"""

import asyncio
import contextlib
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from aiokafka import TopicPartition

from benchmarks.figures import Figure, median_figure
from emulators import cdnow
from emulators.bigcommerce import BigCommerce
from emulators.bigcommerce.store import Store
from emulators.clock import RealClock
from emulators.server import Server
from projections.fold import Fold, Input
from schemas import topics
from schemas.requests import Sync
from streams import topology
from streams.access import Kafka
from streams.engine import Engine
from streams.enrich.owner import EnrichOwner
from streams.reading import Reader
from tajo.components import Components
from tajo.demo.stage import ACCESS_TOKEN, API_KEY, CLIENT_SECRET, CONFIGURATION, STORE_HASH
from tajo.kafka import EmbeddedKafka
from tajo.kafka.ports import free_port
from tajo.settings import load

TARGET = 0.006  # measured: 0.0084 to 0.0136; reads over HTTP are what the path spends its time on
RUNS = 3
ORDERS = 600  # that change in a run: an update and a change of status each
STATUSES = (11, 2, 10)
UNLIMITED = 1_000_000_000


class World(NamedTuple):
    store: Store
    bigcommerce: BigCommerce
    components: Components
    engine: Engine


async def measure() -> list[Figure]:
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tajo-bench-")))
        broker = await stack.enter_async_context(EmbeddedKafka(folder / "kafka"))
        world = await stack.enter_async_context(_world(Kafka(broker.bootstrap_servers), folder))
        await world.components.request(Sync(store=STORE_HASH, id="initial", at=world.components.clock.now()))
        await _at_rest(world)
        return [median_figure("demo-path", TARGET, [await _run(world, status) for status in STATUSES[:RUNS]])]


async def _run(world: World, status: int) -> tuple[float, float]:
    """Deliveries per second: through the path, by the folds alone."""
    async with Reader(world.components.kafka) as reader:
        tables = await _tables(world, reader)
        before = await reader.ends(_partitions(world))
    sent = world.bigcommerce.deliveries.counters.delivered
    began = time.perf_counter()
    for order in list(world.store.orders.table)[:ORDERS]:
        world.store.orders.change_status(order.id, status)
    await _at_rest(world)
    through = time.perf_counter() - began
    deliveries = world.bigcommerce.deliveries.counters.delivered - sent
    async with Reader(world.components.kafka) as reader:
        facts = [
            Input(topics.ORDER, record.key, record.value, record.timestamp)
            async for _, record in reader.records(_partitions(world), before)
        ]
    alone = _fold_alone(topology.folds(world.components.fold_settings()), tables, facts)
    path, folds = deliveries / through, deliveries / alone
    print(f"{deliveries} deliveries, {len(facts)} facts: path {path:.0f}/s, folds alone {folds:.0f}/s")
    return path, folds


def _fold_alone(folds: Sequence[Fold[Any]], tables: dict[str, dict[bytes, bytes]], facts: list[Input]) -> float:
    """Seconds for folding the facts and all that follows from them."""
    readers: dict[str, list[Fold[Any]]] = {}
    for fold in folds:
        for topic in fold.inputs:
            readers.setdefault(topic, []).append(fold)
    waiting = deque(facts)
    began = time.perf_counter()
    while waiting:
        record = waiting.popleft()
        for fold in readers.get(record.topic, ()):
            table = tables[fold.name]
            state, outputs = fold.fold(fold.load(record.key, table.get(record.key)), record)
            if (stored := fold.dump(state)) is not None:
                table[record.key] = stored
            waiting.extend(Input(one.topic, one.key or b"", one.value, record.time) for one in outputs)
    return time.perf_counter() - began


async def _tables(world: World, reader: Reader) -> dict[str, dict[bytes, bytes]]:
    components = world.components
    return {
        fold.name: await reader.table(components.names.changelog(fold.name), components.settings.partitions())
        for fold in topology.folds(components.fold_settings())
    }


def _partitions(world: World) -> list[TopicPartition]:
    name = world.components.names.topic(topics.ORDER)
    return [TopicPartition(name, partition) for partition in range(world.components.settings.partitions())]


async def _at_rest(world: World) -> None:
    """Everything delivered, fetched and folded: looked at until it holds for ten looks in a row."""
    quiet = 0
    while quiet < 10:
        await asyncio.sleep(0.01)
        enrichers = [owner for owner in world.engine.owners() if isinstance(owner, EnrichOwner)]
        busy = world.bigcommerce.deliveries.pending or world.components.flow.lag() or not enrichers
        busy = busy or any(one.pending for one in enrichers) or any(one.working for one in world.engine.owners())
        quiet = 0 if busy else quiet + 1


@asynccontextmanager
async def _world(kafka: Kafka, folder: Path) -> AsyncIterator[World]:
    clock = RealClock()
    store = Store(clock, store_hash=STORE_HASH)
    cdnow.fill(store)
    bigcommerce = BigCommerce(
        clock,
        store,
        access_token=ACCESS_TOKEN,
        client_secret=CLIENT_SECRET,
        quota=UNLIMITED,
        duplicates=0,
        reorder=0,
        latency_ms=1,
        late_ms=1,
        workers=64,
        allow_http=True,
    )
    port = free_port()
    async with contextlib.AsyncExitStack() as stack:
        url = await stack.enter_async_context(Server(bigcommerce.app))
        await stack.enter_async_context(bigcommerce)
        path = folder / "tajo.yml"
        path.write_text(
            CONFIGURATION.format(
                store_hash=STORE_HASH,
                access_token=ACCESS_TOKEN,
                client_secret=CLIENT_SECRET,
                api_key=API_KEY,
                brevo="http://127.0.0.1:9",  # nothing is sent: the path ends in the command topic
                bigcommerce=url,
                gateway=f"http://127.0.0.1:{port}",
                data_dir=folder,
                prefix="null",
                copies=1,
            )
        )
        components = Components(load(path, {}), kafka)
        await components.apply_topics()
        await stack.enter_async_context(Server(components.gateway(), port=port))
        engine = components.engine("bench", [*components.fold_roles(), components.enrich_role()])
        await engine.start()
        stack.push_async_callback(engine.stop)
        await components.ensure_hooks()
        yield World(store, bigcommerce, components, engine)
