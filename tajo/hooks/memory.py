"""What the enricher's watch knows of the stores' webhooks, read from its changelog."""

from collections.abc import Collection

import msgspec
from aiokafka import TopicPartition

from streams.enrich import owner
from streams.enrich.heard import NAME, HookMemory
from streams.partitioner import partition_of
from streams.reading import Reader
from tajo import topics
from tajo.components import Components


async def memories(made: Components, store_hashes: Collection[str]) -> dict[str, HookMemory]:
    """By store hash; a store that no enricher has taken up yet is not in it. Raises BrokerUnreachable."""
    changelog = made.names.changelog(owner.NAME, versioned=False)
    partitions = (await topics.counts(made.kafka, [changelog])).get(changelog)
    if not partitions:
        return {}
    keys = {f"{store_hash}/{NAME}".encode(): store_hash for store_hash in store_hashes}
    tps = {TopicPartition(changelog, partition_of(store_hash.encode(), partitions)) for store_hash in store_hashes}
    found: dict[str, HookMemory] = {}
    async with Reader(made.kafka) as reader:
        async for _, record in reader.records(tps):
            if record.key in keys and record.value is not None:
                found[keys[record.key]] = msgspec.msgpack.decode(record.value, type=HookMemory)
    return found
