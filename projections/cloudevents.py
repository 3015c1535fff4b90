"""Records of public topics: JSON bodies with CloudEvents headers (1.0, Kafka protocol binding, binary content mode)."""

from typing import Final

import msgspec

from projections.fold import Output
from projections.reading import to_json
from projections.times import iso_milliseconds

Headers = tuple[tuple[str, bytes], ...]
_VERSION: Final = ("ce_specversion", b"1.0")
_JSON: Final = ("content-type", b"application/json")


def cloud_event(*, id: str, source: str, type: str, time: int) -> Headers:  # noqa: A002 - CloudEvents' names
    """Headers of a public record. ``id`` is a function of what the record is about; ``time``: Unix ms, `ce_time`."""
    return (
        _VERSION,
        ("ce_id", id.encode()),
        ("ce_source", source.encode()),
        ("ce_type", type.encode()),
        ("ce_time", iso_milliseconds(time).encode()),
        _JSON,
    )


def public(
    topic: str, key: bytes, body: msgspec.Struct | bytes, *, event_id: str, source: str, kind: str, at: int
) -> Output:
    """The record of a public topic; see ``cloud_event``. ``body``: to be encoded, or JSON already."""
    value = body if isinstance(body, bytes) else to_json(body)
    return Output(topic, key, value, cloud_event(id=event_id, source=source, type=kind, time=at))
