"""Making a local store equal to its changelog again, in bulk: what a new owner does before it reads on.

Measured: docs/decisions/restore-in-sorted-files.md.
"""

import time
from collections.abc import Callable
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from schemas.topics import DAY
from streams.access import Kafka
from streams.engine_records import as_parsed
from streams.errors import PositionLost
from streams.store import Store

_DELETIONS_STAY: Final = 13 * DAY
"""Kafka compacts a deletion away after 14 days at the earliest (schemas.topics): whoever comes later never hears of it,
and would keep for ever what was deleted."""
_FETCH_BYTES: Final = 8 << 20
_FETCHES: Final = 3  # written at a time: fewer and larger files for RocksDB to merge, at so many times the memory


async def restore(
    kafka: Kafka, changelog: TopicPartition, store: Store, until: int, stopped: Callable[[], bool]
) -> int:
    """Brings the store from the offset that it is at up to ``until``; returns early when stopped. How many records
    were taken in.

    From the beginning if it was left for so long that deletions may be missing. Raises PositionLost.
    """
    if store.offset() >= 0 and store.written_at() < time.time() * 1000 - _DELETIONS_STAY:
        store.clear()
    consumer = AIOKafkaConsumer(
        **kafka.client(),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="none",
        max_partition_fetch_bytes=_FETCH_BYTES,
        key_deserializer=as_parsed,
    )
    await consumer.start()
    try:
        consumer.assign([changelog])
        done, count = store.offset(), 0
        if done < 0:
            await consumer.seek_to_beginning(changelog)
        else:
            consumer.seek(changelog, done + 1)
        while done < until and not stopped():
            records = await _read(consumer, changelog, until)
            if records and not stopped():
                done, count = records[-1].offset, count + len(records)
                store.load({record.key: record.value for record in records}, done)
        return count
    except OffsetOutOfRangeError as error:
        raise PositionLost(
            f"{changelog.topic}/{changelog.partition} was cut: it holds no offset {done + 1} any more, where the local "
            f"store goes on. Start a rebuild under a new version."
        ) from error
    finally:
        await consumer.stop()


async def _read(consumer: AIOKafkaConsumer, changelog: TopicPartition, until: int) -> list[Any]:
    """The records of some fetches, of one if that leads to ``until`` or nothing is there."""
    found: list[Any] = []
    for _ in range(_FETCHES):
        records = (await consumer.getmany(changelog, timeout_ms=500)).get(changelog, [])
        found += records
        if not records or found[-1].offset >= until:
            break
    return found
