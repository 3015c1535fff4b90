"""A delivery on its way from the network into trust: RawDelivery -> Authentic -> VerifiedDelivery.

Only `gateway.trust` makes an Authentic one, and only an Authentic one can be parsed, so whoever holds a
VerifiedDelivery knows that the secret, the signature and the store have been checked.
"""

import re
from typing import Annotated, Any, Final

import msgspec

from connectors.bigcommerce.scopes import UnknownScope, is_known
from gateway.errors import NotADelivery, StoreNotConfigured, Untrusted

SEAL: Final = object()
_PRODUCER: Final = re.compile(r"stores/([0-9A-Za-z]{1,64})")


class RawDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """What came over the network, believed by nobody. Header values are bytes; None where the header is missing."""

    body: bytes
    path_store: str | None = None
    secret: bytes | None = None
    webhook_id: bytes | None = None
    timestamp: bytes | None = None
    signature: bytes | None = None

    def __repr__(self) -> str:
        return f"RawDelivery(path_store={self.path_store!r}, body={len(self.body)} bytes)"


class Authentic:
    """A body that came with the secret of ``stores``, and no signature that speaks against them.

    ``configured``: all stores that this gateway knows. Made by `gateway.trust` only.
    """

    __slots__ = ("body", "configured", "path_store", "stores")

    def __init__(self, raw: RawDelivery, stores: frozenset[str], configured: frozenset[str], *, seal: object) -> None:
        if seal is not SEAL:
            raise TypeError("An Authentic delivery is made by gateway.trust, which checks secret and signature.")
        self.body = raw.body
        self.path_store = raw.path_store
        self.stores = stores
        self.configured = configured

    def key(self) -> str:
        """The store under which it is filed when its body names none."""
        return self.path_store if self.path_store in self.stores else min(self.stores)


class VerifiedDelivery:
    """A delivery of a configured store, of a known scope. ``body``: the bytes as they came. Made by `parse` only."""

    __slots__ = ("body", "created_at", "hash", "producer", "scope", "store_hash")

    def __init__(self, envelope: "_Envelope", store_hash: str, body: bytes, *, seal: object) -> None:
        if seal is not SEAL:
            raise TypeError("A VerifiedDelivery is made by gateway.delivery.parse, from an Authentic delivery.")
        self.body = body
        self.store_hash = store_hash
        self.producer = envelope.producer
        self.scope = envelope.scope
        self.hash = envelope.hash
        self.created_at = envelope.created_at * 1000  # Unix ms, of a resolution of one second


class _Envelope(msgspec.Struct):
    """webhooks.v3.yml, `webhook_callback_base`; `data` is an array for some price-list scopes."""

    scope: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    producer: Annotated[str, msgspec.Meta(max_length=200)]
    hash: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    created_at: Annotated[int, msgspec.Meta(ge=0, lt=253_402_300_800)]  # Unix seconds, before the year 10000
    data: dict[str, Any] | list[Any]


_DECODER: Final = msgspec.json.Decoder(_Envelope)


def parse(authentic: Authentic) -> VerifiedDelivery:
    """Reads the envelope and checks the store by `producer`.

    Raises NotADelivery, UnknownScope or StoreNotConfigured for what is authentic but of no use, and Untrusted when the
    body speaks for a configured store with the secret of another.
    """
    envelope = _decoded(authentic.body)
    found = _PRODUCER.fullmatch(envelope.producer)
    if found is None:
        raise NotADelivery("Its producer is not stores/<store hash>: not a delivery of BigCommerce.", stage="decode")
    store_hash = found[1]
    if store_hash not in authentic.configured:
        raise StoreNotConfigured(
            f"Store {store_hash} is not configured here: add it, or remove its webhooks.", stage="decode"
        )
    if store_hash not in authentic.stores:
        raise Untrusted("store")
    if not is_known(envelope.scope):
        raise UnknownScope(envelope.scope)
    return VerifiedDelivery(envelope, store_hash, authentic.body, seal=SEAL)


def _decoded(body: bytes) -> _Envelope:
    try:
        return _DECODER.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        said = "it nests too deeply" if isinstance(error, RecursionError) else str(error)
        raise NotADelivery(f"Not a delivery of BigCommerce: {said}.", stage="decode") from error
