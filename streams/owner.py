"""The right to move one partition: inputs, state and outputs go on together, or not at all. Knows no Faust.

    start()    fences the predecessor, aborts what it left open, and marks the end of what it committed
    restore()  makes the local store equal to the changelog up to that mark
    feed()     takes records from wherever they come, each once
    work()     what was fed becomes the next batch
    commit()   outputs, changes and position in one Kafka transaction, then in one write to the local store
    stop()     finishes what is under way and gives the partition up

Enricher, folds and sink are owners (design: «Correctness, by construction»). A failure in between leaves the store
behind its changelog, never before it: the next owner restores the rest.
"""

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import ProducerFenced
from aiokafka.partitioner import murmur2
from aiokafka.structs import RecordMetadata

from projections.fold import Output
from schemas.topics import MAX_RECORD
from streams.access import Kafka
from streams.errors import Fenced
from streams.flow import Flow
from streams.names import Names
from streams.store import OWNER_KEY, POSITION_KEY, RESERVED, Store

TRANSACTION_TIMEOUT_MS = 10_000  # an orphan's open transaction holds up readers no longer than this
_INBOX_BYTES = 32 << 20

Headers = Sequence[tuple[str, bytes | None]]
_Item = tuple[bytes | None, bytes | None, Headers]


class Record(Protocol):
    """A record as aiokafka's C parser makes it."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...


class Parts(NamedTuple):
    """What every owner is made from. ``partitions``: the number of partitions of a topic, by its name at the broker."""

    name: str  # with the partition, the transactional id: whoever uses it again fences this owner
    partition: int
    inputs: tuple[str, ...]  # logical names
    changelog: str
    store: Store
    kafka: Kafka
    names: Names
    partitions: Callable[[str], int]
    flow: Flow
    limit: int = 8_000  # records in a batch


class Owner:
    """Base of all owners: subclasses say what ``work`` is, and may use ``ready`` and ``close``."""

    def __init__(self, parts: Parts) -> None:
        self.partition, self.store, self.flow, self.names = parts.partition, parts.store, parts.flow, parts.names
        self.inputs = {TopicPartition(parts.names.topic(topic), parts.partition): topic for topic in parts.inputs}
        self.changelog = TopicPartition(parts.changelog, parts.partition)
        self.position: dict[str, int] = {}  # logical topic -> next offset to fold, as committed
        self.restored_at = -1  # changelog offset of this owner's first record: the end of the restore
        self.stopped = False
        self.on_failure: Callable[[BaseException], None] | None = None  # set by the driver: ends the process
        self.lease: Callable[[], bool] = lambda: True  # set by the driver: whether the partition is provably still ours
        self._kafka, self._limit, self._partitions = parts.kafka, parts.limit, parts.partitions
        self._inbox: deque[tuple[str, list[Record]]] = deque()
        self._waiting: Counter[str] = Counter()
        self._waiting_bytes = 0
        self._following: dict[str, int] = {}  # logical topic -> next offset to feed
        self._taken: Counter[str] = Counter()
        self._working, self._committing = asyncio.Lock(), asyncio.Lock()
        self._target = lru_cache(1 << 16)(self._find_target)
        self._producer = AIOKafkaProducer(
            **parts.kafka.client(),
            transactional_id=f"{parts.names.prefix}{parts.name}/{parts.partition}",
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            max_batch_size=1 << 20,
            max_request_size=MAX_RECORD + (64 << 10),
        )
        for topic in parts.inputs:
            self.flow.consumes(topic)

    # --- hooks of subclasses ---------------------------------------------------------------------------------------

    async def ready(self) -> None:
        """Called once, restored and positioned, before the first record is fed. Raising ends the process."""

    async def work(self) -> None:
        """Called serially after something was fed: takes it (``take``) and commits. Raising ends the process."""
        raise NotImplementedError

    async def close(self) -> None:
        """Called first when the partition goes or the process stops: end own tasks, bounded; may still commit."""

    # --- the driver's side ----------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Fences the predecessor (InitProducerId with our fixed id), then marks the end of its changelog."""
        await self._producer.start()
        self.restored_at = await self._transaction({self.changelog: [(OWNER_KEY, b"", ())]})

    async def restore(self) -> None:
        """Brings the store up to the mark of ``start``; returns early when stopped. Bulk, under read_committed."""
        if (done := self.store.offset()) >= self.restored_at:
            return
        consumer = AIOKafkaConsumer(
            **self._kafka.client(),
            isolation_level="read_committed",
            enable_auto_commit=False,
            max_partition_fetch_bytes=8 << 20,
        )
        await consumer.start()
        try:
            consumer.assign([self.changelog])
            if done < 0:
                await consumer.seek_to_beginning(self.changelog)
            else:
                consumer.seek(self.changelog, done + 1)
            while done < self.restored_at and not self.stopped:
                records = (await consumer.getmany(self.changelog, timeout_ms=500)).get(self.changelog)
                if records and not self.stopped:
                    done = records[-1].offset
                    self.store.write(((record.key, record.value) for record in records), done)
                    await asyncio.sleep(0)
        finally:
            await consumer.stop()

    def restored(self) -> bool:
        """Whether the store provably holds this owner's first record."""
        return self.restored_at >= 0 and self.store.offset() >= self.restored_at

    def stored_position(self) -> dict[str, int]:
        """Logical topic -> next offset to fold, as the store has it; topics never folded are missing."""
        keys = {POSITION_KEY + topic.encode(): topic for topic in self.inputs.values()}
        return {keys[key]: int(value) for key, value in self.store.get(list(keys)).items() if value}

    def begin(self, position: Mapping[str, int]) -> None:
        """Says from where each topic is fed."""
        self.position = dict(position)
        self._following = dict(position)

    def feed(self, topic: str, records: list[Record]) -> None:
        """Takes what was not fed yet: drivers deliver again (Faust may seek back to committed offsets at any time)."""
        following = self._following[topic]
        if records[0].offset < following:
            records = [record for record in records if record.offset >= following]
        if records:
            self._inbox.append((topic, records))
            self._waiting[topic] += len(records)
            self._waiting_bytes += sum(len(record.value or b"") for record in records)
            self._following[topic] = records[-1].offset + 1

    def full(self, topic: str) -> bool:
        """Two batches wait: the next one is read while one is folded, and no more."""
        return self._waiting[topic] >= 2 * self._limit or self._waiting_bytes >= _INBOX_BYTES

    @property
    def working(self) -> bool:
        """Whether something was fed that is not committed yet."""
        return bool(self._inbox) or self._working.locked()

    async def run(self) -> None:
        """One wake-up: works until the inbox is empty."""
        async with self._working:
            while self._inbox and not self.stopped:
                await self.work()
                for topic, count in self._taken.items():
                    self.flow.folded(topic, count)
                self._taken.clear()

    async def stop(self) -> None:
        """Finishes the batch under way and gives the partition up."""
        try:
            await self.close()
        finally:
            self.stopped = True
            async with self._working, self._committing:
                await self._producer.stop()

    # --- the subclasses' side ---------------------------------------------------------------------------------------

    def take(self) -> list[tuple[str, list[Record]]]:
        """The next batch: [(logical topic, records in order)], at most about ``limit`` records."""
        batch: list[tuple[str, list[Record]]] = []
        count = 0
        while self._inbox and count < self._limit:
            topic, records = self._inbox.popleft()
            batch.append((topic, records))
            count += len(records)
            self._waiting[topic] -= len(records)
            self._waiting_bytes -= sum(len(record.value or b"") for record in records)
            self._taken[topic] += len(records)
        return batch

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """A task of this owner's own; should it raise, the process ends as if ``work`` had raised."""

        def ended(task: asyncio.Task[None]) -> None:
            if (
                not task.cancelled()
                and (error := task.exception()) is not None
                and not self.stopped
                and self.on_failure
            ):
                self.on_failure(error)

        task = asyncio.create_task(work, name=f"{name} of {self.changelog.topic}/{self.partition}")
        task.add_done_callback(ended)
        return task

    async def commit(
        self, outputs: Iterable[Output], changes: Iterable[tuple[bytes, bytes | None]], position: Mapping[str, int]
    ) -> None:
        """Outputs, changes and position: all or nothing. ``position`` may name some topics, or none.

        Once it has begun to write, cancelling the caller takes effect only when everything is written.
        Raises Fenced when another owner has taken over; whatever it raises, nothing of it is in the log or the store
        (or the process has to end, since that cannot be known).
        """
        changed = list(changes)
        if any(key.startswith(RESERVED) for key, _ in changed):
            raise ValueError(f"Keys of a table do not start with {RESERVED!r}; they are the owner's.")
        changed += ((POSITION_KEY + topic.encode(), b"%d" % offset) for topic, offset in position.items())
        writes: dict[TopicPartition, list[_Item]] = {}
        counts: Counter[str] = Counter()
        for topic, key, value, headers, partition in outputs:
            if partition is None:
                target = self._target(topic, key)
            else:
                target = TopicPartition(self.names.topic(topic), partition)
            writes.setdefault(target, []).append((key, value, headers))
            counts[topic] += 1
        if changed:
            writes[self.changelog] = [(key, value, ()) for key, value in changed]
        if not writes:
            return
        async with self._committing:
            await _whole(self._write(writes, changed, position))
        for topic, count in counts.items():
            self.flow.written(topic, count)

    async def _write(
        self,
        writes: Mapping[TopicPartition, list[_Item]],
        changed: list[tuple[bytes, bytes | None]],
        position: Mapping[str, int],
    ) -> None:
        last = await self._transaction(writes)
        if changed:
            self.store.write(changed, last)
        self.position.update(position)

    # --- transactions -------------------------------------------------------------------------------------------------

    def _find_target(self, topic: str, key: bytes | None) -> TopicPartition:
        name = self.names.topic(topic)
        return TopicPartition(name, (murmur2(key or b"") & 0x7FFFFFFF) % self._partitions(name))

    async def _transaction(self, writes: Mapping[TopicPartition, list[_Item]]) -> int:
        """Commits in one transaction; returns the offset of the last record of the last partition."""
        if self._fenced():
            raise self._fence()
        try:
            await self._producer.begin_transaction()
            sent = [batch for target, items in writes.items() for batch in await self._send(target, items)]
            # A batch that failed does not by itself fail the transaction (aiokafka 0.14.0).
            metadata = await asyncio.gather(*(future for future, _ in sent))
            await self._producer.commit_transaction()
        except Exception as error:
            if isinstance(error, ProducerFenced) or self._fenced():
                raise self._fence() from error
            raise
        return int(metadata[-1].offset) + sent[-1][1] - 1

    def _fenced(self) -> bool:
        """A fence ends the producer's sender first; sending more then fails with IllegalOperation (aiokafka 0.14.0)."""
        sender = self._producer._sender.sender_task
        return sender.done() and not sender.cancelled() and isinstance(sender.exception(), ProducerFenced)

    def _fence(self) -> Fenced:
        return Fenced(f"Another owner has taken {self.changelog}; this one stops without having written.")

    async def _send(
        self, target: TopicPartition, items: list[_Item]
    ) -> list[tuple[asyncio.Future[RecordMetadata], int]]:
        """Sends whole batches, without a future per record: [(future of the first record's metadata, records)]."""
        sent = []
        builder = self._producer.create_batch()

        async def ship() -> None:
            future = await self._producer.send_batch(builder, target.topic, partition=target.partition)
            sent.append((future, builder.record_count()))

        for key, value, headers in items:
            listed = list(headers)
            if builder.append(timestamp=None, key=key, value=value, headers=listed) is None:
                await ship()
                builder = self._producer.create_batch()
                builder.append(timestamp=None, key=key, value=value, headers=listed)  # the first record always fits
        await ship()
        return sent


async def _whole(work: Coroutine[Any, Any, None]) -> None:
    """Does all of it also when the caller is cancelled meanwhile, who hears of that afterwards.

    A transaction that is left half-done would fail the next one, and the store would miss what was committed.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait((task,))
        task.result()  # raises why it failed, if it did
        raise
