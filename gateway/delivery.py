"""A delivery on its way from the network into trust.

RawDelivery -> Authentic -> VerifiedDelivery   from BigCommerce: `gateway.trust` has checked secret and signature
Client -> VerifiedDelivery                     told by a client of the control API: `gateway.control.guard` has checked
                                               its token

An Authentic delivery is made by `gateway.trust` only, a Client by the guard only, and one of them is needed to make a
VerifiedDelivery, so whoever holds one knows that it was checked who speaks for the store.
"""

import hashlib
import math
import re
from collections.abc import Collection
from functools import lru_cache
from typing import Annotated, Any, Final

import msgspec

from connectors.bigcommerce.scopes import UnknownScope, entity_of, is_known
from gateway.errors import NotADelivery, StoreNotConfigured, Untrusted, Verdict

SEAL: Final = object()
RETRY_MS: Final = 55_000
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

    ``verdict``: on its signature. ``configured``: all stores that this gateway knows. Made by `gateway.trust` only.
    """

    __slots__ = ("body", "configured", "path_store", "stores", "verdict")

    def __init__(
        self, raw: RawDelivery, verdict: Verdict, stores: frozenset[str], configured: frozenset[str], *, seal: object
    ) -> None:
        if seal is not SEAL:
            raise TypeError("An Authentic delivery is made by gateway.trust, which checks secret and signature.")
        self.body = raw.body
        self.path_store = raw.path_store
        self.verdict = verdict
        self.stores = stores
        self.configured = configured

    def key(self) -> str:
        """The store under which it is filed when its body names none."""
        return self.path_store if self.path_store in self.stores else min(self.stores)


class Client:
    """Who showed a token of this installation, or is on its machine where that is enough. Made by the guard only."""

    __slots__ = ("name",)

    def __init__(self, name: str, *, seal: object) -> None:
        if seal is not SEAL:
            raise TypeError("A Client is made by gateway.control.guard, which checks the token.")
        self.name = name


class VerifiedDelivery:
    """A delivery of a configured store, of a known scope. Made by `parse` and by `told_by` only.

    ``body``: the bytes as they came, or the envelope made around what a client told.
    """

    __slots__ = ("body", "created_at", "hash", "producer", "scope", "store_hash")

    def __init__(self, envelope: "_Envelope", store_hash: str, body: bytes, *, seal: object) -> None:
        if seal is not SEAL:
            raise TypeError(
                "A VerifiedDelivery is made by gateway.delivery.parse, from an Authentic delivery, "
                "or by told_by, from what a Client told."
            )
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
    store_hash = _store_of(envelope.producer)
    if store_hash is None:
        raise NotADelivery("Its producer is not stores/<store hash>: not a delivery of BigCommerce.", stage="decode")
    if store_hash not in authentic.configured:
        raise StoreNotConfigured(
            f"Store {store_hash} is not configured here: add it, or remove its webhooks.", stage="decode"
        )
    if store_hash not in authentic.stores:
        raise Untrusted("store")
    if not is_known(envelope.scope):
        raise UnknownScope(envelope.scope)
    return VerifiedDelivery(envelope, store_hash, authentic.body, seal=SEAL)


@lru_cache(maxsize=1024)
def _store_of(producer: str) -> str | None:
    found = _PRODUCER.fullmatch(producer)
    return found[1] if found is not None else None


class _Age(msgspec.Struct):
    created_at: float = math.inf


_AGE: Final = msgspec.json.Decoder(_Age)


def is_retry(created_at: float, now: int) -> bool:
    """Whether it came so late that an earlier attempt must have failed. Both are Unix ms.

    BigCommerce numbers no attempts, and does not say whether it signs retries anew. An ordinary delivery comes 1 to 4 s
    after its `created_at`, the first retry 60 s after that (docs.bigcommerce.com, webhooks overview).
    """
    return now - created_at >= RETRY_MS


def claimed_time(body: bytes) -> float:
    """The `created_at` of a body that may be no delivery, as Unix ms; infinite if it has none."""
    try:
        return _AGE.decode(body).created_at * 1000
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return math.inf


class _Told(msgspec.Struct, kw_only=True):
    """The envelope around what a client told, as BigCommerce's own but for ``via``."""

    scope: str
    producer: str
    hash: str
    created_at: int
    data: dict[str, Any] | list[Any]
    via: str = "client"


def told_by(
    client: Client,
    scope: str,
    data: dict[str, Any] | list[Any],
    *,
    store_hash: str,
    configured: Collection[str],
    now: int,
) -> VerifiedDelivery:
    """What a client says that happened. ``now``: Unix seconds. Its hash is that of the content: told twice, it is one.

    Raises UnknownScope, WrongShape and StoreNotConfigured; the client can be told, so nothing becomes a dead letter.
    """
    if not isinstance(client, Client):
        raise TypeError("Only a Client can tell what happened.")
    if store_hash not in configured:
        raise StoreNotConfigured(f"Store {store_hash} is not configured here: connect it first.", stage="decode")
    entity_of(scope, data)
    producer = f"stores/{store_hash}"
    content = msgspec.json.encode([scope, producer, data], order="deterministic")
    told = _Told(
        scope=scope, producer=producer, hash=hashlib.sha256(content).hexdigest()[:40], created_at=now, data=data
    )
    envelope = _Envelope(told.scope, told.producer, told.hash, told.created_at, told.data)
    return VerifiedDelivery(envelope, store_hash, msgspec.json.encode(told), seal=SEAL)


def _decoded(body: bytes) -> _Envelope:
    try:
        if not body.isascii():
            body.decode()  # msgspec does not look into the texts of fields that are not kept
        return _DECODER.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        said = "it nests too deeply" if isinstance(error, RecursionError) else str(error)
        raise NotADelivery(f"Not a delivery of BigCommerce: {said}.", stage="decode") from error
