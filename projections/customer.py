"""The state of one customer, registered or guest, and what it contributes to a contact."""

from typing import NamedTuple

import msgspec

from projections.identity import GUEST
from schemas.commands import Value
from schemas.inner import CartPart, Contribution, OrderPapers, OrderPart
from schemas.settings import StoreSettings


class Source(NamedTuple):
    """``id``: `store hash/customer id`, or `store hash/guest:e-mail`.

    ``guest``: a guest's e-mail, which is its whole identity; '' for a registered customer.
    """

    id: str
    store: StoreSettings
    guest: str = ""

    @classmethod
    def of(cls, store: StoreSettings, who: str) -> "Source":
        """``who``: what stands behind the store's hash."""
        return cls(f"{store.store_hash}/{who}", store, who.removeprefix(GUEST) if who.startswith(GUEST) else "")


class Held(msgspec.Struct, array_like=True):
    """What waits for the e-mail of a registered customer whose own fact has not come yet: nothing is dropped."""

    papers: dict[str, OrderPapers] = {}
    carts: dict[str, list[CartPart]] = {}


class Customer(msgspec.Struct, array_like=True):
    """``known``: its own fact, or its deletion, has been seen. ``orders``: each one's part. ``carts``: open ones.

    ``contact``: the e-mail whose contact was told of it last, ``told``: digest of that contribution. ``changed_at``: of
    the profile, Unix ms.
    """

    email: str = ""
    known: bool = False
    deleted: bool = False
    fetched_at: int = 0
    changed_at: int = 0
    historical: bool = True
    attributes: dict[str, Value] = {}
    phone: str | None = None
    channel: int | None = None
    orders: dict[str, OrderPart] = {}
    carts: dict[str, CartPart] = {}
    held: Held = msgspec.field(default_factory=Held)
    contact: str = ""
    told: str = ""
    moved_from: str = ""
    moved_at: int = 0

    @property
    def contributes(self) -> bool:
        """Whether there is anything to say of it: a registered customer always, a guest by its orders and carts."""
        return bool(self.known or self.orders or self.carts)

    @property
    def empty(self) -> bool:
        return not (self.contributes or self.held.papers or self.held.carts)

    @property
    def newest(self) -> OrderPart | None:
        return max(self.orders.values(), key=lambda part: (part.created_at, part.order_id), default=None)

    def profile(self) -> tuple[str, dict[str, Value], str | None]:
        return self.email, self.attributes, self.phone

    def current_email(self, source: Source) -> str:
        """'' while it is not known. A customer without one (erased before it was seen) has its newest order's."""
        if source.guest or not self.known or self.email:
            return source.guest or self.email
        newest = max(
            (part for part in self.orders.values() if part.email),
            key=lambda part: (part.created_at, part.order_id),
            default=None,
        )
        return newest.email if newest else ""

    def delete(self, at: int) -> None:
        """The orders stay counted and the e-mail says for whom; nothing else of the person is kept."""
        self.known, self.deleted, self.historical = True, True, False
        self.fetched_at = self.changed_at = at
        self.attributes, self.phone, self.channel = {}, None, None

    def take_order(self, part: OrderPart) -> None:
        if part.present:
            self.orders[str(part.order_id)] = part
        else:
            self.orders.pop(str(part.order_id), None)

    def take_cart(self, part: CartPart) -> None:
        """Only that it is open is kept; what it had to tell is told."""
        if part.change in ("open", "due"):
            self.carts[part.cart_id] = CartPart(
                cart_id=part.cart_id, change="open", at=part.at, changed_at=part.changed_at, channel=part.channel
            )
        else:
            self.carts.pop(part.cart_id, None)

    def hold(self, messages: list[OrderPapers | CartPart]) -> None:
        """By order and by cart, so that it does not matter which of them came first."""
        for message in messages:
            if isinstance(message, CartPart):
                self.held.carts.setdefault(message.cart_id, []).append(message)
            else:
                order_id = str(message.order_id)
                earlier = self.held.papers.get(order_id, message)
                events = [] if earlier is message else earlier.events
                record = message.record or earlier.record
                merged = OrderPapers(order_id=message.order_id, record=record, events=events + message.events)
                self.held.papers[order_id] = merged

    def release(self, messages: list[OrderPapers | CartPart]) -> list[OrderPapers | CartPart]:
        """What was held, orders first and carts in the order of time, then ``messages``."""
        if not (self.held.papers or self.held.carts):
            return messages
        held, self.held = self.held, Held()
        papers = sorted(held.papers.values(), key=lambda p: p.order_id)
        carts = sorted((part for parts in held.carts.values() for part in parts), key=lambda p: (p.at, p.cart_id))
        return [*papers, *carts, *messages]

    def contribution(self, source: Source) -> Contribution:
        """All that it says about its contact, as a whole."""
        parts = sorted(self.orders.values(), key=lambda part: part.order_id)
        counted = [part for part in parts if part.counted]
        opted_in = max((p for p in parts if p.opted_in_at is not None), key=lambda p: p.opted_in_at or 0, default=None)
        attributes, phone, changed_at = self._told_profile(source)
        return Contribution(
            source=source.id,
            store=source.store.store_hash,
            registered=not source.guest,
            deleted=self.deleted,
            rank=source.store.rank,
            changed_at=changed_at,
            attributes=attributes,
            phone=phone,
            orders=len(counted),
            known_orders=len(parts),
            reporting=sum(part.reporting or 0 for part in counted),
            totals=_unconverted(counted),
            channels=self._channels(parts),
            opted_in_at=opted_in.opted_in_at if opted_in else None,
            historical=self._is_history(source, parts),
            moved_from=self.moved_from,
            moved_at=self.moved_at,
            opted_in_live=bool(opted_in and opted_in.opted_in_live),
            buyer_channels=sorted({part.channel for part in counted}),
        )

    def _told_profile(self, source: Source) -> tuple[dict[str, Value], str | None, int]:
        """A guest's profile is that of its newest order."""
        if not source.guest:
            return self.attributes, self.phone, self.changed_at
        newest = self.newest
        if newest is None:
            return {}, None, max((cart.at for cart in self.carts.values()), default=0)
        if newest.guest is None:
            return {}, None, newest.created_at
        return newest.guest.attributes, newest.guest.phone, newest.created_at

    def _channels(self, parts: list[OrderPart]) -> list[int]:
        own = set() if self.channel is None else {self.channel}
        return sorted(own | {part.channel for part in parts})

    def _is_history(self, source: Source, parts: list[OrderPart]) -> bool:
        own = bool(parts) if source.guest else self.historical
        return own and all(part.historical for part in parts)


def _unconverted(counted: list[OrderPart]) -> dict[str, int]:
    """Per currency as paid, of the orders that no rate leads to the reporting currency."""
    totals: dict[str, int] = {}
    for part in counted:
        if part.reporting is None:
            totals[part.currency] = totals.get(part.currency, 0) + part.net
    return dict(sorted(totals.items()))
