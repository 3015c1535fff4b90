"""The demo's Kafka: one of its own, or a place of its own on somebody's cluster, which is left as it was found."""

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from streams.access import Kafka
from tajo import topics
from tajo.errors import ToolError
from tajo.kafka import EmbeddedKafka

MOST_COPIES = 3


class Place(NamedTuple):
    """``prefix`` leads the names of all topics and groups; ``copies`` of each topic."""

    kafka: Kafka
    prefix: str = ""
    copies: int = 1


@asynccontextmanager
async def place(bootstrap_servers: str | None, folder: Path, say: Callable[[str], None]) -> AsyncIterator[Place]:
    """Nothing of it is left afterwards, however the block ends. Raises KafkaMissing, BrokerUnreachable."""
    if bootstrap_servers is None:
        say("starting Apache Kafka from its jars")
        async with EmbeddedKafka(folder / "kafka") as broker:
            yield Place(Kafka(broker.bootstrap_servers))
        return
    kafka, prefix = Kafka(bootstrap_servers), f"demo-{uuid.uuid4().hex[:6]}-"
    copies = min(MOST_COPIES, await topics.brokers(kafka))
    say(f"using Kafka at {bootstrap_servers}: all topics and groups are named {prefix}...")
    try:
        yield Place(kafka, prefix, copies)
    finally:
        await _leave(kafka, prefix, say)


async def _leave(kafka: Kafka, prefix: str, say: Callable[[str], None]) -> None:
    try:
        say(f"deleted the {await topics.delete(kafka, prefix)} topics named {prefix}...")
    except ToolError as error:  # what ended the demo is more important than this
        say(f"The topics named {prefix}... could not all be deleted, please do so: {error}")
