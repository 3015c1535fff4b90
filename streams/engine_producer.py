"""A producer of one transaction at a time, which waits for each of its requests; aiokafka's connections, nothing more.

aiokafka's own producer hands a transaction through tasks that wait for each other: 2 ms of processor time for one that
takes the broker 2.5 ms, and it tries for ever what it cannot do. Here each step is a request and its answer.

Private parts of aiokafka 0.14.0: see streams.engine_transport.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient, ConnectionGroup, CoordinationType
from aiokafka.conn import CloseReason
from aiokafka.errors import (
    ConcurrentTransactions,
    InvalidProducerEpoch,
    KafkaError,
    NodeNotReadyError,
    ProducerFenced,
    for_code,
)
from aiokafka.protocol.transaction import InitProducerIdRequest

from connectors.kafka.batches import Batch, Item, batches, builder
from connectors.kafka.requests import AddPartitionsToTxn, CommitTxn
from connectors.kafka.sending import AGAIN_S, look_again, send
from streams.access import Kafka

_BATCH_BYTES: Final = 1 << 20
_REQUEST_MS: Final = 40_000
_MARKS_S: Final = 0.001  # at first, while the coordinator still marks the partitions of the transaction before
CLOSE_S: Final = 5.0
_NOT_TRIED: Final = 55  # OPERATION_NOT_ATTEMPTED: another partition of the request was refused

Writes = Mapping[TopicPartition, list[Item]]


class Producer:
    """``timeout_ms``: after which the broker aborts a transaction. ``lost``: called when a connection breaks.

    Its methods try again what may pass, for ever: bound them in time. All raise KafkaError; ProducerFenced also if the
    broker has given the transaction up. After that, nothing more can be done with it.
    """

    def __init__(self, kafka: Kafka, transactional_id: str, timeout_ms: int, lost: Callable[[], None]) -> None:
        self.client = AIOKafkaClient(**kafka.client(), request_timeout_ms=_REQUEST_MS)
        self.transactional_id, self._timeout_ms = transactional_id, timeout_ms
        self.id = self.epoch = -1
        self.left: set[TopicPartition] = set()
        """Those that the step under way is still for; if it was refused, those for which it was."""
        self._coordinator: int | None = None
        self._sequences: dict[TopicPartition, int] = defaultdict(int)
        self._on_lost(lost)

    async def open(self, topics: Iterable[str]) -> None:
        """``topics``: all that it may write to. Raises KafkaConnectionError if no broker is there."""
        await self.client.bootstrap()
        await self.client.set_topics(topics)

    async def start(self) -> None:
        """InitProducerId: whoever had the transactional id before is fenced, and what it had open is aborted."""

        async def ask() -> None:
            answer = await self._ask(InitProducerIdRequest(self.transactional_id, self._timeout_ms))
            _check(answer.error_code)
            self.id, self.epoch = answer.producer_id, answer.producer_epoch

        await self._until_done(ask)

    async def add(self, tps: Collection[TopicPartition], ready: Callable[[], Awaitable[bool]]) -> None:
        """Begins a transaction in these partitions. ``ready``: asked before each attempt, which waits for a yes.

        Nothing of the transaction is known to the broker before.
        """
        self.left.clear()
        self.left.update(tps)
        request = AddPartitionsToTxn(self.transactional_id, self.id, self.epoch, tps)

        async def ask() -> None:
            if not await ready():
                raise NodeNotReadyError("Something else is asked of the broker first.")
            answered = await self._ask(request)
            refused = {tp: code for tp, code in answered.items() if code not in (0, _NOT_TRIED)}
            if refused:
                self.left.intersection_update(refused)
            _check(*refused.values())

        await self._until_done(ask)

    async def send(self, writes: Writes) -> dict[TopicPartition, int]:
        """The offset of the last record of each partition, once all replicas have all of them."""
        self.left.clear()
        self.left.update(writes)
        now, ends = int(time.time() * 1000), dict[TopicPartition, int]()
        made = {tp: batches(self._builder, items, now, self._sequences[tp]) for tp, items in writes.items()}
        while made:
            step = {tp: batch for tp, those in made.items() if (batch := next(those, None)) is not None}
            made = {tp: made[tp] for tp in step}
            self.left.intersection_update(made)
            for tp, batch in step.items():
                self._sequences[tp] = batch.following
            await self._send(step, ends)
        return ends

    async def commit(self) -> None:
        request = CommitTxn(self.transactional_id, self.id, self.epoch)

        async def ask() -> None:
            _check(await self._ask(request))

        await self._until_done(ask)

    async def close(self) -> None:
        """Bounded. What is open is aborted by who begins next, or by the broker."""
        try:
            async with asyncio.timeout(CLOSE_S):
                await self.client.close()
        except TimeoutError:
            pass

    def _builder(self, sequence: int) -> Any:
        return builder(self.id, self.epoch, sequence, _BATCH_BYTES, transactional=True)

    async def _send(self, sending: dict[TopicPartition, Batch], ends: dict[TopicPartition, int]) -> None:
        """Until all of it is acknowledged."""
        while sending:
            answers = await send(self.client, self.transactional_id, sending, _REQUEST_MS)
            for tp, first in answers.first.items():
                ends[tp] = first + sending.pop(tp).records - 1
            if answers.final:
                self.left.intersection_update(answers.final)
                _check(*answers.final.values())
            if sending:
                self.left.intersection_update(sending)
                await look_again(self.client)

    async def _ask(self, request: Any) -> Any:
        if self._coordinator is None:
            self._coordinator = await self.client.coordinator_lookup(
                CoordinationType.TRANSACTION, self.transactional_id
            )
        return await self.client.send(self._coordinator, request, group=ConnectionGroup.COORDINATION)

    async def _until_done(self, ask: Callable[[], Awaitable[None]]) -> None:
        pause = _MARKS_S
        while True:
            try:
                return await ask()
            except ConcurrentTransactions:
                await asyncio.sleep(pause)
                pause = min(2 * pause, AGAIN_S)
            except KafkaError as error:
                if not error.retriable:
                    raise
                self._coordinator = None
                await look_again(self.client)

    def _on_lost(self, lost: Callable[[], None]) -> None:
        closed = self.client._on_connection_closed

        def noted(connection: Any, reason: CloseReason | None) -> None:
            if reason not in (CloseReason.SHUTDOWN, CloseReason.IDLE_DROP):
                lost()
            closed(connection, reason)

        self.client._on_connection_closed = noted


def _check(*codes: int) -> None:
    """Raises what these error codes say; rather what does not pass."""
    if errors := [for_code(code) for code in codes if code]:
        worst = min(errors, key=lambda error: (error.retriable, error is ConcurrentTransactions))
        raise ProducerFenced if worst is InvalidProducerEpoch else worst
