"""What the gateway writes to the log: a webhook as it came, or a dead letter, with their headers.

Headers are those of CloudEvents' Kafka binding in binary mode, and for dead letters those of Kafka Connect. Record
times are of the real clock, since brokers refuse records from their future and cut topics by them.
"""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b

import msgspec

from gateway.delivery import VerifiedDelivery
from schemas import topics
from schemas.brevo_events import Event
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
        return 200 + len(self.key) + len(self.value) + 32 * len(self.headers)


def webhook_record(delivery: VerifiedDelivery, event_names: Mapping[str, str]) -> Record:
    """The delivery, byte for byte, under its store's hash, so that one owner reads all of a store."""
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", delivery.hash.encode()),
        ("ce_source", delivery.producer.encode()),
        ("ce_type", event_names.get(delivery.scope, delivery.scope).encode()),
        ("ce_time", _written(delivery.created_at // 1000)),
        ("content-type", b"application/json"),
    ]
    return Record(topics.WEBHOOK, delivery.store_hash.encode(), delivery.body, headers, _now())


def event_record(account: str, body: bytes, events: Sequence[Event]) -> Record:
    """Brevo's webhook, byte for byte, under the account's name. Brevo gives it no id: equal bodies have equal ones.

    ``events``: what is in it. Without a time of its own (a batch has several) none is claimed.
    """
    single = events[0] if len(events) == 1 else None
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", blake2b(body, digest_size=16, person=b"brevo.event.v1").hexdigest().encode()),
        ("ce_source", f"brevo/{account}".encode()),
        ("ce_type", f"brevo.event.{single.name[:100] if single else 'batch'}".encode(errors="replace")),
        ("content-type", b"application/json"),
    ]
    if single is not None and single.at is not None:
        headers.append(("ce_time", _written(single.at // 1000)))
    return Record(topics.BREVO_EVENT, account.encode(), body, headers, _now())


def dead_record(topic: str, key: str, body: bytes, error: BadRecord) -> Record:
    """What is authentic but of no use. It came over HTTP, so it has no partition and offset to tell."""
    now = _now()
    headers = [
        (_CONNECT + "topic", topic.encode()),
        (_CONNECT + "stage", error.stage.encode()),
        (_CONNECT + "exception.class.name", type(error).__name__.encode()),
        (_CONNECT + "exception.message", str(error).encode(errors="replace")),
        ("attempts", b"1"),
        ("first_failed_at", b"%d" % now),
    ]
    return Record(topics.dead(topic), key.encode(), body, headers, now)


@lru_cache(maxsize=1024)
def _written(moment: int) -> bytes:
    """``moment``: Unix seconds; many deliveries have the same."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ").encode()


def _now() -> int:
    return time.time_ns() // 1_000_000
