"""Faust 0.15.3 as it comes: a worker in this process, on topics of one partition, with the defects that it shows.

Assertions about it say what Faust does wrong. Should one fail, Faust has been repaired: its row in
docs/faust-defects.md has to be told anew, and perhaps something of ours can go.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import faust
from aiokafka.admin import AIOKafkaAdminClient, NewTopic


def repaired(row: str) -> str:
    """The message of an assertion that stock Faust shows a defect."""
    return f"Faust no longer shows {row}: tell its row in docs/faust-defects.md anew, and see whether ours can go."


def new_app(kafka: str, name: str, folder: Path, **settings: Any) -> faust.App:
    """At least once, commits five times a second, records as they are, tables in memory; all else as Faust has it."""
    return faust.App(
        name,
        broker=f"kafka://{kafka}",
        store="memory://",
        datadir=str(folder),
        topic_partitions=1,
        topic_allow_declare=False,
        topic_disable_leader=True,
        key_serializer="raw",
        value_serializer="raw",
        web_enabled=False,
        table_standby_replicas=0,
        broker_commit_interval=0.2,
        **settings,
    )


def source(app: faust.App, name: str) -> Any:
    return app.topic(name, partitions=1, key_type=bytes, value_type=bytes)


@asynccontextmanager
async def running(app: faust.App) -> AsyncIterator[None]:
    app.finalize()
    await app.start()
    try:
        yield
    finally:
        await app.stop()


async def create(kafka: str, topic: str, settings: Mapping[str, str]) -> None:
    """One partition; ``settings`` of Kafka's."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 1, 1, topic_configs=dict(settings))])
    finally:
        await admin.close()


async def committed(kafka: str, group: str, topic: str) -> int | None:
    """The offset of partition 0 that the group would go on at after a restart."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(group)
    finally:
        await admin.close()
    found = [at.offset for tp, at in offsets.items() if (tp.topic, tp.partition) == (topic, 0)]
    return found[0] if found and found[0] >= 0 else None
