"""Why a link did not come: whether its component runs, how far behind it is, and whether the store can be read."""

import asyncio
import time
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from schemas import topics
from streams.enrich import owner as enrich
from streams.enrich.state import StoreInfo, Trouble
from streams.names import Names
from streams.partitioner import partition_of
from streams.reading import Reader
from tajo import topics as broker_topics
from tajo.components import Components
from tajo.trigger.chain import Awaited, Component

_ASK_MS: Final = 10_000
_ELSE: Final = {
    "enrich": "Its log says what it waits for: the store's quota is used up, or it does not answer.",
    "worker": "Its log says what it waits for.",
    "sink": "Its log says what it waits for: a limit of Brevo's, a refused key, or an unfinished import.",
}


async def why(made: Components, reader: Reader, awaited: Awaited, store: str) -> str:
    """Sentences. Never raises for what it cannot find out: it says so instead."""
    component = awaited.component
    if component == "gateway":
        return (
            "The gateway took the delivery, but not into this Kafka: it writes to another broker or under another "
            "kafka.prefix than this configuration names, or Kafka does not answer it and its spool holds the delivery. "
            "Its log says which."
        )
    group = _group(made.names, component)
    try:
        tps = [TopicPartition(made.names.topic(one.topic), one.partition) for one in awaited.behind[:1]]
        found = await _asked(made, group, tps)
        behind = _lag(found, await reader.ends(tps) if tps else {})
        trouble = await _trouble(made, reader, store) if component == "enrich" else ""
    except (KafkaError, OSError) as error:
        return f"What it waits for could not be found out ({type(error).__name__}): look at the brokers."
    if not found.members:
        return f"No `tajo {component}` runs: the group {group} has no member. Start it; {behind}."
    runs = f"The group {group} has {found.members} member" + ("" if found.members == 1 else "s")
    return f"{runs}; {behind}. {trouble or _ELSE[component]}"


def _group(names: Names, component: Component) -> str:
    return names.group() if component == "worker" else names.group(component)


class _Group(NamedTuple):
    """``committed``: by partition; those with which it has not begun are missing."""

    members: int
    committed: Mapping[TopicPartition, int]


async def _asked(made: Components, group: str, tps: list[TopicPartition]) -> _Group:
    """Asks again while a coordinator is being found, which takes a moment at a broker that never had a group."""
    admin = AIOKafkaAdminClient(**made.kafka.client(), request_timeout_ms=_ASK_MS)
    try:
        await admin.start()
        until = time.monotonic() + _ASK_MS / 1000
        while True:
            try:
                return await _ask(admin, group, tps)
            except KafkaError as error:
                if not error.retriable or time.monotonic() > until:
                    raise
            await asyncio.sleep(0.1)
    finally:
        await admin.close()


async def _ask(admin: AIOKafkaAdminClient, group: str, tps: list[TopicPartition]) -> _Group:
    answers = await admin.describe_consumer_groups([group])
    # error, group, state, protocol type, protocol, members
    members = sum(len(described[5]) for answer in answers for described in answer.groups)
    offsets = await admin.list_consumer_group_offsets(group, partitions=tps) if tps else {}
    return _Group(members, {tp: known.offset for tp, known in offsets.items() if known.offset >= 0})


def _lag(found: _Group, ends: Mapping[TopicPartition, int]) -> str:
    """By the offset that the group has committed: a figure, no position."""
    for tp, end in ends.items():
        if (committed := found.committed.get(tp)) is None:
            return f"it has not begun with {tp.topic}/{tp.partition}, which ends at {end}"
        return f"it has come to offset {committed} of {end} in {tp.topic}/{tp.partition}"
    return "nothing waits for it"


async def _trouble(made: Components, reader: Reader, store: str) -> str:
    """What the enricher says of the store's connection, or of a kind of its entities."""
    changelog = made.names.changelog(enrich.NAME, versioned=False)
    name = made.names.topic(topics.WEBHOOK)
    counts = await broker_topics.counts(made.kafka, [name])
    tp, key = TopicPartition(changelog, partition_of(store.encode(), counts[name])), f"{store}/info".encode()
    info = StoreInfo()
    async for _, record in reader.records([tp]):
        if record.key == key and record.value is not None:
            info = msgspec.msgpack.decode(record.value, type=StoreInfo)
    return " ".join(_told(about, trouble) for about, trouble in info.trouble.items())


def _told(about: str, trouble: Trouble) -> str:
    what = "The store is" if about == "connection" else f"Reading of {about} is"
    return f"{what} {trouble.kind}: {trouble.message}"
