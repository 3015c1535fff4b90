"""Records into batches for the broker, past aiokafka's Python layer: half of what an append costs.

Private parts of aiokafka 0.14.0: its compiled builder (`aiokafka.record`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from aiokafka.record.default_records import DefaultRecordBatchBuilder

Headers = Sequence[tuple[str, bytes | None]]
Item = tuple[bytes | None, bytes | None, Headers]
"""(key, value, headers)"""
_NO_HEADERS: Final[list[tuple[str, bytes | None]]] = []
_SEQUENCES: Final = 1 << 31


class Batch(NamedTuple):
    """``following``: the sequence number after it."""

    data: bytearray
    records: int
    following: int


def builder(producer_id: int, epoch: int, sequence: int, size: int, *, transactional: bool) -> Any:
    """An uncompressed batch of up to ``size`` bytes, or of a single record, that begins with this sequence number."""
    return DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=int(transactional),
        producer_id=producer_id,
        producer_epoch=epoch,
        base_sequence=sequence,
        batch_size=size,
    )


def batches(new: Callable[[int], Any], items: Iterable[Item], timestamp: int, sequence: int) -> Iterator[Batch]:
    """All items in order. ``new``: makes the ``builder`` that begins with this sequence number.

    ``timestamp``: Unix ms. Each batch is made when it is asked for.
    """
    builder = new(sequence)
    append, count = builder.append, 0
    for key, value, headers in items:
        listed = list(headers) if headers else _NO_HEADERS
        if append(count, timestamp, key, value, listed) is None:
            yield (batch := built(builder, sequence, count))
            sequence = batch.following
            builder = new(sequence)
            append, count = builder.append, 0
            append(count, timestamp, key, value, listed)  # the first one always fits
        count += 1
    yield built(builder, sequence, count)


def built(builder: Any, sequence: int, records: int) -> Batch:
    """What is in it. Kafka's sequence numbers begin anew after 2^31 - 1."""
    return Batch(builder.build(), records, (sequence + records) % _SEQUENCES)
