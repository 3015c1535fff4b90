"""Durable before answered: in Kafka, or on this machine's disk until Kafka has it."""

import asyncio
from typing import Final

import structlog

from connectors.clock import Clock
from gateway.config import GatewayConfig
from gateway.errors import NotDelivered, NotDurable
from gateway.kafka import ended
from gateway.metrics import Metrics
from gateway.producer import Producer, Sent, Told
from gateway.record import Record
from gateway.spool import Spool

_HEAD: Final = 1_000
_BACKOFF: Final = (0.05, 0.1, 0.25, 0.5, 1.0)

_log = structlog.get_logger("gateway.durable")


class Durable:
    """Takes records and returns when they cannot be lost any more.

    Once Kafka has kept one record waiting, later ones go to the spool at once, and the spool's own attempt to drain
    finds out when Kafka is back. Then new records go to Kafka directly again, beside what is still being drained: the
    spool keeps its order, but not the order against them, which deliveries do not have on their way here either.
    """

    def __init__(self, config: GatewayConfig, producer: Producer, spool: Spool, clock: Clock, metrics: Metrics) -> None:
        self._config = config
        self._producer = producer
        self._spool = spool
        self._clock = clock
        self._metrics = metrics
        self._late = False  # Kafka let the last record wait too long
        self._spooling = 0  # bytes of records on their way to the disk
        self._filled = asyncio.Event()
        self._empty = asyncio.Event()
        self._draining: asyncio.Task[None] | None = None

    @property
    def kafka_answers(self) -> bool:
        # With an empty spool nobody would find out that it is back.
        return self._producer.client is not None and not (self._late and self._spool.records)

    @property
    def can_take(self) -> bool:
        """Whether the next delivery would find a durable place."""
        return self.kafka_answers or self._spool.has_room(self._config.body_limit)

    def start(self) -> None:
        """Raises SpoolUnusable. Kafka need not be there."""
        self._spool.open()
        if self._spool.records:
            _log.info("the spool holds deliveries of an earlier run", records=self._spool.records)
        self._signal()
        self._producer.start()
        self._draining = asyncio.create_task(self._drain())

    async def take(self, record: Record) -> None:
        """Returns once the record is durable. Raises NotDurable (or SpoolFull) when it is nowhere."""
        ended: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()

        def told(error: Exception | None) -> None:
            if not ended.done():
                ended.set_result(error)

        error: Exception | None = None
        sent = self.in_kafka(record, told)
        if sent is not None:
            try:
                error = await ended
            except asyncio.CancelledError:
                sent.end(NotDelivered("It was taken back."))
                raise
            if error is None:
                return
        await self.to_spool(record, error)

    def in_kafka(self, record: Record, told: Told) -> Sent | None:
        """On its way to Kafka; ``told``: how that ended, and unless with None, `to_spool` is the way out. So it is if
        this returns None, since Kafka does not answer or too much waits for it already; then nothing is told."""
        producer, size = self._producer, record.size()
        if not self.kafka_answers or producer.held + size > self._config.in_memory:
            return None
        try:
            return producer.put(record, size, told, patience=self._config.kafka_patience)
        except NotDelivered:
            return None

    async def to_spool(self, record: Record, error: Exception | None = None) -> None:
        """Returns once it is on disk. ``error``: why Kafka did not have it. Raises NotDurable, also when too
        much waits for the disk already, or SpoolFull."""
        if isinstance(error, TimeoutError):
            self._is_late()
        size = record.size()
        if self._spooling + size > self._config.in_memory:
            raise NotDurable(f"{self._spooling} bytes of deliveries wait for the disk: give the gateway more company.")
        self._spooling += size
        try:
            await self._spool.put(record)
        finally:
            self._spooling -= size
        self._metrics.spooled.inc()
        self._signal()

    def _is_late(self) -> None:
        """What waited was taken back if it had not left. Else it may arrive twice, as readers of deliveries expect."""
        if not self._late:
            _log.warning("Kafka does not acknowledge in time; deliveries go to the spool")
        self._late = True

    async def close(self) -> None:
        """Drains while Kafka answers, within ``drain_seconds`` altogether; what is left stays in the spool."""
        if self._draining is not None:
            if self.kafka_answers and self._spool.records:
                empty = asyncio.create_task(self._empty.wait())
                await asyncio.wait({empty}, timeout=self._config.drain_seconds * 0.4)
                await ended(empty)
            await ended(self._draining)
        await self._producer.stop(within=self._config.drain_seconds * 0.1)
        await self._spool.close()

    def _signal(self) -> None:
        if self._spool.records:
            self._filled.set()
            self._empty.clear()
        else:
            self._filled.clear()
            self._empty.set()

    async def _drain(self) -> None:
        while True:
            await self._filled.wait()
            failures = 0
            with self._clock.work():
                while self._spool.records:
                    try:
                        await self._drain_some()
                        failures = 0
                    except Exception as error:
                        # Kafka away is the common case, and told by others; whatever it is, the records stay.
                        if not isinstance(error, NotDelivered):
                            _log.error("the spool could not be drained", error=type(error).__name__, said=str(error))
                        await asyncio.sleep(_BACKOFF[min(failures, len(_BACKOFF) - 1)])
                        failures += 1
                self._signal()

    async def _drain_some(self) -> None:
        """The oldest records, in order. Raises NotDelivered; nothing is forgotten before all of them are in Kafka."""
        head = await self._spool.head(_HEAD)
        futures: list[asyncio.Future[None]] = []
        try:
            for _, record in head:
                if (future := self._sent(record, first=not futures)) is None:
                    break
                futures.append(future)
            await asyncio.gather(*futures)
        finally:
            for future in futures:
                future.cancel()
        if futures:
            await self._arrived(head[: len(futures)])

    def _sent(self, record: Record, *, first: bool) -> "asyncio.Future[None] | None":
        """None when the producer has no room for more."""
        try:
            return self._producer.send(record)
        except NotDelivered:
            if first:
                raise
            return None

    async def _arrived(self, head: list[tuple[int, Record]]) -> None:
        if self._late:
            _log.info("Kafka acknowledges again")
        self._late = False
        await self._spool.remove(head[-1][0])
        self._metrics.drained.inc(len(head))
