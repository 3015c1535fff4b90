"""Transactions of one fixed id: whoever begins with it fences who had it before, and aborts what that one left open."""

import asyncio
import time
from collections.abc import Mapping
from typing import Final

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.structs import RecordMetadata

from schemas.topics import MAX_RECORD
from streams import failures
from streams.access import Kafka
from streams.engine_batches import Item, batches
from streams.errors import StreamsError

TIMEOUT_MS: Final = 10_000
"""An orphan's open transaction holds up readers no longer than this."""

Writes = Mapping[TopicPartition, list[Item]]


def new_producer(kafka: Kafka, transactional_id: str) -> AIOKafkaProducer:
    """Not started. It takes records of every size that topics take."""
    return AIOKafkaProducer(
        **kafka.client(),
        transactional_id=transactional_id,
        transaction_timeout_ms=TIMEOUT_MS,
        max_batch_size=1 << 20,
        max_request_size=MAX_RECORD + (64 << 10),
    )


class Transactions:
    """One at a time. ``owner``: the changelog's partition, by which messages name whose transactions these are.

    Each method raises Fenced, NotWritten or BrokerSilent, within ``failures.ANSWER_S``; after that it writes nothing
    more. What was written, if that cannot be known, is found in the log by who begins next.
    """

    def __init__(self, kafka: Kafka, transactional_id: str, owner: TopicPartition) -> None:
        self._owner = owner
        self._broken: StreamsError | None = None  # why nothing more is written
        self.producer = new_producer(kafka, transactional_id)

    async def begin(self) -> None:
        """InitProducerId with our fixed id."""
        attempt = self._attempt(failures.REGISTER)
        try:
            async with asyncio.timeout(failures.ANSWER_S):
                await self.producer.start()
        except Exception as error:
            raise self._failed(error, attempt) from error

    async def write(self, writes: Writes) -> int:
        """Commits all of it in one; returns the offset of the last record of the last partition."""
        if self._broken:
            raise self._broken
        attempt = self._attempt(failures.COMMIT)
        try:
            async with asyncio.timeout(failures.ANSWER_S):
                await self.producer.begin_transaction()
                for target, items in writes.items():
                    attempt.doing = target
                    sent = await self._send(target, items)
                    attempt.sent += [(target, future) for future, _ in sent]
                # A batch that failed does not by itself fail the transaction (aiokafka 0.14.0).
                metadata = await asyncio.gather(*(future for _, future in attempt.sent))
                attempt.doing = failures.COMMIT
                await self.producer.commit_transaction()
        except Exception as error:
            raise self._failed(error, attempt) from error
        return int(metadata[-1].offset) + sent[-1][1] - 1

    async def end(self) -> None:
        """Closes the producer, bounded. Whatever is open then is aborted by who begins next, or by the broker."""
        await failures.close(self.producer)

    def _attempt(self, doing: str) -> failures.Attempt:
        return failures.Attempt(self._owner, TIMEOUT_MS / 1000, doing)

    def _failed(self, error: Exception, attempt: failures.Attempt) -> StreamsError:
        self._broken = failures.explain(error, self.producer, attempt)
        return self._broken

    async def _send(
        self, target: TopicPartition, items: list[Item]
    ) -> list[tuple[asyncio.Future[RecordMetadata], int]]:
        """Sends whole batches, without a future per record: [(future of the first record's metadata, records)]."""
        sent = []
        for batch in batches(self.producer.create_batch, items, int(time.time() * 1000)):
            future = await self.producer.send_batch(batch, target.topic, partition=target.partition)
            sent.append((future, batch.record_count()))
        return sent
