"""Records of public topics: JSON bodies with CloudEvents headers (1.0, Kafka protocol binding, binary content mode)."""

from datetime import UTC, datetime, timedelta

import msgspec

from projections.fold import Output

_encode = msgspec.json.Encoder(order="deterministic").encode

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Headers = tuple[tuple[str, bytes], ...]


def cloud_event(*, id: str, source: str, type: str, time: int) -> Headers:  # noqa: A002 - CloudEvents' names
    """Headers of a public record. ``id`` is a function of what the record is about; ``time``: Unix ms, `ce_time`."""
    return (
        ("ce_specversion", b"1.0"),
        ("ce_id", id.encode()),
        ("ce_source", source.encode()),
        ("ce_type", type.encode()),
        ("ce_time", _iso(time).encode()),
        ("content-type", b"application/json"),
    )


def public(topic: str, key: bytes, body: msgspec.Struct, *, event_id: str, source: str, kind: str, at: int) -> Output:
    """The record of a public topic; see ``cloud_event``."""
    return Output(topic, key, _encode(body), cloud_event(id=event_id, source=source, type=kind, time=at))


def _iso(time: int) -> str:
    """RFC 3339 in UTC with milliseconds: the business time of a tombstone is read from here."""
    return f"{(_EPOCH + timedelta(milliseconds=time)).isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"
