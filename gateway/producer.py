"""The way into Kafka: idempotent, acknowledged by all replicas, and replaced when it cannot be healed.

One lane for each partition: a record that finds it idle leaves at once, what comes while a batch is under way leaves
with the next. So there is no linger to choose, batches grow with the load, and records of a partition stay in order.
"""

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from typing import Any, Final, Protocol

import msgspec
import structlog
from aiokafka import TopicPartition
from aiokafka.partitioner import murmur2

from gateway.errors import NotDelivered
from gateway.kafka import Client, ended, surely
from gateway.metrics import Metrics
from gateway.record import Record

STUCK_SECONDS: Final = 30.0
LOOK_SECONDS: Final = 0.02
_MOST_WAYS: Final = 4096
_BACKOFF: Final = (0.1, 0.2, 0.5, 1.0, 2.0)

_log = structlog.get_logger("gateway.producer")


Told = Callable[[Exception | None], None]


class Flow(Protocol):
    """Who wants to know how many records were written (the live view, the demo's clock)."""

    def written(self, topic: str, count: int = 1) -> None: ...


def partition_hash(key: bytes) -> int:
    """As the Java client's default partitioner: murmur2 without its sign. The partition is this modulo their number."""
    return int(murmur2(key)) & 0x7FFFFFFF


class Sent(msgspec.Struct, eq=False):
    """A record on its way. ``due``: in the loop's time. ``told``: hears once how that ended, with None when all
    replicas have it; None itself once it has heard."""

    record: Record
    size: int
    due: float
    told: Told | None

    def end(self, error: Exception | None = None) -> None:
        """The first end is the one that is told. A record that has not left yet does not leave any more."""
        told, self.told = self.told, None
        if told is not None:
            try:
                told(error)
            except Exception:
                _log.exception("a record's end could not be told")


class Producer:
    """``kafka``: aiokafka's keyword arguments. ``topics``: the logical names it writes. ``limit``: bytes in memory.

    ``flow`` hears of every record that all replicas have, by its logical topic, before it is told itself.
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
        flow: Flow | None = None,
        stuck_seconds: float = STUCK_SECONDS,
    ) -> None:
        self._kafka = kafka
        self._topics = tuple(topics)
        self._limit = limit
        self.prefix = prefix
        self.metrics = metrics
        self.flow = flow
        self.stuck_seconds = stuck_seconds
        self.held = 0  # bytes in memory
        self.client: Client | None = None
        self._lanes: dict[tuple[str, int], _Lane] = {}
        self._ways: dict[tuple[str, bytes], _Lane] = {}  # by topic and key, as long as partitions are what they are
        self._broken = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None
        self._looking: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Connects in the background, and again whenever it has to; until then `send` raises NotDelivered."""
        self._loop = asyncio.get_running_loop()
        self._keeping = asyncio.create_task(self._keep())
        self._looking = self._loop.call_later(LOOK_SECONDS, self._look)

    def put(self, record: Record, size: int, told: Told, *, patience: float = math.inf) -> Sent:
        """Sends it, and tells how that ended: None, NotDelivered, or TimeoutError after ``patience`` seconds.

        Raises NotDelivered when there is no connection, or too much is waiting; then nothing is told.
        """
        if self.client is None:
            raise NotDelivered("There is no connection to Kafka.")
        if self.held > self._limit:
            raise NotDelivered(f"{self.held} bytes are waiting for Kafka already.")
        lane = self._ways.get((record.topic, record.key)) or self._way(record.topic, record.key)
        sent = Sent(record, size, self._loop.time() + patience, told)
        self.held += size
        lane.add(sent)
        return sent

    def _way(self, topic: str, key: bytes) -> "_Lane":
        assert self.client is not None
        place = (topic, partition_hash(key) % self.client.partitions[self.prefix + topic])
        lane = self._lanes.get(place)
        if lane is None:
            lane = self._lanes[place] = _Lane(self, *place)
        if len(self._ways) >= _MOST_WAYS:
            self._ways.clear()
        self._ways[topic, key] = lane
        return lane

    def send(self, record: Record) -> asyncio.Future[None]:
        """As `put`. The future's cancellation takes back a record that has not left yet."""
        done: asyncio.Future[None] = self._loop.create_future()

        def told(error: Exception | None) -> None:
            if done.done():
                return
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)

        sent = self.put(record, record.size(), told)
        done.add_done_callback(lambda done: sent.end() if done.cancelled() else None)
        return done

    def broke(self, client: Client, error: Exception) -> None:
        """A batch failed or never ended: everything that waits fails, and a new producer takes over."""
        if client is self.client:
            _log.warning("the producer is replaced", error=type(error).__name__, said=str(error))
            self.client = None
            self._fail_all()
            self._broken.set()

    async def stop(self, within: float) -> None:
        """Sends what waits, ``within`` seconds at most; what is left then fails with NotDelivered."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                for lane in list(self._lanes.values()):
                    await lane.empty.wait()
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
            self._ways.clear()
            self.metrics.producers.inc()
            await self._broken.wait()
            await surely(client.close())

    async def _connected(self) -> Client:
        """Tries for ever; complains at the first time and when the reason changes."""
        told = ""
        for attempt in count():
            try:
                return await self._opened()
            except Exception as error:  # aiokafka raises many kinds, the more so when something else answers there
                if told != (told := f"{type(error).__name__}: {error}"):
                    _log.warning("Kafka cannot be used yet; deliveries go to the spool", said=told)
            await asyncio.sleep(_BACKOFF[min(attempt, len(_BACKOFF) - 1)])
        raise AssertionError("It never gives up.")

    async def _opened(self) -> Client:
        client = Client(self._kafka)
        try:
            await client.open([self.prefix + topic for topic in self._topics])
        except BaseException:
            await surely(client.close())
            raise
        return client


class _Lane:
    """The records of one partition, one batch under way at a time. ``topic``: the logical name."""

    def __init__(self, producer: Producer, topic: str, partition: int) -> None:
        self.empty = asyncio.Event()
        self._producer = producer
        self._topic = topic
        self._place = TopicPartition(producer.prefix + topic, partition)
        self._waiting: deque[Sent] = deque()
        self._leaving: list[Sent] = []
        self._filled = asyncio.Event()
        self.task = asyncio.create_task(self._run())

    def add(self, sent: Sent) -> None:
        if not self._waiting:
            self._filled.set()
            self.empty.clear()
        self._waiting.append(sent)

    def fail(self) -> None:
        """All that it holds."""
        failed = [*self._leaving, *self._waiting]
        self._waiting.clear()
        self._leaving = []
        self._let_go(failed, NotDelivered("The connection to Kafka was lost before it was acknowledged."))

    def fail_due(self, now: float) -> None:
        """Those that have waited for longer than they would; the oldest are in front."""
        late = [*_due(self._leaving, now), *_due(self._waiting, now)]
        for sent in late:
            sent.end(TimeoutError("Kafka did not acknowledge in time."))

    def _let_go(self, those: Iterable[Sent], error: Exception | None = None) -> None:
        """Counts them out of memory, and tells."""
        for sent in those:
            self._producer.held -= sent.size
            sent.end(error)
        if not self._waiting and not self._leaving:
            self.empty.set()

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
        if not self._filled_by(batch := client.batch(self._place)):
            return
        await client.deliver(self._place, batch, len(self._leaving), within=self._producer.stuck_seconds)
        # Empty if all was failed meanwhile.
        arrived, self._leaving = self._leaving, []
        self._producer.metrics.batches.inc()
        if self._producer.flow is not None and arrived:
            self._producer.flow.written(self._topic, len(arrived))
        self._let_go(arrived)

    def _filled_by(self, batch: Any) -> bool:
        """Whether anything that waits is in the batch now."""
        append, leaving = batch.append, self._leaving
        while self._waiting:
            sent = self._waiting[0]
            if sent.told is None:  # taken back
                self._let_go([self._waiting.popleft()])
                continue
            one = sent.record
            if append(len(leaving), one.timestamp, one.key, one.value, one.headers) is None:
                break
            leaving.append(self._waiting.popleft())
        return bool(leaving)


def _due(those: Iterable[Sent], now: float) -> Iterator[Sent]:
    """In order of time, but for those of unlimited patience, and for those that were told already."""
    for sent in those:
        if sent.told is not None and sent.due != math.inf:
            if sent.due > now:
                return
            yield sent
