"""The live view: what comes in, what it becomes, what Brevo is told and what it need not be told."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from rich.console import Console
from rich.live import Live
from rich.table import Table

from schemas import topics
from schemas.facts import CartLifecycle
from tajo.demo.stage import Stage

FACTS = (topics.CUSTOMER, topics.SUBSCRIBER, topics.ORDER, topics.CART, topics.PRODUCT, topics.CATEGORY)
_STAGES = {"at risk": "open", "abandoned": "abandoned", "recovered": "recovered", "converted": "bought"}


class Carts:
    """What stage each cart is in, from the lifecycle topic."""

    def __init__(self) -> None:
        self._stage: dict[bytes, str] = {}

    def take(self, key: bytes, value: bytes) -> None:
        self._stage[key] = msgspec.json.decode(value, type=CartLifecycle).stage

    def counts(self) -> Counter[str]:
        return Counter(_STAGES.get(stage, "ended") for stage in self._stage.values())


class Row(NamedTuple):
    """One moment of the view."""

    clock: int
    webhooks: int
    facts: int
    commands: int
    requests: int
    saved: int
    lag: int
    carts: str

    def cells(self) -> dict[str, str]:
        return {
            "webhooks in": f"{self.webhooks:,}",
            "facts": f"{self.facts:,}",
            "commands": f"{self.commands:,}",
            "Brevo requests": f"{self.requests:,}",
            "saved": f"{self.saved:,}",
            "lag": f"{self.lag:,}",
            "carts open / abandoned / recovered": self.carts,
        }


class View:
    """Drawn again at each refresh, from the counters as they are."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.carts = stage, Carts()

    def row(self) -> Row:
        flow, carts = self.stage.components.flow, self.carts.counts()
        destinations = self.stage.destinations.values()
        return Row(
            clock=self.stage.clock.now(),
            webhooks=flow.written_records[topics.WEBHOOK],
            facts=sum(flow.written_records[topic] for topic in FACTS),
            commands=flow.written_records[topics.COMMAND],
            requests=sum(sum(one.account.requests.values()) for one in destinations),
            saved=sum(sum(one.counters.saved.values()) for one in destinations),
            lag=flow.lag(),
            carts=f"{carts['open']} / {carts['abandoned']} / {carts['recovered']}",
        )

    def __rich__(self) -> Table:
        row = self.row()
        table = Table(title=f"the shop's clock: {_shown(row.clock)}", title_justify="left")
        for name in row.cells():
            table.add_column(name, justify="right")
        table.add_row(*row.cells().values())
        return table

    def line(self) -> str:
        row = self.row()
        return f"{_shown(row.clock)}  " + ", ".join(f"{name} {value}" for name, value in row.cells().items())


def _shown(clock: int) -> str:
    return f"{datetime.fromtimestamp(clock / 1000, UTC):%Y-%m-%d %H:%M:%S}"


@asynccontextmanager
async def live_view(stage: Stage, console: Console) -> AsyncIterator[View]:
    """Shown while the block runs: in place on a terminal, else a line every five seconds; and once more at its end."""
    view = View(stage)
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(beside(_follow_carts(stage, view.carts)))
        if console.is_terminal:
            stack.enter_context(Live(view, console=console, refresh_per_second=4))
        else:
            await stack.enter_async_context(beside(_tell(view, console)))
        yield view
        if not console.is_terminal:
            console.print(view)


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Runs ``work`` while the block does; what it failed with is raised at the end."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _tell(view: View, console: Console) -> None:
    while True:
        await asyncio.sleep(5)
        console.print(view.line(), soft_wrap=True)


async def _follow_carts(stage: Stage, carts: Carts) -> None:
    components = stage.components
    consumer = AIOKafkaConsumer(
        **components.kafka.client(),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        name = components.names.topic(topics.CART_LIFECYCLE)
        consumer.assign([TopicPartition(name, partition) for partition in range(components.settings.partitions())])
        async for record in consumer:
            carts.take(record.key, record.value)
    finally:
        await consumer.stop()
