"""Facts as they are written: the entity byte for byte as fetched, in an envelope, with CloudEvents headers.

The envelopes are those of schemas.facts, which name only what folds read; here the entity is kept whole.

`ce_type` is `commerce.<entity>.fetched`, `.deleted` or `.converted`; `ce_time` is the clock time of the request.
"""

from collections.abc import Mapping
from typing import Final, Literal, TypedDict

import msgspec

from projections.cloudevents import cloud_event
from projections.fold import Output
from schemas import topics
from schemas.facts import Cause, Fact, Origin, StatusChange
from schemas.requests import Entity
from streams.enrich.state import Mark, State, SubscriberMemory

TOPIC_OF: Final[Mapping[Entity, str]] = {
    "customer": topics.CUSTOMER,
    "subscriber": topics.SUBSCRIBER,
    "order": topics.ORDER,
    "cart": topics.CART,
    "product": topics.PRODUCT,
    "category": topics.CATEGORY,
}
_encode = msgspec.json.Encoder().encode


class _Entity(Fact, kw_only=True, omit_defaults=True):
    entity: msgspec.Raw
    url: str = ""


class _Order(Fact, kw_only=True, omit_defaults=True):
    entity: msgspec.Raw
    refunds: list[msgspec.Raw]
    status_changes: list[StatusChange]


class _Subscriber(Fact, kw_only=True, omit_defaults=True):
    entity: msgspec.Raw
    withdrawn_at: int | None = None
    deleted: bool = False
    opted_in_at: int | None = None


class _Cart(Fact, kw_only=True, omit_defaults=True):
    kind: Literal["cart", "converted", "deleted"]
    entity: msgspec.Raw | None = None
    order_id: int | None = None
    requested_due: int | None = None
    subscriber: msgspec.Raw | None = None
    subscriber_at: int | None = None
    url: str = ""


class _Common(TypedDict):
    store: str
    id: str
    fetched_at: int
    origin: Origin
    live_since: int | None
    causes: list[Cause]
    causes_count: int
    store_currency: str
    store_country: str


class _Asked(TypedDict):
    requested_due: int | None


class Envelope(msgspec.Struct, frozen=True):
    """What all facts of one fetch have in common. ``mark``: what made us fetch (None: an import or reconcile)."""

    fetched_at: int
    origin: Origin = "webhook"
    mark: Mark | None = None


class Shopper(msgspec.Struct, frozen=True):
    """A subscriber record as it was read with a cart, and since when it has its consents."""

    row: bytes
    since: int | None


class Facts:
    def __init__(self, state: State) -> None:
        self._state = state

    def entity(self, kind: Literal["customer", "product", "category"], id_: str, row: bytes, of: Envelope) -> Output:
        url = "" if kind == "customer" else self._state.info.url
        return self._output(kind, "fetched", _Entity(**self._common(id_, of), entity=msgspec.Raw(row), url=url))

    def tombstone(self, kind: Entity, id_: str, fetched_at: int) -> Output:
        return self._record(kind, id_, "deleted", fetched_at, None)

    def order(self, id_: str, row: bytes, refunds: list[bytes], of: Envelope) -> Output:
        changes = of.mark.changes if of.mark else []
        raw = [msgspec.Raw(refund) for refund in refunds]
        fact = _Order(**self._common(id_, of), entity=msgspec.Raw(row), refunds=raw, status_changes=changes)
        return self._output("order", "fetched", fact)

    def subscriber(self, id_: str, row: bytes, of: Envelope, known: SubscriberMemory) -> Output:
        """``known``: what is remembered of the record from now on."""
        fact = _Subscriber(
            **self._common(id_, of),
            entity=msgspec.Raw(row),
            withdrawn_at=known.withdrawn_at,
            deleted=known.deleted,
            opted_in_at=known.since,
        )
        return self._output("subscriber", "deleted" if known.deleted else "fetched", fact)

    def cart(self, id_: str, row: bytes, of: Envelope, shopper: Shopper | None = None) -> Output:
        fact = _Cart(
            **self._common(id_, of),
            **_asked(of),
            kind="cart",
            entity=msgspec.Raw(row),
            subscriber=msgspec.Raw(shopper.row) if shopper else None,
            subscriber_at=shopper.since if shopper else None,
            url=self._state.info.url,
        )
        return self._output("cart", "fetched", fact)

    def cart_deleted(self, id_: str, of: Envelope) -> Output:
        return self._output("cart", "deleted", _Cart(**self._common(id_, of), **_asked(of), kind="deleted"))

    def cart_converted(self, id_: str, order_id: int, of: Envelope) -> Output:
        fact = _Cart(**self._common(id_, of), **_asked(of), kind="converted", order_id=order_id)
        return self._output("cart", "converted", fact)

    def _common(self, id_: str, of: Envelope) -> _Common:
        info, mark = self._state.info, of.mark
        return {
            "store": self._state.store_hash,
            "id": id_,
            "fetched_at": of.fetched_at,
            "origin": of.origin,
            "live_since": info.live_since,
            "causes": mark.causes if mark else [],
            "causes_count": mark.causes_count if mark else 0,
            "store_currency": info.currency,
            "store_country": info.country,
        }

    def _output(self, kind: Entity, what: str, fact: Fact) -> Output:
        return self._record(kind, fact.id, what, fact.fetched_at, _encode(fact))

    def _record(self, kind: Entity, id_: str, what: str, fetched_at: int, value: bytes | None) -> Output:
        store = self._state.store_hash
        headers = cloud_event(
            id=f"{kind}/{id_}/{fetched_at}/{what}",
            source=f"stores/{store}",
            type=f"commerce.{kind}.{what}",
            time=fetched_at,
        )
        return Output(TOPIC_OF[kind], f"{store}/{id_}".encode(), value, headers)


def _asked(of: Envelope) -> _Asked:
    return {"requested_due": of.mark.asked_due if of.mark else None}


def envelope(fetched_at: int, mark: Mark) -> Envelope:
    """Of what a mark made us fetch."""
    asked_only = (mark.asked_due is not None or mark.requested) and not mark.causes
    return Envelope(fetched_at=fetched_at, origin="request" if asked_only else "webhook", mark=mark)
