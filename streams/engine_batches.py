"""Records into batches for the broker, past aiokafka's Python layer: half of what an append costs.

Private parts of aiokafka 0.14.0: see streams.engine_transport.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

from streams.inbox import Headers

Item = tuple[bytes | None, bytes | None, Headers]
"""(key, value, headers)"""
_NO_HEADERS: Final[list[tuple[str, bytes | None]]] = []
_SEQUENCES: Final = 1 << 31


class Batch(NamedTuple):
    data: bytearray
    records: int


def following(sequence: int, records: int) -> int:
    """The sequence number after a batch; Kafka's begin anew after 2^31 - 1."""
    return (sequence + records) % _SEQUENCES


def batches(new: Callable[[int], Any], items: Iterable[Item], timestamp: int, sequence: int) -> Iterator[Batch]:
    """All items in order. ``new``: makes an aiokafka `DefaultRecordBatchBuilder` that begins with this sequence number.

    ``timestamp``: Unix ms. Each batch is made when it is asked for.
    """
    builder = new(sequence)
    append, count = builder.append, 0
    for key, value, headers in items:
        listed = list(headers) if headers else _NO_HEADERS
        if append(count, timestamp, key, value, listed) is None:
            yield Batch(builder.build(), count)
            sequence = following(sequence, count)
            builder = new(sequence)
            append, count = builder.append, 0
            append(count, timestamp, key, value, listed)  # the first one always fits
        count += 1
    yield Batch(builder.build(), count)
