"""Facts and settings for the tests of `orders` and `customers`, with texts and dates as BigCommerce writes them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import msgspec

from projections.fold import Input, Output
from projections.times import iso
from schemas import topics
from schemas.commands import Command, SendEvent
from schemas.inner import CartTold, ContactInput, CustomerInput, OrderPapers, Paper, Papers
from schemas.settings import AccountSettings, FoldSettings, StoreSettings

STORE = "h1"
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NOON = 1_786_447_800_000  # a whole second
LIVE = NOON - 30 * DAY

MAPPING = (
    ("email", "email"),
    ("first_name", "FIRSTNAME"),
    ("last_name", "LASTNAME"),
    ("phone", "SMS"),
    ("company", "COMPANY"),
    ("addresses[0].city", "CITY"),
    ("addresses[0].state", "STATE"),
    ("addresses[0].country", "COUNTRY"),
    ("addresses[0].zip", "ZIP"),
    ("orders_count", "ORDER_COUNT"),
    ("total_spent", "TOTAL_SPENT"),
    ("date_created", "SIGNUP_DATE"),
    ("customer_group_id", "CUSTOMER_GROUP"),
)
EVENTS = {
    "store/customer/created": "customer_created",
    "store/customer/updated": "customer_updated",
    "store/order/updated": "order_updated",
}


def settings(account: dict[str, Any] | None = None, **store: Any) -> FoldSettings:
    shop = {"name": "shop", "store_hash": STORE, "account": "main", "mapping": MAPPING, "events": EVENTS, **store}
    return FoldSettings({STORE: StoreSettings(**shop)}, {"main": AccountSettings("main", **(account or {}))})


def rfc2822(moment: int) -> str:
    return format_datetime(datetime.fromtimestamp(moment / 1000, UTC))


def billing(**fields: str) -> dict[str, str]:
    return {
        "first_name": "Ada",
        "last_name": "Byron",
        "company": "",
        "street_1": "1 Main St",
        "street_2": "",
        "city": "Austin",
        "state": "Texas",
        "zip": "78701",
        "country": "United States",
        "country_iso2": "US",
        "phone": "512-555-0143",
        "email": "Ada@Example.com ",
        **fields,
    }


def order(status: int = 11, *, id: int = 100, customer: int = 7, created: int = NOON, **fields: Any) -> dict[str, Any]:  # noqa: A002
    modified = fields.pop("modified", created)
    line = {"id": 1, "product_id": 12, "variant_id": 77, "name": "Cup", "sku": "CUP", "quantity": 2}
    return {
        "id": id,
        "customer_id": customer,
        "status_id": status,
        "date_created": rfc2822(created),
        "date_modified": rfc2822(modified),
        "total_inc_tax": "69.8400",
        "currency_code": "USD",
        "default_currency_code": "USD",
        "billing_address": billing(),
        "channel_id": 1,
        "consignments": {"shipping": [{"line_items": [{**line, "price_inc_tax": "34.9200"}]}]},
        **fields,
    }


def order_fact(
    entity: dict[str, Any],
    *,
    fetched: int | None = None,
    live: int | None = LIVE,
    pairs: Iterable[tuple[str, int, int, int]] = (),
    refunds: Iterable[tuple[int, int, Any]] = (),
) -> Input:
    """``pairs``: (hash, created_at, previous, new); ``refunds``: (id, created, amount)."""
    fetched = NOON + MINUTE if fetched is None else fetched
    fact = {
        "store": STORE,
        "id": str(entity["id"]),
        "fetched_at": fetched,
        "live_since": live,
        "store_currency": "USD",
        "store_country": "US",
        "entity": entity,
        "refunds": [{"id": n, "created": iso(at), "total_amount": amount} for n, at, amount in refunds],
        "status_changes": [dict(zip(("hash", "created_at", "previous", "new"), pair, strict=True)) for pair in pairs],
    }
    return Input(topics.ORDER, f"{STORE}/{entity['id']}".encode(), msgspec.json.encode(fact), fetched)


def customer(email: str = "Ada@Example.com", *, id: int = 7, created: int = NOON, **fields: Any) -> dict[str, Any]:  # noqa: A002
    modified = fields.pop("modified", created)
    return {
        "id": id,
        "email": email,
        "first_name": "Ada",
        "last_name": "Byron",
        "company": "",
        "phone": "512-555-0143",
        "customer_group_id": 0,
        "date_created": iso(created),
        "date_modified": iso(modified),
        "origin_channel_id": 1,
        "addresses": [
            {
                "city": "Austin",
                "state_or_province": "Texas",
                "postal_code": "78701",
                "country": "United States",
                "country_code": "US",
            }
        ],
        **fields,
    }


def customer_fact(
    entity: dict[str, Any],
    *,
    fetched: int | None = None,
    live: int | None = LIVE,
    causes: Iterable[tuple[str, int]] = (),
) -> Input:
    """``causes``: (hash, created_at)."""
    fetched = NOON + MINUTE if fetched is None else fetched
    fact = {
        "store": STORE,
        "id": str(entity["id"]),
        "fetched_at": fetched,
        "live_since": live,
        "store_country": "US",
        "causes": [{"scope": "store/customer/updated", "hash": name, "created_at": at} for name, at in causes],
        "entity": entity,
    }
    return Input(topics.CUSTOMER, f"{STORE}/{entity['id']}".encode(), msgspec.json.encode(fact), fetched)


def inner(key: str, message: CustomerInput, time: int = NOON) -> Input:
    return Input("customers", key.encode(), msgspec.msgpack.encode(message), time)


def to_customers(outputs: Iterable[Output]) -> list[tuple[str, CustomerInput]]:
    """(customer key, message) of everything said to `customers`; a part that came with papers stands before them."""
    return _apart(outputs, "customers", msgspec.msgpack.Decoder(CustomerInput), "part")


def to_contacts(outputs: Iterable[Output]) -> list[tuple[str, ContactInput]]:
    """(contact key, message) of everything said to `contacts`; a contribution that came with papers before them."""
    return _apart(outputs, "contacts", msgspec.msgpack.Decoder(ContactInput), "contribution")


def _apart(outputs: Iterable[Output], topic: str, decoder: Any, carried: str) -> list[tuple[str, Any]]:
    """``carried``: the field of papers with what came along."""
    said: list[tuple[str, Any]] = []
    for output in outputs:
        if output.topic == topic and output.key and output.value:
            message = decoder.decode(output.value)
            if isinstance(message, OrderPapers | Papers) and (first := getattr(message, carried)):
                said.append((output.key.decode(), first))
                setattr(message, carried, None)
            said.append((output.key.decode(), message))
    return said


def written(paper: Paper) -> Any:
    """The command that a paper holds."""
    return msgspec.json.decode(paper.command, type=Command)


def events(outputs: Iterable[Output]) -> list[SendEvent]:
    """The one-shots among the outputs of either fold, in order."""
    outputs = list(outputs)
    found: list[SendEvent] = []
    for _, message in [*to_customers(outputs), *to_contacts(outputs)]:
        if isinstance(message, OrderPapers | Papers):
            found += map(written, message.events)
        elif isinstance(message, CartTold) and message.part.event:
            found.append(message.part.event)
    return found


def ids(outputs: Iterable[Output]) -> list[str]:
    return [event.id for event in events(outputs)]
