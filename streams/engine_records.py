"""Fetched records on their way to owners: as aiokafka's C parser made them, whole batches at once, and from where to
where they reach.

Private parts of aiokafka 0.14.0: see streams.engine_transport. They are put in their place when this module is
imported: a consumer that is running has results of the classes before, and would not know them any more. So whoever
can reach Kafka has imported it (streams.access).
"""

import asyncio
from collections.abc import Iterable, Iterator
from struct import Struct
from typing import Any, ClassVar, Final

import google_crc32c
from aiokafka import TopicPartition
from aiokafka.consumer import consumer, fetcher
from aiokafka.record.memory_records import MemoryRecords

import streams.engine_fetches  # noqa: F401  # how they go over the wire

_SOON_MS: Final = 20
# Of a batch (Kafka's record format, version 2): its offset, and how many bytes follow; then its leader's epoch, its
# format, and the checksum of all that follows that.
_LENGTH: Final = Struct(">8xi")
_CHECKED: Final = Struct(">16xbI")


def as_parsed(data: bytes | None) -> bytes | None:
    """A deserializer that changes nothing. Records of consumers that are given it for their keys stay as the C parser
    made them."""
    return data


class InputRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    """Leaves records of input topics, and of restores, as the C parser made them (offset, timestamp, key, value,
    headers). A step of Python for each record would be much of what fetching costs."""

    inputs: ClassVar[set[str]] = set()
    next_fetch_offset: int

    def __init__(self, tp: TopicPartition, records: Any, aborted: Any, offset: int, key: Any, *args: Any) -> None:
        self.as_parsed = tp.topic in self.inputs or key is as_parsed
        self._left: list[Any] = []  # parsed, and not taken yet
        super().__init__(tp, records, aborted, offset, key, *args)
        if self.as_parsed:
            records.whole = True
            self._consumer_record = _left_alone

    def take(self, most: int | None) -> tuple[list[Any], bool]:
        """The next ``most`` records, and whether there may be more. ``next_fetch_offset`` lies behind them then."""
        records, self._left = self._left, []
        more = True
        while more and (most is None or len(records) < most):
            begin = self.next_fetch_offset
            if (part := next(self._records_iterator, None)) is None:
                more = False
            else:  # a compressed batch may begin before what was asked for
                records += part if part[0].offset >= begin else [one for one in part if one.offset >= begin]
        if most is not None and len(records) > most:
            records, self._left = records[:most], records[most:]
            self.next_fetch_offset = records[-1].offset + 1
        elif records and more:
            self.next_fetch_offset = records[-1].offset + 1
        return records, more


def _left_alone(tp: TopicPartition, part: Any) -> Any:
    return part


class _Part(list[Any]):
    """The records of a batch, which pass for one record with the offset of the last."""

    @property
    def offset(self) -> int:
        return int(self[-1].offset)


class Fetched:
    """What was fetched of a partition, as batches. ``whole``: each is iterated in one step."""

    whole = False

    def __init__(self, data: bytes) -> None:
        self._data, self._next = data, 0
        self._records = MemoryRecords(data)
        self.has_next, self.size_in_bytes = self._records.has_next, self._records.size_in_bytes

    def next_batch(self) -> Any:
        begin = self._next
        self._next += _LENGTH.size + _LENGTH.unpack_from(self._data, begin)[0]
        return _Batch(self._records.next_batch(), self._data, slice(begin, self._next), self.whole)


class _Batch:
    """A batch of aiokafka's. Its checksum is computed by the processor's instruction, ten times as fast as theirs."""

    def __init__(self, batch: Any, data: bytes, place: slice, whole: bool) -> None:
        self._batch, self._data, self._place, self._whole = batch, data, place, whole

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def validate_crc(self) -> bool:
        magic, checksum = _CHECKED.unpack_from(self._data, self._place.start)
        if magic < 2:
            return bool(self._batch.validate_crc())
        checked = self._data[self._place.start + _CHECKED.size : self._place.stop]
        return bool(google_crc32c.value(checked) == checksum)

    def __next__(self) -> Any:  # of control batches
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        if not self._whole:
            yield from self._batch
        elif part := _Part(self._batch):
            yield part


class Run(list[Any]):
    """Records of an input as they follow on each other: of what is committed nothing else lies from the offset
    ``start`` up to ``end``, which is behind the control records that follow."""

    def __init__(self, records: Iterable[Any], start: int, end: int) -> None:
        super().__init__(records)
        self.start, self.end = start, end


class InputFetch(fetcher.FetchResult):  # type: ignore[misc]
    """Says from where to where the records of inputs reach, so that nobody is fed with a gap in silence."""

    _partition_records: InputRecords | None

    def getall(self, max_records: int | None = None) -> list[Any]:
        fetched, tp = self._partition_records, self._topic_partition
        if fetched is None or not fetched.as_parsed:
            return super().getall(max_records)  # type: ignore[no-any-return]
        if not self.check_assignment(tp):  # it may not be read now
            return []
        start = fetched.next_fetch_offset
        records, more = fetched.take(max_records)
        end = fetched.next_fetch_offset
        self._update_position()
        if not more:
            self._partition_records = None
        if tp.topic not in InputRecords.inputs:
            return records
        state = self._assignment.state_value(tp)
        start = taken_up_to(state, start)
        # Control records alone are not returned: what follows them begins where they began.
        state.passed = None if records else (start, end)
        return Run(records, start, end) if records else []


def taken_up_to(state: Any, position: int) -> int:
    """Where the control records begin that lie before a partition's position in the consumer, if only they do."""
    start, end = getattr(state, "passed", None) or (position, position)
    return int(start if end == position else position)


def _waits(assignment: Any, tp: TopicPartition) -> bool:
    """Whether it is an input that is paused."""
    return tp.topic in InputRecords.inputs and bool((state := assignment.state_value(tp)) and state.paused)


class OwnFetcher(fetcher.Fetcher):  # type: ignore[misc]
    """Looks soon after partitions that a fetch leaves out, and closes to its end."""

    def _get_actions_per_node(self, assignment: Any) -> Any:
        """aiokafka has one fetch at a time under way to a broker, and sends it without partitions of which something
        lies here for a while and is not taken yet. The broker keeps it until one of the others has news, or for the
        time that it is given (by Faust, 1.5 s); until then nobody asks for those left out, whatever they have."""
        requests, *rest = super()._get_actions_per_node(assignment)
        if requests and (self._records or any(_waits(assignment, tp) for tp in assignment.tps)):
            for _, request in requests:
                request._max_wait_ms = min(request._max_wait_ms, _SOON_MS)
        return requests, *rest

    async def close(self) -> None:
        """Also while a fetch that failed waits to be tried again.

        As it comes, `close` raises that fetch's cancellation in whoever stops the consumer, as if he had been cancelled
        himself: a worker that was told to stop while its broker was away never ended.
        """
        self._closed = True
        self._fetch_task.cancel()
        await asyncio.gather(self._fetch_task, return_exceptions=True)  # from now on it begins no other fetches
        pending = list(self._pending_tasks)
        self._pending_tasks.clear()
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        await super().close()


fetcher.MemoryRecords, fetcher.PartitionRecords, fetcher.FetchResult = Fetched, InputRecords, InputFetch
consumer.Fetcher = OwnFetcher
