"""What an owner was fed and has not folded yet: each record once, and about two batches at most."""

from collections import Counter, deque
from collections.abc import Mapping
from operator import attrgetter
from typing import Final, Protocol

from connectors.kafka.batches import Headers

_BYTES: Final = 32 << 20
_VALUE: Final = attrgetter("value")


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


Batch = list[tuple[str, list[Record]]]
"""[(logical topic, records in order)]"""


class Inbox:
    """Topics by their logical names. ``limit``: records in a batch. True while anything waits."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._runs: deque[tuple[str, list[Record], int]] = deque()  # topic, records, bytes of their values
        self._waiting: Counter[str] = Counter()
        self._waiting_bytes = 0
        self._following: dict[str, int] = {}  # topic -> next offset to feed

    def __bool__(self) -> bool:
        return bool(self._runs)

    def begin(self, position: Mapping[str, int]) -> None:
        """Says from which offset on each topic is fed."""
        self._following = dict(position)

    def following(self, topic: str) -> int:
        """The next offset that would be new."""
        return self._following[topic]

    def feed(self, topic: str, records: list[Record], end: int | None = None) -> None:
        """Takes what was not fed yet: drivers deliver again (Faust may seek back to committed offsets at any time).

        ``end``: up to where there is nothing more, behind control records too; by default behind the last one.
        """
        following = self._following[topic]
        self._following[topic] = max(following, records[-1].offset + 1 if end is None else end)
        if records[0].offset < following:
            records = [record for record in records if record.offset >= following]
        if records:
            size = sum(map(len, filter(None, map(_VALUE, records))))
            self._runs.append((topic, records, size))
            self._waiting[topic] += len(records)
            self._waiting_bytes += size

    def full(self, topic: str) -> bool:
        """Two batches wait: the next one is read while one is folded, and no more."""
        return self._waiting[topic] >= 2 * self._limit or self._waiting_bytes >= _BYTES

    def take(self) -> Batch:
        """The next batch, at most about ``limit`` records."""
        batch: Batch = []
        count = 0
        while self._runs and count < self._limit:
            topic, records, size = self._runs.popleft()
            batch.append((topic, records))
            count += len(records)
            self._waiting[topic] -= len(records)
            self._waiting_bytes -= size
        return batch
