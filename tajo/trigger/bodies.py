"""Deliveries as BigCommerce makes them: the data of every documented scope, from the id of the entity it is about.

Outside rules: webhooks.v3.yml and the pages "Webhook Events", "Channel Webhooks", "Inventory and Location Webhooks".
"""

import difflib
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from connectors.bigcommerce.hooks import ALWAYS, NEEDED
from connectors.bigcommerce.scopes import Dirty, Kind, Parts, entity_of, is_id, is_known, parts_of
from tajo.errors import Problem, SettingsError

_PART: Final = 1  # of the entity: an address, a sku, a refund. Nothing is fetched by it
_PART_UUID: Final = "00000000-0000-4000-8000-000000000001"
_STORE_ID: Final = "0"  # the store's number, which only BigCommerce knows and nobody here reads
Data = dict[str, Any]
_Shape = Callable[[int | str, str], Data]  # of an id and the family of its scope


class Asked(NamedTuple):
    """What the command line asked for. ``id``: of the entity that is fetched, as text; '' for the store itself.

    ``order``: which order took a cart. ``status``: (previous, new).
    """

    scope: str
    id: str = ""
    order: int | None = None
    status: tuple[int, int] | None = None


class Made(NamedTuple):
    """A delivery, ready to be signed. ``dirty``: what it makes dirty; None if nothing of its scope is kept."""

    scope: str
    hash: str
    body: bytes
    dirty: Dirty | None


def make(asked: Asked, store_hash: str, now: int) -> Made:
    """``now``: Unix ms of the delivery. Raises SettingsError for what cannot be made of it."""
    _check(asked)
    data = data_of(asked)
    dirty = entity_of(asked.scope, data)
    identity = secrets.token_hex(20)
    body = {
        "producer": f"stores/{store_hash}",
        "hash": identity,
        "created_at": now // 1000,
        "store_id": _STORE_ID,
        "scope": asked.scope,
        "data": data,
    }
    return Made(asked.scope, identity, msgspec.json.encode(body), dirty)


def data_of(asked: Asked) -> Data | list[Data]:
    """The `data` of its body. ``asked.scope`` is a documented one."""
    family, event, channel = _documented(asked.scope)
    number = int(asked.id) if asked.id.isdecimal() else asked.id
    if family == "priceList/records":
        return [{"type": "price_list", "id": number}]
    shapes = _OF_A_CHANNEL if channel else _SHAPES
    data = shapes.get(family, _plain)(number, family)
    if family == "order" and event == "statusUpdated" and asked.status:
        data["status"] = {"previous_status_id": asked.status[0], "new_status_id": asked.status[1]}
    if family == "cart" and event == "couponApplied":
        data["couponId"] = _PART
    if family == "cart" and event == "converted" and asked.order is not None:
        data["orderId"] = asked.order
    return data


def _documented(scope: str) -> Parts:
    parts = parts_of(scope)
    assert parts is not None, f"{scope} was checked"
    return parts


def _plain(number: int | str, family: str) -> Data:
    if family.endswith("metafield"):
        return {"metafield_id": _PART, "resource_id": str(number)}
    return {"type": family.rpartition("/")[2], "id": number}


def _of(kind: str, **more: object) -> _Shape:
    """Names the entity itself."""
    return lambda number, _: {"type": kind, "id": number, **more}


def _part_of(kind: str, path: str, **more: object) -> _Shape:
    """Names a part, and under ``path`` (`address.customer_id`) its entity. ``more`` stands beside that."""
    outer, _, inner = path.rpartition(".")

    def data(number: int | str, _: str) -> Data:
        owner = {inner: number, **more}
        return {"type": kind, "id": _PART, **({outer: owner} if outer else owner)}

    return data


def _named(name: str, **more: object) -> _Shape:
    """Has neither type nor id."""
    return lambda number, _: {name: number, **more}


def _inventory(kind: str) -> _Shape:
    change = {"method": "absolute", "value": 1}
    if kind == "sku":
        return _part_of("sku", "inventory.product_id", **change, variant_id=_PART)
    return lambda number, _: {"type": kind, "id": number, "inventory": {"product_id": number, **change}}


def _transaction(number: int | str, _: str) -> Data:
    about = {"transaction_id": str(_PART), "transaction_status": "complete", "transaction_type": "capture"}
    return {"type": "transaction", "order_id": str(number), **about}


def _shared(number: int | str, family: str) -> Data:
    return {"type": family, "id": _PART, "affected_product_ids": [number]}


def _store(number: int | str, _: str) -> Data:
    return {"type": "store"}


def _line(number: int | str, _: str) -> Data:
    return {"type": "cart_line_item", "id": _PART_UUID, "cartId": number}


_SHAPES: Final[Mapping[str, _Shape]] = {
    "customer/address": _part_of("customer", "address.customer_id"),
    "customer/payment/instrument/default": _of("customer"),
    "customer/channel/login/access": _named("customer_id", channel_ids=[1]),
    "order/message": _of("order", message={"order_message_id": _PART}),
    "order/refund": _of("order", refund={"refund_id": _PART}),
    "order/transaction": _transaction,
    "shipment": _part_of("shipment", "orderId"),
    "cart/lineItem": _line,
    "product/inventory": _inventory("product"),
    "product/inventory/order": _inventory("product"),
    "sku": _part_of("sku", "sku.product_id", variant_id=_PART),
    "sku/inventory": _inventory("sku"),
    "sku/inventory/order": _inventory("sku"),
    "option": _shared,
    "modifier": _shared,
    "information": _store,
    "app": _store,
    "hook": _of("webhook", error_code=90001, message="Non-200 response received, will retry"),
}
_OF_A_CHANNEL: Final[Mapping[str, _Shape]] = {
    "cart": _named("cart_id"),
    "cart/lineItem": _named("cart_id", cart_item_id=_PART_UUID),
    "cart/lineItems": _named("cart_id", cart_item_id=_PART_UUID),
    "order": _named("order_id"),
    "order/message": _named("order_id", order_message_id=_PART),
    "order/refund": _named("order_id", refund_id=_PART),
    "category": _named("category_id", tree_id=_PART),
    "category/product": _named("product_id", category_id=_PART),
    "product": _named("product_id"),
    "inventory/product": _named("product_id", variant_id=_PART, location_id=_PART),
}


# --- what cannot be made ----------------------------------------------------------------------------------------------


def _check(asked: Asked) -> None:
    scope, event = asked.scope, asked.scope.rpartition("/")[2]
    if event == "*":
        raise _wrong("SCOPE", f"{scope!r} is a wildcard, and a delivery is of one event: name it, as {_like(scope)}.")
    if not is_known(scope):
        raise _wrong("SCOPE", f"{scope!r} is no scope that BigCommerce documents; did you mean {_like(scope)}?")
    if scope == "store/app/uninstalled":
        raise _wrong("SCOPE", f"{scope} is believed: the store would be taken for one that has left. Name another.")
    if asked.status and event != "statusUpdated":
        raise _wrong("--status", f"{scope} carries no statuses; only store/order/statusUpdated does.")
    if event == "converted" and asked.order is None:
        raise _wrong(
            "--order", "a conversion is believed, since such a cart cannot be fetched: name the order it became."
        )
    if event != "converted" and asked.order is not None:
        raise _wrong("--order", f"{scope} names no order beside its own; only store/cart/converted does.")
    _check_id(asked)


def _check_id(asked: Asked) -> None:
    """By what the scope would say of an id that suits every kind but a cart, and of one that suits carts."""
    family = _documented(asked.scope).family
    kind: Kind = "cart" if family.startswith("cart") else "order"  # any with numbers
    if family in ("information", "app") or (not asked.id and _needs_none(asked.scope)):
        return
    if not is_id(kind, asked.id):
        wanted = "the cart's UUID" if kind == "cart" else "the id, a positive integer, of the entity that is fetched"
        raise _wrong("--id", f"{asked.id!r} cannot be meant by {asked.scope}: give {wanted}.")


def _needs_none(scope: str) -> bool:
    probe = entity_of(scope, data_of(Asked(scope, "1")))
    return probe is None or probe.id == ""


def _like(scope: str) -> str:
    usual = [*dict.fromkeys(one for needed in NEEDED.values() for one in needed), *ALWAYS]
    close = difflib.get_close_matches(scope, usual, n=1, cutoff=0.3)
    return close[0] if close else "store/customer/updated"


def _wrong(key: str, sentence: str) -> SettingsError:
    return SettingsError([Problem("command line", key, sentence)])
