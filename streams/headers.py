"""Record headers: the business time of CloudEvents, and what dead letters carry, as Kafka Connect writes it."""

import msgspec

from projections.fold import Output
from projections.times import milliseconds
from schemas.errors import BadRecord
from streams.inbox import Record

_CONNECT = "__connect.errors."


def business_time(record: Record) -> int:
    """Unix ms of `ce_time`; the record's own time if it has none."""
    for name, value in record.headers:
        if name == "ce_time" and value:
            try:
                return milliseconds(value.decode())
            except (BadRecord, UnicodeDecodeError):
                break
    return record.timestamp


def dead_letter(to: str, topic: str, partition: int, record: Record, error: Exception) -> Output:
    """The record as it was, with where it lay and why it could not be used. Own topic: the logical one."""
    unreadable = isinstance(error, msgspec.MsgspecError | UnicodeError)
    stage = error.stage if isinstance(error, BadRecord) else "decode" if unreadable else "fold"
    told = (
        (_CONNECT + "topic", topic.encode()),
        (_CONNECT + "partition", b"%d" % partition),
        (_CONNECT + "offset", b"%d" % record.offset),
        (_CONNECT + "stage", stage.encode()),
        (_CONNECT + "exception.class.name", type(error).__name__.encode()),
        (_CONNECT + "exception.message", str(error).encode(errors="replace")),
    )
    kept = tuple((name, value or b"") for name, value in record.headers)
    return Output(to, record.key, record.value, kept + told, partition)
