"""Cart and subscriber facts for the tests, with texts as BigCommerce writes them, and readers of what the folds say."""

from collections.abc import Iterable
from typing import Any

import msgspec

from projections.carts import CartsFold
from projections.fold import TICK, Input
from schemas import topics
from schemas.facts import CartFact, CartLifecycle
from schemas.inner import CartPart, CustomerInput
from schemas.requests import LookAgain
from schemas.settings import AccountSettings, CartSettings, FoldSettings, StoreSettings
from tests.projections.orders_made import DAY, HOUR, LIVE, MAPPING, MINUTE, NOON, STORE, iso
from tests.projections.running import Ran, run

CART = "c0ffee00-0000-4000-8000-000000000001"
STEPS = (HOUR, DAY, 3 * DAY)
CUSTOMER = f"{STORE}/7"
GUEST = f"{STORE}/guest:ada@example.com"


def settings(*, carts: CartSettings | None = None, account: dict[str, Any] | None = None, **store: Any) -> FoldSettings:
    shop: dict[str, Any] = {
        "name": "shop",
        "store_hash": STORE,
        "account": "main",
        "mapping": MAPPING,
        "lists": ("all_customers", "buyers", "abandoned_cart"),
        "carts": carts or CartSettings(),
        **store,
    }
    return FoldSettings({STORE: StoreSettings(**shop)}, {"main": AccountSettings("main", **(account or {}))})


def line(product: int = 12, *, quantity: int = 1, price: float = 34.92, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"line-{product}",
        "product_id": product,
        "variant_id": product + 65,
        "sku": f"SKU-{product}",
        "name": f"Cup {product}",
        "url": f"https://shop.example/cup-{product}/",
        "quantity": quantity,
        "list_price": price + 5,
        "sale_price": price,
        "image_url": f"https://cdn.example/{product}.jpg",
        **fields,
    }


def cart(
    *lines: dict[str, Any],
    changed: int = NOON,
    customer: int = 7,
    email: str = "",
    version: int = 1,
    **fields: Any,
) -> dict[str, Any]:
    items = list(lines) if lines else [line()]
    amount = round(sum(each["quantity"] * each["sale_price"] for each in items), 2)
    return {
        "id": CART,
        "customer_id": customer,
        "channel_id": 1,
        "email": email,
        "currency": {"code": "USD"},
        "cart_amount": amount,
        "line_items": {"physical_items": items, "digital_items": [], "custom_items": [], "gift_certificates": []},
        "created_time": iso(NOON),
        "updated_time": iso(changed),
        "version": version,
        **fields,
    }


EMPTY: dict[str, Any] = {"physical_items": [], "digital_items": [], "custom_items": [], "gift_certificates": []}


def fetched(entity: dict[str, Any], at: int, *, live: int | None = LIVE, id: str = CART, **fields: Any) -> Input:  # noqa: A002
    return _fact("cart", at, live, id, entity={**entity, "id": id}, **fields)


def answer(
    entity: dict[str, Any], due: int, at: int | None = None, *, consents: Iterable[str] | None = None, **fields: Any
) -> Input:
    """The fresh look that was asked for. ``consents`` None: no subscriber record was found."""
    found = None if consents is None else {"id": 5, "email": "ada@example.com", "consents": list(consents)}
    at = due + MINUTE if at is None else at
    if found:
        found["date_modified"] = iso(NOON - DAY)
    return fetched(entity, at, requested_due=due, subscriber=found, **fields)


def converted(at: int, order: int = 100, *, id: str = CART) -> Input:  # noqa: A002
    return _fact("converted", at, LIVE, id, order_id=order)


def deleted(at: int, *, id: str = CART) -> Input:  # noqa: A002
    return _fact("deleted", at, LIVE, id)


def tick(at: int) -> Input:
    value = msgspec.json.encode(CartFact(kind="tick", store="", id="", fetched_at=at))
    return Input(topics.CART, TICK, value, at)


def _fact(kind: str, at: int, live: int | None, cart_id: str, **fields: Any) -> Input:
    fact = {"kind": kind, "store": STORE, "id": cart_id, "fetched_at": at, "live_since": live, **fields}
    return Input(topics.CART, f"{STORE}/{cart_id}".encode(), msgspec.json.encode(fact), at)


def subscriber(
    consents: Iterable[str],
    *,
    at: int = NOON,
    email: str = "Ada@Example.com",
    id: int = 5,  # noqa: A002
    store: str = STORE,
    fetched_at: int | None = None,
    live: int | None = LIVE,
    **fields: Any,
) -> Input:
    fact = {
        "store": store,
        "id": str(id),
        "fetched_at": at + MINUTE if fetched_at is None else fetched_at,
        "live_since": live,
        "entity": {"id": id, "email": email, "consents": list(consents), "date_modified": iso(at)},
        **fields,
    }
    return Input(topics.SUBSCRIBER, f"{store}/{id}".encode(), msgspec.json.encode(fact), at)


def parts(ran: Ran) -> list[tuple[str, CartPart]]:
    """(customer, part), in order."""
    decoder: msgspec.msgpack.Decoder[CustomerInput] = msgspec.msgpack.Decoder(CustomerInput)
    found = []
    for output in ran.to("customers"):
        part = decoder.decode(output.value or b"")
        assert isinstance(part, CartPart)
        found.append(((output.key or b"").decode(), part))
    return found


def changes(ran: Ran) -> list[tuple[str, str]]:
    return [(owner, part.change) for owner, part in parts(ran)]


def questions(ran: Ran) -> list[LookAgain]:
    return [msgspec.json.decode(output.value or b"", type=LookAgain) for output in ran.to(topics.REQUEST)]


def stages(ran: Ran) -> list[tuple[str, int]]:
    found = [msgspec.json.decode(output.value or b"", type=CartLifecycle) for output in ran.to(topics.CART_LIFECYCLE)]
    return [(each.stage, each.step) for each in found]


# --- a cart that is left alone ---

FIRST, SECOND, THIRD = NOON + HOUR, NOON + DAY, NOON + 3 * DAY  # when its steps are due
OPENED = [fetched(cart(), NOON + 1000)]
LEFT = [*OPENED, tick(FIRST), answer(cart(), FIRST)]


def folded(*records: Input, states: dict[bytes, bytes] | None = None, **store: Any) -> Ran:
    return run(CartsFold(settings(**store)), records, states)


def due(ran: Ran) -> list[tuple[str, int, str]]:
    """(customer, step, id of the event) of each step that was told."""
    return [
        (owner, part.step, part.event.id if part.event else "") for owner, part in parts(ran) if part.change == "due"
    ]


def last(ran: Ran) -> CartPart:
    return parts(ran)[-1][1]
