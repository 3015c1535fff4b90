"""What the gateway writes to the log: a delivery as it came, or a dead letter, with their headers.

Headers are those of CloudEvents' Kafka binding in binary mode, and for dead letters those of Kafka Connect. Record
times are of the real clock, since brokers refuse records from their future and cut topics by them.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from gateway.delivery import Authentic, VerifiedDelivery
from schemas import topics
from schemas.errors import BadRecord

_CONNECT = "__connect.errors."


class Record(msgspec.Struct, frozen=True, array_like=True):
    """``topic``: the logical name. ``timestamp``: Unix ms."""

    topic: str
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]
    timestamp: int

    def size(self) -> int:
        """Roughly, in bytes; what the limits of memory and spool are counted in."""
        return 200 + len(self.key) + len(self.value) + sum(len(name) + len(value) for name, value in self.headers)


def webhook_record(delivery: VerifiedDelivery, event_names: Mapping[str, str]) -> Record:
    """The delivery, byte for byte, under its store's hash, so that one owner reads all of a store."""
    happened = datetime.fromtimestamp(delivery.created_at // 1000, UTC)
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", delivery.hash.encode()),
        ("ce_source", delivery.producer.encode()),
        ("ce_type", event_names.get(delivery.scope, delivery.scope).encode()),
        ("ce_time", happened.strftime("%Y-%m-%dT%H:%M:%SZ").encode()),
        ("content-type", b"application/json"),
    ]
    return Record(topics.WEBHOOK, delivery.store_hash.encode(), delivery.body, headers, _now())


def dead_record(authentic: Authentic, error: BadRecord) -> Record:
    """What is authentic but of no use. It came over HTTP, so it has no partition and offset to tell."""
    now = _now()
    headers = [
        (_CONNECT + "topic", topics.WEBHOOK.encode()),
        (_CONNECT + "stage", error.stage.encode()),
        (_CONNECT + "exception.class.name", type(error).__name__.encode()),
        (_CONNECT + "exception.message", str(error).encode(errors="replace")),
        ("attempts", b"1"),
        ("first_failed_at", b"%d" % now),
    ]
    return Record(topics.dead(topics.WEBHOOK), authentic.key().encode(), authentic.body, headers, now)


def _now() -> int:
    return time.time_ns() // 1_000_000
