"""Transactions of one fixed id: whoever begins with it fences who had it before, and aborts what that one left open."""

import asyncio
import logging
import time
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata

from schemas.topics import MAX_RECORD
from streams import failures
from streams.access import Kafka
from streams.engine_batches import Item, batches
from streams.engine_markers import Marks, identity, on_lost_connection, on_registering
from streams.errors import StreamsError
from streams.undecided import Session, settle

TIMEOUT_MS: Final = 10_000
"""An orphan's open transaction holds up readers no longer than this."""

log = logging.getLogger("tajo.transactions")

_LOOK_S: Final = 5.0  # a stop waits for it

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
        self._id = transactional_id
        self.producer = new_producer(kafka, transactional_id)
        self._marks = Marks(self.producer.client)
        self._session: Session
        self._last: tuple[Collection[TopicPartition], ...] = ()  # partitions of the last two transactions
        self._lost = False  # a connection, since the last transaction began
        on_lost_connection(self.producer, self._connection_lost)
        on_registering(self.producer, self._settle_before)

    async def begin(self, targets: Collection[TopicPartition]) -> None:
        """InitProducerId with our fixed id. ``targets``: all partitions that it, and who had it before, may write to.

        What our predecessor has left undecided in them is decided then, and what it had open is aborted.
        """
        attempt = self._attempt(failures.REGISTER)
        try:
            async with asyncio.timeout(failures.ANSWER_S):
                await self.producer.client.bootstrap()
                before = await self._marks.last(self._id)
                await self.producer.start()
                self._session = Session(before, *identity(self.producer))
                attempt.doing = failures.SETTLE
                if before:
                    await settle(self._marks, self._session, targets)
        except Exception as error:
            raise self._failed(error, attempt) from error

    async def settle(self) -> None:
        """After a connection was lost: makes sure that the last transactions are decided in all of their partitions.

        The last two: the connection may have gone as the last one began, before the one before had its marks.
        Not while ``write`` is under way. What fails is left to the next one.
        """
        if not self._broken:
            await self._settled(self._last)

    async def _settle_before(self) -> bool:
        """The same for the one before, as a transaction begins of which nothing is written yet.

        An abort of what begins would count for both where that one has no mark.
        """
        return await self._settled(self._last[:-1])

    async def _settled(self, last: Iterable[Collection[TopicPartition]]) -> bool:
        """Whether there is nothing left to find out."""
        if not self._lost:
            return True
        try:
            async with asyncio.timeout(_LOOK_S):
                await self._settle(last)
        except (KafkaError, TimeoutError) as error:
            log.warning("%s/%d does not know yet how its last transaction ended: %r", *self._owner, error)
            return False
        return True

    async def _settle(self, last: Iterable[Collection[TopicPartition]]) -> None:
        self._lost = False
        try:
            await settle(self._marks, self._session, {tp for written in last for tp in written})
        except BaseException:
            self._lost = True
            raise

    async def write(self, writes: Writes) -> int:
        """Commits all of it in one; returns the offset of the last record of the last partition."""
        if self._broken:
            raise self._broken
        attempt = self._attempt(failures.COMMIT)
        try:
            async with asyncio.timeout(failures.ANSWER_S):
                if self._lost:
                    attempt.doing = failures.SETTLE
                    await self._settle(self._last)
                self._last = (*self._last[-1:], writes.keys())
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

    def _connection_lost(self) -> None:
        self._lost = True

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
