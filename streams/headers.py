"""Record headers: CloudEvents in Kafka's binary mode, and those of dead letters, as Kafka Connect writes them."""

from datetime import UTC, datetime

from projections.fold import Output
from schemas.errors import BadRecord
from streams.owner import Record

_CONNECT = "__connect.errors."


def iso(when: int) -> str:
    """Unix ms as RFC 3339 in UTC, with milliseconds."""
    return datetime.fromtimestamp(when / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def cloud_event(*, id: str, source: str, type: str, time: int) -> tuple[tuple[str, bytes], ...]:  # noqa: A002
    """Headers of a public record (CloudEvents 1.0, Kafka protocol binding, binary content mode)."""
    return (
        ("ce_specversion", b"1.0"),
        ("ce_id", id.encode()),
        ("ce_source", source.encode()),
        ("ce_type", type.encode()),
        ("ce_time", iso(time).encode()),
        ("content-type", b"application/json"),
    )


def business_time(record: Record) -> int:
    """Unix ms of `ce_time`; the record's own time if it has none."""
    for name, value in record.headers:
        if name == "ce_time" and value:
            try:
                return int(datetime.fromisoformat(value.decode()).timestamp() * 1000)
            except ValueError:
                break
    return record.timestamp


def dead_letter(to: str, topic: str, partition: int, record: Record, error: Exception) -> Output:
    """The record as it was, with where it lay and why it could not be used. Own topic: the logical one."""
    stage = error.stage if isinstance(error, BadRecord) else "decode" if isinstance(error, ValueError) else "fold"
    told = (
        (_CONNECT + "topic", topic.encode()),
        (_CONNECT + "partition", b"%d" % partition),
        (_CONNECT + "offset", b"%d" % record.offset),
        (_CONNECT + "stage", stage.encode()),
        (_CONNECT + "exception.class.name", type(error).__name__.encode()),
        (_CONNECT + "exception.message", str(error).encode()),
    )
    kept = tuple((name, value or b"") for name, value in record.headers)
    return Output(to, record.key, record.value, kept + told, partition)
