"""Reading topics from outside an owner: whole tables from their changelogs, and whether anything is left to fold."""

import asyncio
from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.access import Kafka
from streams.due import PRIVATE
from streams.store import RESERVED

_LONGEST_WAIT_MS = 50  # of a fetch that finds nothing: what is asked meanwhile stands behind it


class Reader:
    """Reads under read_committed, in no group, as an async context manager. Not for use by two tasks at a time.

    Its consumers are replaced when others than their partitions are asked for: while an assignment changes, aiokafka
    0.14.0 may swallow the cancellation of its own fetching, and then never stops.
    """

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._assigned: frozenset[TopicPartition] = frozenset()
        self._running: list[AIOKafkaConsumer] = []
        self._consumer: AIOKafkaConsumer
        self._probe: AIOKafkaConsumer  # sees undecided records too

    async def __aenter__(self) -> "Reader":
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._stop()

    async def _stop(self) -> None:
        while self._running:
            await self._running.pop().stop()

    async def _assign(self, tps: Collection[TopicPartition]) -> None:
        """Consumers that know the leaders of these partitions and fetch nothing: offsets would wait behind a fetch."""
        if self._running and self._assigned == frozenset(tps):
            self._consumer.pause(*tps)
            return
        await self._stop()
        self._consumer = AIOKafkaConsumer(
            **self._kafka.client(),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=4 << 20,
            fetch_max_wait_ms=_LONGEST_WAIT_MS,
        )
        self._probe = AIOKafkaConsumer(**self._kafka.client(), enable_auto_commit=False)
        self._running = [self._consumer, self._probe]
        for consumer in self._running:
            await consumer.start()
            consumer.assign(list(tps))
            consumer.pause(*tps)
        self._assigned = frozenset(tps)

    async def ends(self, tps: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Offsets behind all that is written now, once it is decided: committed or aborted.

        A commit is answered before readers may see its records; whoever looked too soon would miss them.
        """
        await self._assign(tps)
        written = await self._probe.end_offsets(list(tps))
        while True:
            decided = dict(await self._consumer.end_offsets(list(tps)))
            if all(decided[tp] >= written[tp] for tp in tps):
                return decided
            await asyncio.sleep(0.01)  # at most until the transaction times out

    async def beginnings(self, tps: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Offsets of the first records that are still there."""
        await self._assign(tps)
        return dict(await self._probe.beginning_offsets(list(tps)))

    async def records(
        self,
        tps: Collection[TopicPartition],
        start: dict[TopicPartition, int] | None = None,
        ends: dict[TopicPartition, int] | None = None,
    ) -> AsyncGenerator[tuple[TopicPartition, Any], None]:
        """All committed records, each partition in order, from ``start`` or the beginning, up to the present end.

        Up to ``ends`` if they are given; what lies before them and is undecided is waited for.
        """
        ends = ends or await self.ends(tps)
        beginnings = await self.beginnings(tps)
        left = set()
        for tp in tps:
            first = max((start or {}).get(tp, 0), beginnings[tp])
            self._consumer.seek(tp, first)
            if first < ends[tp]:
                left.add(tp)
        self._consumer.resume(*left)
        while left:
            for tp, records in (await self._consumer.getmany(*left, timeout_ms=100)).items():
                for record in records:
                    if record.offset < ends[tp]:
                        yield tp, record
            # The position passes control records, which have offsets but are never delivered.
            done = {tp for tp in left if await self._consumer.position(tp) >= ends[tp]}
            self._consumer.pause(*done)
            left -= done

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
            if record.key.startswith((RESERVED, PRIVATE)):
                continue
            if record.value is None:
                table.pop(record.key, None)
            else:
                table[record.key] = record.value
        return table
