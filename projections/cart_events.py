"""What is said of a cart: to its customer, to the store's owner, to whoever makes figures, and the events for Brevo."""

from typing import Final
from urllib.parse import urlsplit

from projections.cart import CartState, Line, Look
from projections.cloudevents import public
from projections.fold import Output
from projections.occasions import AGE_LIMIT, channel_name, is_due
from projections.reading import encode
from projections.subscribers import consents_since, source_id
from projections.times import iso
from schemas import money, topics
from schemas.commands import SendEvent
from schemas.facts import CartFact, CartLifecycle
from schemas.inner import CartPart, Statement
from schemas.requests import LookAgain
from schemas.settings import StoreSettings

CUSTOMERS: Final = "customers"
CREATED: Final = "store/cart/created"
UPDATED: Final = "store/cart/updated"
ABANDONED: Final = "store/cart/abandoned"
_MINUTE: Final = 60_000


def told(owner: str, part: CartPart) -> Output:
    return Output(CUSTOMERS, owner.encode(), encode(part))


def question(state: CartState, cart_id: str, due: int, now: int) -> Output:
    """Asks the store's owner to look at the cart again (design: verify before firing)."""
    request = LookAgain(store=state.store, cart_id=cart_id, due=due, at=now, attempt=state.asks)
    occasion = f"cart:{state.store}/{cart_id}:{due}:{state.asks}"
    return public(
        topics.REQUEST,
        state.store.encode(),
        request,
        event_id=occasion,
        source="tajo/carts",
        kind="tajo.request.cart",
        at=now,
    )


def lifecycle(state: CartState, cart_id: str, stage: str, at: int, order_id: int | None = None) -> Output:
    key = f"{state.store}/{cart_id}"
    body = CartLifecycle(
        store=state.store,
        cart_id=cart_id,
        stage=stage,  # type: ignore[arg-type]  # one of the stages, as the callers write them
        at=at,
        changed_at=state.changed_at,
        step=state.reached,
        order_id=order_id,
        total=money.text(state.total),
        currency=state.currency,
        channel=state.channel,
        guest=state.guest,
    )
    occasion = f"{stage}:{key}:{state.changed_at}:{state.reached}"
    kind = f"commerce.cart.{stage.replace(' ', '_')}"
    return public(
        topics.CART_LIFECYCLE, key.encode(), body, event_id=occasion, source=f"stores/{state.store}", kind=kind, at=at
    )


def statement(fact: CartFact) -> Statement | None:
    """What the shopper's subscriber record said at the fresh look, when it is opted in to anything."""
    record = fact.subscriber
    if record is None or not record.consents:
        return None
    return Statement(
        source=source_id(fact.store, record.id),
        store=fact.store,
        at=consents_since(record, fact.subscriber_at, fact.fetched_at),
        consents=sorted(record.consents),
        live_since=fact.live_since,
    )


def changed(state: CartState, seen: Look, fact: CartFact, store: StoreSettings) -> SendEvent | None:
    """`cart_created` once, else `cart_updated`, one a minute: only those listed in `webhooks`, and only when due."""
    first, state.created_told = not state.created_told, True
    minute, before = state.changed_at // _MINUTE, state.updated_minute
    state.updated_minute = minute
    name = store.events.get(CREATED if first else UPDATED)
    at = seen.created_at if first else state.changed_at
    if not name or not is_due(at, live_since=fact.live_since, fetched_at=fact.fetched_at):
        return None
    if not first and minute <= before:
        return None
    cart = f"{store.name}:{seen.id}"
    occasion = f"cart_created:{cart}" if first else f"cart_updated:{cart}:{minute}"
    return _event(store, state, occasion, name, at, _properties(state, seen, fact, step=0))


def abandoned(state: CartState, seen: Look, fact: CartFact, store: StoreSettings, due: int) -> SendEvent:
    """``state.reached`` is the step that is told."""
    occasion = f"cart_abandoned:{store.name}:{seen.id}:{state.changed_at}:{state.reached}"
    own = _properties(state, seen, fact, step=state.reached)
    return _event(store, state, occasion, store.events.get(ABANDONED, "cart_abandoned"), due, own)


def recovered(state: CartState, store: StoreSettings, cart_id: str, order_id: int, at: int) -> SendEvent:
    """Ends a series that was started, so it is resent when in doubt. The contact knows which step it was told last."""
    own: dict[str, object] = {
        "cart_id": cart_id,
        "order_id": str(order_id),
        "step": state.reached,
        "total": money.number(state.total),
        "currency": state.currency,
    }
    occasion = f"cart_recovered:{store.name}:{cart_id}:{state.reached_at}"
    event = _event(store, state, occasion, "cart_recovered", at, own)
    event.in_doubt, event.expires_at = "resend", None
    return event


def _event(
    store: StoreSettings, state: CartState, occasion: str, name: str, at: int, own: dict[str, object]
) -> SendEvent:
    common = {"tajo_id": occasion, "store": store.name, "channel": channel_name(store, state.channel)}
    return SendEvent(
        id=occasion,
        email="",
        name=name,
        at=at,
        properties=common | own,
        in_doubt="hold",
        expires_at=at + AGE_LIMIT,
        may_reach_blocklisted=False,
    )


def _properties(state: CartState, seen: Look, fact: CartFact, *, step: int) -> dict[str, object]:
    lines = seen.lines()
    return {
        "cart_id": seen.id,
        "step": step,
        "last_changed_at": iso(state.changed_at),
        "recovery_url": _recovery_url(lines, fact),
        "total": money.number(seen.total),
        "currency": seen.currency,
        "items": [_item(line) for line in lines],
    }


def _recovery_url(lines: list[Line], fact: CartFact) -> str:
    """The storefront's cart page, which shows the cart in the browser that owns it; BigCommerce gives carts no link."""
    base = fact.url
    for line in lines:
        parts = urlsplit(line.url)
        if not base and parts.scheme in ("http", "https") and parts.netloc:
            base = f"{parts.scheme}://{parts.netloc}"
    return f"{base.rstrip('/')}/cart.php" if base else ""


def _item(line: Line) -> dict[str, object]:
    return {
        "product_id": line.product_id,
        "variant_id": line.variant_id,
        "sku": line.sku,
        "name": line.name,
        "quantity": line.quantity,
        "price": money.number(line.price),
        "url": line.url,
        "image": line.image,
    }
