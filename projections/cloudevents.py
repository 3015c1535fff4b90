"""Records of public topics: JSON bodies with CloudEvents headers (1.0, Kafka protocol binding, binary content mode)."""

import msgspec

from projections.fold import Output
from projections.times import iso

_encode = msgspec.json.Encoder(order="deterministic").encode


def public(topic: str, key: bytes, body: msgspec.Struct, *, event_id: str, source: str, kind: str, at: int) -> Output:
    """``event_id`` is a function of what the record is about; ``kind`` is its `ce_type`; ``at``: Unix ms, `ce_time`."""
    headers = (
        ("ce_specversion", b"1.0"),
        ("ce_id", event_id.encode()),
        ("ce_source", source.encode()),
        ("ce_type", kind.encode()),
        ("ce_time", iso(at).encode()),
        ("content-type", b"application/json"),
    )
    return Output(topic, key, _encode(body), headers)
