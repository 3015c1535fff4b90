"""Records to typed values and typed values to digests: what every fold does first and last."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Protocol, TypeVar

import msgspec

from projections.fold import Input
from schemas.errors import BadRecord

T = TypeVar("T", covariant=True)
S = TypeVar("S")
_ENCODER = msgspec.msgpack.Encoder(order="deterministic")
_JSON = msgspec.json.Encoder(order="deterministic")


class Decoder(Protocol[T]):
    def decode(self, buf: bytes, /) -> T:
        """Raises msgspec.DecodeError."""


def read(decoder: Decoder[T], record: Input) -> T:
    """The value of a record that is no tombstone. Raises BadRecord (stage `decode`)."""
    if record.value is None:
        raise BadRecord(f"{record.topic} {record.key!r} has no value where one is needed.", stage="decode")
    try:
        return decoder.decode(record.value)
    except msgspec.DecodeError as error:
        raise BadRecord(
            f"{record.topic} {record.key!r} is not what that topic holds: {error}. Fetch the entity again.",
            stage="decode",
        ) from error


def of_store(stores: Mapping[str, S], store_hash: str, what: str) -> S:
    """What there is for a store. ``what``: the record, for the message. Raises BadRecord if it is not configured."""
    found = stores.get(store_hash)
    if found is None:
        raise BadRecord(f"{what} is of store {store_hash!r}, which is not configured; add it to `stores`.")
    return found


def encode(value: object) -> bytes:
    """msgpack with sorted keys, so that equal values have equal bytes."""
    return _ENCODER.encode(value)


def to_json(value: object) -> bytes:
    """JSON with sorted keys, as public topics carry it."""
    return _JSON.encode(value)


def digest(value: object) -> str:
    """16 hex digits that differ whenever ``value`` does."""
    return blake2b(_ENCODER.encode(value), digest_size=8).hexdigest()
