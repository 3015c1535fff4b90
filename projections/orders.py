"""The fold `orders`: what each order contributes to its customer, and what Brevo is told of it.

Key `store/order id`. It tells the inner topic `customers` three things: the part of an order whenever it changed (and
its absence to a customer that it left), its record whenever that changed, and its events, each once. What is new for
one customer goes in one message.
"""

from typing import Final

import msgspec

from projections.fold import Input, Output
from projections.mapping import CustomerMapping
from projections.order_papers import OrderEvents, record
from projections.papers import paper
from projections.placement import Look, Told, news
from projections.purchase import Purchase
from projections.reading import digest, encode, of_store, read
from schemas import topics
from schemas.commands import PutOrder, SendEvent
from schemas.facts import OrderFact
from schemas.inner import OrderPapers, OrderPart
from schemas.settings import FoldSettings

CUSTOMERS: Final = "customers"


class OrderState(msgspec.Struct, array_like=True):
    """``customer``: the key it last contributed to; '' while it belongs to nobody (then ``part`` is None).

    ``record``: digest of the record last told, with its customer. ``content``: digest for `order_updated`.
    """

    fetched_at: int = 0
    status: int = 0
    customer: str = ""
    part: OrderPart | None = None
    record: str = ""
    content: str = ""
    told: Told = msgspec.field(default_factory=Told)


class OrdersFold:
    """Pure; see projections.fold.Fold. BadRecord: the store is not configured, or a value cannot be read."""

    name = "orders"
    inputs: tuple[str, ...] = (topics.ORDER,)
    outputs: tuple[str, ...] = (CUSTOMERS,)

    def __init__(self, settings: FoldSettings) -> None:
        self._settings = settings
        self._mappings = {key: CustomerMapping(store.mapping) for key, store in settings.stores.items()}
        self._facts = msgspec.json.Decoder(OrderFact)
        self._states = msgspec.msgpack.Decoder(OrderState)

    def load(self, key: bytes, stored: bytes | None) -> OrderState:
        return OrderState() if stored is None else self._states.decode(stored)

    def dump(self, state: OrderState) -> bytes | None:
        return encode(state) if state.fetched_at else None

    def due(self, state: OrderState) -> int | None:
        return None

    def fold(self, state: OrderState, record: Input) -> tuple[OrderState, list[Output]]:
        if record.value is None:
            return self._deleted(state, record)
        purchase = self._purchase(read(self._facts, record))
        outputs: list[Output] = []
        events: list[SendEvent] = []
        part: OrderPart | None = None
        stale = purchase.fact.fetched_at < state.fetched_at
        if purchase.customer:
            events = _events(state, purchase, stale)
        if not stale:
            outputs, part = _contribute(state, purchase)
            state.fetched_at, state.status = purchase.fact.fetched_at, purchase.order.status_id
        return state, outputs + _papers(state, purchase, stale, part, events)

    def _purchase(self, fact: OrderFact) -> Purchase:
        store = of_store(self._settings.stores, fact.store, f"Order {fact.id}")
        return Purchase(fact, store, self._settings.accounts[store.account], self._mappings[fact.store])

    def _deleted(self, state: OrderState, record: Input) -> tuple[OrderState, list[Output]]:
        """An erased order contributes nothing. Its record at Brevo stays as it was, since nothing is known of it."""
        if record.time < state.fetched_at:
            return state, []
        return OrderState(), _leave(state, record.time)


def _contribute(state: OrderState, purchase: Purchase) -> tuple[list[Output], OrderPart | None]:
    """The part, if it changed, for the customer of now; its absence, if it belonged to another, for that one."""
    outputs = _leave(state, purchase.modified_at) if state.customer != purchase.customer else []
    part = purchase.part() if purchase.customer else None
    changed = part if part and (outputs or part != state.part) else None
    state.customer, state.part = purchase.customer, part
    return outputs, changed


def _leave(state: OrderState, at: int) -> list[Output]:
    if state.part is None:
        return []
    return [_told(state.customer, OrderPart(order_id=state.part.order_id, present=False, modified_at=at))]


def _papers(
    state: OrderState, purchase: Purchase, stale: bool, part: OrderPart | None, events: list[SendEvent]
) -> list[Output]:
    """Part, record and events, to the customer that the order belongs to now."""
    customer = state.customer or purchase.customer
    if not customer:
        return []
    changed = None if stale or not state.customer else _changed_record(state, purchase)
    if changed is None and not events:
        return [_told(customer, part)] if part else []
    told = [paper(event) for event in events]
    filed = paper(changed) if changed else None
    papers = OrderPapers(order_id=purchase.order.id, part=part, record=filed, events=told)
    return [_told(customer, papers)]


def _changed_record(state: OrderState, purchase: Purchase) -> PutOrder | None:
    """The date of the last change alone is no change of the record."""
    wanted = record(purchase)
    wanted.updated_at = 0
    now = digest((state.customer, wanted))
    if now == state.record:
        return None
    state.record, wanted.updated_at = now, purchase.modified_at
    return wanted


def _events(state: OrderState, purchase: Purchase, stale: bool) -> list[SendEvent]:
    """Placement first, then changes and refunds as they happened, then an update that none of them is."""
    told, now = state.told, max(state.fetched_at, purchase.fact.fetched_at)
    found = news(told, _look(state, purchase, now, stale))
    events = OrderEvents(purchase, now)
    placed = events.placed(found.placed_at) if found.placed_at is not None else None
    changes = [event for step in found.steps if (event := events.status_changed(step))]
    told_between = sorted([*changes, *events.refunded(told.refunds)], key=lambda event: event.at)
    updated = None if stale else _update(state, purchase, events)
    return [event for event in (placed, *told_between, updated) if event]


def _update(state: OrderState, purchase: Purchase, events: OrderEvents) -> SendEvent | None:
    content = purchase.content()
    before, state.content = state.content, content
    return events.updated(content) if before and before != content else None


def _look(state: OrderState, purchase: Purchase, now: int, stale: bool) -> Look:
    return Look(
        status=purchase.order.status_id,
        counted=purchase.store.counted_statuses,
        created_at=purchase.created_at,
        modified_at=purchase.modified_at,
        now=now,
        pairs=purchase.fact.status_changes,
        refunded=bool(purchase.fact.refunds),
        unexplained_after=purchase.store.unexplained_after,
        first=not state.fetched_at or _counted_as_nobodys(state, purchase),
        stale=stale,
    )


def _counted_as_nobodys(state: OrderState, purchase: Purchase) -> bool:
    """It was placed while it belonged to nobody, so that nothing was told of it: when, is not known any more."""
    return state.told.status is None and state.status in purchase.store.counted_statuses


def _told(customer: str, message: OrderPart | OrderPapers) -> Output:
    return Output(CUSTOMERS, customer.encode(), encode(message))
