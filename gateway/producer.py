"""The way into Kafka: idempotent, acknowledged by all replicas, and replaced when it cannot be healed.

One lane for each partition: a record that finds it idle leaves at once, what comes while a batch is under way leaves
with the next. So there is no linger to choose, batches grow with the load, and records of a partition stay in order.
"""

import asyncio
import math
from collections import deque
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import chain, count
from typing import Any, Final

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2

from gateway.errors import NotDelivered
from gateway.kafka import Client, ended, surely
from gateway.metrics import Metrics
from gateway.record import Record

STUCK_SECONDS: Final = 30.0
LOOK_SECONDS: Final = 0.02
_BACKOFF: Final = (0.1, 0.2, 0.5, 1.0, 2.0)

_log = structlog.get_logger("gateway.producer")


@lru_cache(maxsize=4096)
def partition_hash(key: bytes) -> int:
    """As the Java client's default partitioner: murmur2 without its sign. The partition is this modulo their number."""
    return int(murmur2(key)) & 0x7FFFFFFF


class _Item:
    __slots__ = ("done", "due", "record", "size")

    def __init__(self, record: Record, size: int, done: asyncio.Future[None], due: float) -> None:
        self.record = record
        self.size = size
        self.done = done
        self.due = due


class Producer:
    """``kafka``: aiokafka's keyword arguments. ``topics``: the logical names it writes. ``limit``: bytes in memory.

    ``stuck_seconds``: a batch that is not acknowledged within it makes the producer be replaced.
    """

    def __init__(
        self,
        kafka: Mapping[str, Any],
        *,
        topics: Iterable[str],
        prefix: str,
        limit: int,
        metrics: Metrics,
        stuck_seconds: float = STUCK_SECONDS,
    ) -> None:
        self._kafka = kafka
        self._topics = tuple(topics)
        self._limit = limit
        self.prefix = prefix
        self.metrics = metrics
        self.stuck_seconds = stuck_seconds
        self.held = 0  # bytes in memory
        self.client: Client | None = None
        self._lanes: dict[tuple[str, int], _Lane] = {}
        self._broken = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None
        self._looking: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Connects in the background, and again whenever it has to; until then `send` raises NotDelivered."""
        self._loop = asyncio.get_running_loop()
        self._keeping = asyncio.create_task(self._keep())
        self._looking = self._loop.call_later(LOOK_SECONDS, self._look)

    def send(self, record: Record, size: int | None = None, *, patience: float = math.inf) -> asyncio.Future[None]:
        """A future that is done once all replicas have it, or fails with NotDelivered. Cancelling it takes a record
        back that has not left yet. Raises NotDelivered when there is no connection, or too much is waiting.

        ``size``: of the record, if it is known already. ``patience``: seconds after which the future fails with
        TimeoutError, as if it had been taken back.
        """
        if self.client is None:
            raise NotDelivered("There is no connection to Kafka.")
        if self.held > self._limit:
            raise NotDelivered(f"{self.held} bytes are waiting for Kafka already.")
        topic = self.prefix + record.topic
        place = (topic, partition_hash(record.key) % self.client.partitions[topic])
        lane = self._lanes.get(place)
        if lane is None:
            lane = self._lanes[place] = _Lane(self, TopicPartition(*place))
        loop = self._loop
        item = _Item(record, record.size() if size is None else size, loop.create_future(), loop.time() + patience)
        self.held += item.size
        lane.add(item)
        return item.done

    def broke(self, client: Client, error: Exception) -> None:
        """A batch failed or never ended: everything that waits fails, and a new producer takes over."""
        if client is self.client:
            _log.warning("the producer is replaced", error=type(error).__name__, said=str(error))
            self.client = None
            self._fail_all()
            self._broken.set()

    async def stop(self, within: float) -> None:
        """Sends what waits, ``within`` seconds at most; what is left then fails with NotDelivered."""
        waiting = [item.done for lane in self._lanes.values() for item in lane.items() if not item.done.done()]
        if waiting:
            await asyncio.wait(waiting, timeout=within)
        client, self.client = self.client, None
        self._fail_all()
        if self._looking is not None:
            self._looking.cancel()
        if self._keeping is not None:
            await ended(self._keeping)
        for lane in self._lanes.values():
            await ended(lane.task)
        self._lanes.clear()
        if client is not None:
            await client.close()

    def _look(self) -> None:
        """One timer for all waits: one for each would cost a delivery more than all else that is done here."""
        now = self._loop.time()
        for lane in self._lanes.values():
            lane.fail_due(now)
        self._looking = self._loop.call_later(LOOK_SECONDS, self._look)

    def _fail_all(self) -> None:
        for lane in self._lanes.values():
            lane.fail()

    async def _keep(self) -> None:
        while True:
            self._broken.clear()
            client = self.client = await self._connected()
            self.metrics.producers.inc()
            await self._broken.wait()
            await surely(client.close())

    async def _connected(self) -> Client:
        """Tries for ever; complains at the first time and when the reason changes."""
        told = ""
        for attempt in count():
            client = Client(self._kafka)
            try:
                await client.open([self.prefix + topic for topic in self._topics])
                return client
            except (KafkaError, OSError) as error:
                if told != (told := f"{type(error).__name__}: {error}"):
                    _log.warning("Kafka cannot be used yet; deliveries go to the spool", said=told)
                await surely(client.close())
            except asyncio.CancelledError:
                await client.close()
                raise
            await asyncio.sleep(_BACKOFF[min(attempt, len(_BACKOFF) - 1)])
        raise AssertionError("It never gives up.")


class _Lane:
    """The records of one partition, one batch under way at a time."""

    def __init__(self, producer: Producer, place: TopicPartition) -> None:
        self._producer = producer
        self._place = place
        self._waiting: deque[_Item] = deque()
        self._leaving: list[_Item] = []
        self._filled = asyncio.Event()
        self.task = asyncio.create_task(self._run())

    def add(self, item: _Item) -> None:
        self._waiting.append(item)
        self._filled.set()

    def items(self) -> list[_Item]:
        return [*self._leaving, *self._waiting]

    def fail(self) -> None:
        for item in self._let_go(self.items()):
            item.done.set_exception(NotDelivered("The connection to Kafka was lost before it was acknowledged."))
        self._waiting.clear()
        self._leaving = []

    def fail_due(self, now: float) -> None:
        """Those that have waited for longer than they would; the oldest are in front."""
        for item in chain(self._leaving, self._waiting):
            if not item.done.done():
                if item.due > now:
                    return
                item.done.set_exception(TimeoutError("Kafka did not acknowledge in time."))

    def _let_go(self, items: list[_Item]) -> list[_Item]:
        """Counts them out of memory. Returns those that somebody still waits for."""
        self._producer.held -= sum(item.size for item in items)
        return [item for item in items if not item.done.done()]

    async def _run(self) -> None:
        while True:
            await self._filled.wait()
            # Everybody whose request came in the same turn of the loop gets on.
            await asyncio.sleep(0)
            client = self._producer.client
            if client is None or not self._waiting:
                self._filled.clear()
                continue
            try:
                await self._send(client)
            except Exception as error:
                self._producer.broke(client, error)

    async def _send(self, client: Client) -> None:
        """One batch, acknowledged. Raises when it was not, or when that is not known."""
        batch = client.batch(self._place)
        self._fill(batch)
        if not self._leaving:
            return
        await client.deliver(self._place, batch, len(self._leaving), within=self._producer.stuck_seconds)
        self._producer.metrics.batches.inc()
        # Empty if all was failed meanwhile.
        arrived, self._leaving = self._leaving, []
        for item in self._let_go(arrived):
            item.done.set_result(None)

    def _fill(self, batch: Any) -> None:
        while self._waiting:
            item = self._waiting[0]
            if item.done.done():  # taken back
                self._let_go([self._waiting.popleft()])
                continue
            one = item.record
            if batch.append(len(self._leaving), one.timestamp, one.key, one.value, one.headers) is None:
                return
            self._leaving.append(self._waiting.popleft())
