"""Fetched records on their way to owners: as aiokafka's C parser made them, and from where to where they reach.

Private parts of aiokafka 0.14.0: see streams.engine_transport. They are put in their place when this module is
imported: a consumer that is running has results of the classes before, and would not know them any more.
"""

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from aiokafka import TopicPartition
from aiokafka.consumer import fetcher

from streams.restore import as_parsed


class InputRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    """Leaves records of input topics, and of restores, as the C parser made them (offset, timestamp, key, value,
    headers)."""

    inputs: ClassVar[set[str]] = set()

    def __init__(self, tp: TopicPartition, *args: Any, **named: Any) -> None:
        super().__init__(tp, *args, **named)
        if tp.topic in self.inputs or self._key_deserializer is as_parsed:
            self._consumer_record = _left_alone  # asked for each record: much of what fetching costs

    def __iter__(self) -> Iterator[Any]:
        return self._records_iterator or iter(())  # without a step of its own for each record


def _left_alone(tp: TopicPartition, record: Any) -> Any:
    return record


class Run(list[Any]):
    """Records of an input as they follow on each other: of what is committed nothing else lies from the offset
    ``start`` up to ``end``, which is behind the control records that follow."""

    def __init__(self, records: Iterable[Any], start: int, end: int) -> None:
        super().__init__(records)
        self.start, self.end = start, end


class InputFetch(fetcher.FetchResult):  # type: ignore[misc]
    """Says from where to where the records of inputs reach, so that nobody is fed with a gap in silence."""

    def getall(self, max_records: int | None = None) -> list[Any]:
        fetched, tp = self._partition_records, self._topic_partition
        if fetched is None or tp.topic not in InputRecords.inputs:
            return super().getall(max_records)  # type: ignore[no-any-return]
        start = fetched.next_fetch_offset
        records, end = super().getall(max_records), fetched.next_fetch_offset
        if end == start:  # it may not be read now
            return []
        state = self._assignment.state_value(tp)
        start = taken_up_to(state, start)
        # Control records alone are not returned: what follows them begins where they began.
        state.passed = None if records else (start, end)
        return Run(records, start, end) if records else []


def taken_up_to(state: Any, position: int) -> int:
    """Where the control records begin that lie before a partition's position in the consumer, if only they do."""
    start, end = getattr(state, "passed", None) or (position, position)
    return int(start if end == position else position)


fetcher.PartitionRecords, fetcher.FetchResult = InputRecords, InputFetch
