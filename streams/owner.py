"""The right to move one partition: inputs, state and outputs go on together, or not at all. Knows no Faust.

    start()    fences the predecessor, ends what it left open, and marks the end of what it committed
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
from bisect import bisect_left
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeVar

from aiokafka import TopicPartition

from connectors.kafka.batches import Item
from projections.fold import Output
from streams.access import Kafka
from streams.flow import Flow
from streams.inbox import Batch, Inbox, Record
from streams.names import Names
from streams.partitioner import partition_of
from streams.restore import restore
from streams.store import OWNER_KEY, POSITION_KEY, RESERVED, Store
from streams.tasks import watched
from streams.transaction import Transactions

_T = TypeVar("_T")
_KEY = itemgetter(0)
_WORTH_A_THREAD: Final = 1_000  # keys
_READING: Final = ThreadPoolExecutor(1, "reading")


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
    """Base of all owners: subclasses say what ``work`` is, and may use ``ready`` and ``close``.

    ``outputs``: the logical names of all topics that it may write to, as the topology shows them.
    """

    outputs: frozenset[str]

    def __init__(self, parts: Parts) -> None:
        self.partition, self.store, self.flow, self.names = parts.partition, parts.store, parts.flow, parts.names
        self.inputs = {TopicPartition(parts.names.topic(topic), parts.partition): topic for topic in parts.inputs}
        self.name = parts.name
        self.changelog = TopicPartition(parts.changelog, parts.partition)
        self.position: dict[str, int] = {}  # logical topic -> next offset to fold, as committed
        self.restored_at = -1  # changelog offset of this owner's first record: the end of the restore
        self.stopped = False
        self.on_failure: Callable[[BaseException], None] | None = None  # set by the driver: ends the process
        self.lease: Callable[[], bool] = lambda: True  # set by the driver: whether the partition is provably still ours
        self._kafka, self._partitions = parts.kafka, parts.partitions
        self._inbox = Inbox(parts.limit)
        self._taken: Counter[str] = Counter()
        self._working, self._committing = asyncio.Lock(), asyncio.Lock()
        self._targets: dict[str, list[TopicPartition]] = {}  # of each topic written to, by its logical name
        transactional_id = f"{parts.names.prefix}{parts.name}/{parts.partition}"
        self._transactions = Transactions(parts.kafka, transactional_id, self.changelog)
        for topic in parts.inputs:
            self.flow.consumes(topic, parts.name)

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
        """Fences the predecessor (InitProducerId with our fixed id), then marks the end of its changelog.

        Raises as ``commit`` does, and TransactionUndecided.
        """
        outputs = [target for topic in self.outputs for target in self._find_targets(topic)]
        await self._transactions.begin([self.changelog, *outputs])
        self.restored_at = await self._transactions.write({self.changelog: [(OWNER_KEY, b"", ())]})

    async def restore(self) -> int:
        """Brings the store up to the mark of ``start``; returns early when stopped. How many records were read."""
        if self.store.offset() >= self.restored_at:
            return 0
        return await restore(self._kafka, self.changelog, self.store, self.restored_at, lambda: self.stopped)

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
        self._inbox.begin(position)

    def feed(self, topic: str, records: list[Record], end: int | None = None) -> None:
        """Takes what it was not fed before. ``end``: up to where there is nothing more, if not behind the last one."""
        self._inbox.feed(topic, records, end)

    def full(self, topic: str) -> bool:
        """Whether it should not be fed from the topic for now."""
        return self._inbox.full(topic)

    def following(self, topic: str) -> int:
        """The next offset that it would not drop."""
        return self._inbox.following(topic)

    @property
    def working(self) -> bool:
        """Whether something was fed that is not committed yet."""
        return bool(self._inbox) or self._working.locked()

    @property
    def forgotten(self) -> bool:
        """Whether something was fed and nobody works on it; for longer than a moment only if a wake-up was lost."""
        return bool(self._inbox) and not self._working.locked()

    async def run(self) -> None:
        """One wake-up: works until the inbox is empty."""
        async with self._working:
            while self._inbox and not self.stopped:
                await self.work()
                for topic, count in self._taken.items():
                    self.flow.folded(topic, self.name, count)
                self._taken.clear()

    async def settle(self) -> None:
        """Makes sure, after a connection was lost, that readers see the end of the last transaction.

        The next one would do so too, but an owner may have nothing to do for hours.
        """
        async with self._committing:
            if not self.stopped:
                await self._transactions.settle()

    async def stop(self) -> None:
        """Finishes the batch under way and gives the partition up."""
        try:
            await self.close()
        finally:
            self.stopped = True
            async with self._working, self._committing:
                await self._transactions.end()

    # --- the subclasses' side ---------------------------------------------------------------------------------------

    def take(self) -> Batch:
        """The next batch."""
        batch = self._inbox.take()
        for topic, records in batch:
            self._taken[topic] += len(records)
        return batch

    async def read(self, keys: list[bytes]) -> dict[bytes, bytes | None]:
        """What the store has of them. Many are looked for in a thread: RocksDB does so without Python's lock, and other
        owners go on meanwhile."""
        if len(keys) < _WORTH_A_THREAD:
            return self.store.get(keys)
        return await _whole(asyncio.get_running_loop().run_in_executor(_READING, self.store.get, keys))

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """A task of this owner's own; should it raise, the process ends as if ``work`` had raised."""

        def failed(error: BaseException) -> None:
            if not self.stopped and self.on_failure:
                self.on_failure(error)

        return watched(work, f"{name} of {self.changelog.topic}/{self.partition}", failed)

    async def commit(
        self, outputs: Iterable[Output], changes: Iterable[tuple[bytes, bytes | None]], position: Mapping[str, int]
    ) -> None:
        """Outputs, changes and position: all or nothing. ``position`` may name some topics, or none.

        Once it has begun to write, cancelling the caller takes effect only when everything is written.
        Raises ValueError for an output to a topic that is not declared, before anything is written; else Fenced,
        NotWritten or BrokerSilent, within ``failures.ANSWER_S``: the owner writes nothing more then, and its process
        has to end. What was written, if that cannot be known, the next owner finds in the log.
        """
        changed = sorted(changes, key=_KEY)  # RocksDB takes them in twice as fast
        first = bisect_left(changed, RESERVED, key=_KEY)
        if first < len(changed) and changed[first][0].startswith(RESERVED):
            raise ValueError(f"Keys of a table do not start with {RESERVED!r}; they are the owner's.")
        changed += ((POSITION_KEY + topic.encode(), b"%d" % offset) for topic, offset in position.items())
        writes, counts = self._by_target(outputs)
        if changed:
            writes[self.changelog] = [(key, value, ()) for key, value in changed]
        if not writes:
            return
        async with self._committing:
            await _whole(self._write(writes, changed, position))
        for topic, count in counts.items():
            self.flow.written(topic, count)

    def _by_target(self, outputs: Iterable[Output]) -> tuple[dict[TopicPartition, list[Item]], Mapping[str, int]]:
        """What goes to each partition, in order, and how many records to each logical topic."""
        writes: dict[TopicPartition, list[Item]] = {}
        logical: dict[str, str] = {}
        for output in outputs:
            topic, key, partition = output.topic, output.key, output.partition
            targets = self._targets.get(topic) or self._find_targets(topic)
            target = targets[partition_of(key, len(targets)) if partition is None else partition]
            if (items := writes.get(target)) is None:
                items = writes[target] = []
                logical[target.topic] = topic
            items.append((key, output.value, output.headers))
        counts: Counter[str] = Counter()
        for target, items in writes.items():
            counts[logical[target.topic]] += len(items)
        if undeclared := counts.keys() - self.outputs:
            raise ValueError(f"{self.name} writes to {sorted(undeclared)}, but declares only {sorted(self.outputs)}.")
        return writes, counts

    async def _write(
        self,
        writes: Mapping[TopicPartition, list[Item]],
        changed: list[tuple[bytes, bytes | None]],
        position: Mapping[str, int],
    ) -> None:
        last = await self._transactions.write(writes)
        if changed:
            self.store.write(changed, last)
        self.position.update(position)

    def _find_targets(self, topic: str) -> list[TopicPartition]:
        name = self.names.topic(topic)
        targets = self._targets[topic] = [TopicPartition(name, number) for number in range(self._partitions(name))]
        return targets


async def _whole(work: Awaitable[_T]) -> _T:
    """Does all of it also when the caller is cancelled meanwhile, who hears of that afterwards.

    A transaction that is left half-done would fail the next one, and the store would miss what was committed.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait((task,))
        task.result()  # raises why it failed, if it did
        raise
