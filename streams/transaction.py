"""Transactions of one fixed id: whoever begins with it fences who had it before, and aborts what that one left open."""

import asyncio
import logging
from collections.abc import Collection, Iterable
from typing import Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from streams import failures
from streams.access import Kafka
from streams.engine_markers import Marks
from streams.engine_producer import Producer, Writes
from streams.errors import StreamsError
from streams.undecided import Session, settle

TIMEOUT_MS: Final = 10_000
"""An orphan's open transaction holds up readers no longer than this."""

log = logging.getLogger("tajo.transactions")

_LOOK_S: Final = 5.0  # a stop waits for it


class Transactions:
    """One at a time. ``owner``: the changelog's partition, by which messages name whose transactions these are.

    Each method raises Fenced, NotWritten or BrokerSilent, within ``failures.ANSWER_S``; after that it writes nothing
    more. What was written, if that cannot be known, is found in the log by who begins next.
    """

    def __init__(self, kafka: Kafka, transactional_id: str, owner: TopicPartition) -> None:
        self._owner = owner
        self._broken: StreamsError | None = None  # why nothing more is written
        self._id = transactional_id
        self.producer = Producer(kafka, transactional_id, TIMEOUT_MS, self._connection_lost)
        self._marks = Marks(self.producer.client)
        self._session: Session
        self._last: tuple[Collection[TopicPartition], ...] = ()  # partitions of the last two transactions
        self._lost = False  # a connection, since the last transaction began

    async def begin(self, targets: Collection[TopicPartition]) -> None:
        """InitProducerId with our fixed id. ``targets``: all partitions that it, and who had it before, may write to.

        What our predecessor has left undecided in them is decided then, and what it had open is aborted.
        """
        attempt = self._attempt(failures.REGISTER)
        try:
            async with asyncio.timeout(failures.ANSWER_S):
                await self.producer.open({tp.topic for tp in targets})
                before = await self._marks.last(self._id)
                await self.producer.start()
                self._session = Session(before, self.producer.id, self.producer.epoch)
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
                self._last = (*self._last[-1:], tuple(writes))
                attempt.doing = self.producer.left
                await self.producer.add(writes.keys(), self._settle_before)
                ends = await self.producer.send(writes)
                attempt.doing = failures.COMMIT
                await self.producer.commit()
        except Exception as error:
            raise self._failed(error, attempt) from error
        *_, last = writes
        return ends[last]

    async def end(self) -> None:
        """Closes the producer, bounded. Whatever is open then is aborted by who begins next, or by the broker."""
        await self.producer.close()

    def _connection_lost(self) -> None:
        self._lost = True

    def _attempt(self, doing: str) -> failures.Attempt:
        return failures.Attempt(self._owner, TIMEOUT_MS / 1000, doing)

    def _failed(self, error: Exception, attempt: failures.Attempt) -> StreamsError:
        self._broken = failures.explain(error, attempt)
        return self._broken
