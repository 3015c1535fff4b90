"""Reading topics from outside an owner: whole tables from their changelogs, and whether anything is left to fold."""

import asyncio
from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.access import Kafka
from streams.folds import INDEX
from streams.store import RESERVED


class Reader:
    """Reads under read_committed, in no group, as an async context manager. Not for use by two tasks at a time."""

    def __init__(self, kafka: Kafka) -> None:
        self._consumer = AIOKafkaConsumer(
            **kafka.client(),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=4 << 20,
        )
        self._probe = AIOKafkaConsumer(**kafka.client(), enable_auto_commit=False)

    async def __aenter__(self) -> "Reader":
        await self._consumer.start()
        try:
            await self._probe.start()
        except BaseException:
            await self._consumer.stop()
            raise
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._consumer.stop()
        await self._probe.stop()

    async def ends(self, tps: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Offsets behind all that is written now, once it is decided: committed or aborted.

        A commit is answered before readers may see its records; whoever looked too soon would miss them.
        """
        written = await self._probe.end_offsets(list(tps))
        while True:
            decided = dict(await self._consumer.end_offsets(list(tps)))
            if all(decided[tp] >= written[tp] for tp in tps):
                return decided
            await asyncio.sleep(0.01)  # at most until the transaction times out

    async def records(
        self, tps: Collection[TopicPartition], start: dict[TopicPartition, int] | None = None
    ) -> AsyncGenerator[tuple[TopicPartition, Any], None]:
        """All committed records up to the present end, each partition in order, from ``start`` or the beginning."""
        self._consumer.assign(list(tps))
        ends = await self.ends(tps)
        beginnings = await self._consumer.beginning_offsets(list(tps))
        left = set()
        for tp in tps:
            first = max((start or {}).get(tp, 0), beginnings[tp])
            self._consumer.seek(tp, first)
            if first < ends[tp]:
                left.add(tp)
        while left:
            for tp, records in (await self._consumer.getmany(*left, timeout_ms=100)).items():
                for record in records:
                    if record.offset < ends[tp]:
                        yield tp, record
            # The position passes control records, which have offsets but are never delivered.
            left = {tp for tp in left if await self._consumer.position(tp) < ends[tp]}

    async def anything_after(self, positions: dict[TopicPartition, int]) -> bool:
        """Whether a committed record lies at or after one of the positions (below the present ends)."""
        async with aclosing(self.records(list(positions), positions)) as records:
            async for _ in records:
                return True
        return False

    async def table(self, changelog: str, partitions: int) -> dict[bytes, bytes]:
        """The table that a changelog holds, without what belongs to the owner and without the index of due times."""
        table: dict[bytes, bytes] = {}
        async for _, record in self.records([TopicPartition(changelog, partition) for partition in range(partitions)]):
            if record.key.startswith((RESERVED, INDEX)):
                continue
            if record.value is None:
                table.pop(record.key, None)
            else:
                table[record.key] = record.value
        return table
