"""The scopes of BigCommerce's webhooks, and which entity each makes dirty.

Outside rules: the API description (webhooks.v3.yml) and the pages "Webhook Events", "Channel Webhooks" and
"Inventory and Location Webhooks". Dispatch is by scope, never by `data.type`: a line item calls itself `cart` or
`cart_line_item`. A scope is `store/<family>/<event>`, or `store/channel/<id or *>/<family>/<event>`. Wildcards
(`store/cart/*`) are understood when a delivery carries one; they are never registered.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

import msgspec

from schemas.errors import BadRecord

Kind = Literal["customer", "subscriber", "order", "cart", "product", "category", "channel", "store", "app", "hook"]


class Dirty(msgspec.Struct, frozen=True, omit_defaults=True):
    """What has to be fetched again. ``id`` is plain text, empty for `store` and `app`, of which there is one.

    ``order_id``: the order that took a cart. ``status``: (previous, new) of a status change.
    ``further``: more ids of the same kind; options and modifiers are shared by products.
    """

    kind: Kind
    id: str = ""
    order_id: int | None = None
    status: tuple[int, int] | None = None
    further: tuple[str, ...] = ()


class UnknownScope(BadRecord):
    """The scope is none of BigCommerce's."""

    def __init__(self, scope: str) -> None:
        super().__init__(
            f"{scope[:120]!r} is not a scope that BigCommerce documents: remove the webhook, or look for a newer tajo.",
            stage="decode",
        )


class WrongShape(BadRecord):
    """The data of a delivery are not as BigCommerce documents them for its scope."""

    def __init__(self, scope: str, found: str, expected: str) -> None:
        said = f"The data of a {scope} delivery hold {found}, expected is {expected}: look for a newer tajo."
        super().__init__(said, stage="decode")


class _Rule(NamedTuple):
    """``kind`` None: nothing of it is kept here. ``paths``: where the id stands, the first that is there counts."""

    kind: Kind | None
    paths: tuple[str, ...] = ()
    events: str = "created updated deleted"


_NOTHING: Final = _Rule(None)
_SEVERAL: Final = "affected_product_ids"
_ORDER: Final = ("order_id", "orderId", "id")
_SKU: Final = ("sku.product_id", "inventory.product_id", "product_id")

_RULES: Final[Mapping[str, _Rule]] = {
    "customer": _Rule("customer", ("address.customer_id", "customer_id", "id")),
    "customer/address": _Rule("customer", ("address.customer_id",)),  # `id` is the address
    "customer/payment/instrument/default": _Rule("customer", ("customer_id", "id"), "updated"),
    "customer/channel/login/access": _Rule("customer", ("customer_id",), "updated"),
    "customer/metafield": _Rule("customer", ("resource_id",)),
    "subscriber": _Rule("subscriber", ("id",)),
    "order": _Rule("order", _ORDER, "created updated archived statusUpdated"),
    "order/message": _Rule("order", _ORDER, "created"),
    "order/refund": _Rule("order", _ORDER, "created"),
    "order/transaction": _Rule("order", ("order_id", "orderId"), "created updated"),
    "order/metafield": _Rule("order", ("resource_id",)),
    "shipment": _Rule("order", ("orderId", "order_id")),  # `id` is the shipment
    "cart": _Rule("cart", ("cartId", "cart_id", "id"), "created updated deleted couponApplied abandoned converted"),
    "cart/lineItem": _Rule("cart", ("cartId", "cart_id")),  # `id` is the line item
    "cart/metafield": _Rule("cart", ("resource_id",)),
    "product": _Rule("product", ("product_id", "inventory.product_id", "id")),
    "product/inventory": _Rule("product", ("inventory.product_id", "product_id", "id"), "updated"),
    "product/inventory/order": _Rule("product", ("inventory.product_id", "product_id", "id"), "updated"),
    "product/metafield": _Rule("product", ("resource_id",)),
    "product/variant/metafield": _NOTHING,  # names the variant only
    "sku": _Rule("product", _SKU),  # `id` is the sku
    "sku/inventory": _Rule("product", _SKU, "updated"),
    "sku/inventory/order": _Rule("product", _SKU, "updated"),
    "option": _Rule("product", (_SEVERAL,), "updated"),
    "modifier": _Rule("product", (_SEVERAL,), "updated"),
    "category": _Rule("category", ("category_id", "id")),
    "category/metafield": _Rule("category", ("resource_id",)),
    "channel": _Rule("channel", ("channel_id", "id"), "created updated"),
    "channel/metafield": _Rule("channel", ("resource_id",)),
    "information": _Rule("store", events="updated"),
    "app": _Rule("app", events="uninstalled"),
    "hook": _Rule("hook", ("id",), "deliveryException"),
    "metafield": _NOTHING,  # of anything: the scopes above are the ones to register
    "brand/metafield": _NOTHING,
    "inventory/location": _Rule(None, events="created updated"),
    "inventory/location/metafield": _NOTHING,
    "priceList": _Rule(None, events="created updated activated deactivated deleted"),
    "priceLists": _Rule(None, events="deleted"),
    "priceList/record": _NOTHING,
    "priceList/records": _NOTHING,  # the data are an array
    "priceList/assignment": _Rule(None, events="updated deleted"),
}

_CHANNEL_RULES: Final[Mapping[str, _Rule]] = {
    **{family: _RULES[family] for family in ("cart", "cart/lineItem", "order", "order/message", "order/refund")},
    "cart/lineItems": _RULES["cart/lineItem"],  # so the example of the page writes it
    "category": _RULES["category"],
    "category/product": _Rule("product", ("product_id",), "assigned unassigned"),
    "product": _Rule("product", ("product_id",), "assigned unassigned"),
    "inventory/product": _Rule(
        "product", ("product_id",), "stock_changed low_stock_reached out_of_stock_reached settings_changed"
    ),
    "categoryTree": _Rule(None, events="updated"),
    "page": _NOTHING,
    "script": _NOTHING,
    "socialMediaLinks": _Rule(None, events="updated"),
    "theme/configuration": _Rule(None, events="created activated"),
    "email/templates": _Rule(None, events="updated deleted"),
    "notifications/abandonedCart": _Rule(None, events="updated"),
    "notifications/inventory": _Rule(None, events="updated"),
}
# Currency, profile, site, locale and what else may come: all of them are read again with the store.
_CHANNEL_SETTINGS: Final = _Rule("store")

_CART_ID: Final = re.compile(r"[0-9A-Za-z-]{1,64}")  # goes into the path of a request
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,17}")


def is_known(scope: str) -> bool:
    """Whether BigCommerce documents this scope, with whatever channel id, or as a wildcard."""
    return _rule(scope) is not None


def kind_of(scope: str) -> Kind | None:
    """What its deliveries are about; None for nothing that is kept, and for an unknown scope."""
    rule = _rule(scope)
    return rule.kind if rule is not None else None


def is_id(kind: Kind, text: str) -> bool:
    """Whether this can be an id: of carts a UUID, of all others a positive integer."""
    return bool((_CART_ID if kind == "cart" else _NUMBER).fullmatch(text))


def entity_of(scope: str, data: Any) -> Dirty | None:
    """Which entity a delivery makes dirty; None when the scope is about nothing that is kept.

    ``data``: the decoded `data` of the body. Raises UnknownScope and WrongShape.
    """
    rule = _rule(scope)
    if rule is None:
        raise UnknownScope(scope)
    if rule.kind is None:
        return None
    if not isinstance(data, dict):
        raise WrongShape(scope, _type(data), "an object")
    if not rule.paths:
        return Dirty(rule.kind)
    ids = _ids(scope, rule, rule.kind, data)
    if not ids:
        return None
    order_id = _order_taking(scope, data) if rule.kind == "cart" else None
    status = _status_pair(scope, data) if rule.kind == "order" else None
    return Dirty(rule.kind, ids[0], order_id, status, ids[1:])


class Parts(NamedTuple):
    """Of a scope: `store/channel/1/order/created` is (`order`, `created`, True)."""

    family: str
    event: str
    of_channel: bool


def parts_of(scope: str) -> Parts | None:
    """None for what has not the form of a scope."""
    head, *parts = scope.removesuffix("/").split("/")
    if head != "store" or len(parts) < 2:
        return None
    of_channel = parts[0] == "channel" and len(parts) > 2 and (parts[1] == "*" or bool(_NUMBER.fullmatch(parts[1])))
    if of_channel:
        parts = parts[2:]
    return Parts("/".join(parts[:-1]), parts[-1], of_channel)


@lru_cache(maxsize=1024)
def _rule(scope: str) -> _Rule | None:
    parts = parts_of(scope)
    if parts is None:
        return None
    family, event, of_channel = parts
    if of_channel and family.split("/")[0] == "settings" and all((*family.split("/"), event)):
        return _CHANNEL_SETTINGS
    rule = (_CHANNEL_RULES if of_channel else _RULES).get(family)
    return rule if rule is not None and event in ("*", *rule.events.split()) else None


def _ids(scope: str, rule: _Rule, kind: Kind, data: dict[str, Any]) -> tuple[str, ...]:
    """Empty only for an option or modifier that no product uses."""
    for path in rule.paths:
        if (found := _at(data, path)) is not None:
            several = found if path == _SEVERAL and isinstance(found, list) else [found]
            return tuple(_id(scope, kind, path, one) for one in several)
    keys = ", ".join(sorted(str(key)[:40] for key in data)[:8]) or "no keys"
    raise WrongShape(scope, keys, " or ".join(rule.paths))


def _at(data: dict[str, Any], path: str) -> Any:
    found: Any = data
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _id(scope: str, kind: Kind, path: str, found: Any) -> str:
    """Ids of carts are UUIDs; all others are positive integers, as numbers or as text."""
    if isinstance(found, int) and not isinstance(found, bool) and 0 < found < 10**18:
        text = str(found)
    else:
        text = found if isinstance(found, str) else ""
    if not is_id(kind, text):
        wanted = "a UUID" if kind == "cart" else "a positive integer"
        raise WrongShape(scope, f"{_type(found)} that is no id as {path}", wanted)
    return text


def _order_taking(scope: str, data: dict[str, Any]) -> int | None:
    """Of `converted`; the scope of a channel does not document it."""
    for path in ("orderId", "order_id"):
        if data.get(path) is not None:
            return int(_id(scope, "order", path, data[path]))
    return None


def _status_pair(scope: str, data: dict[str, Any]) -> tuple[int, int] | None:
    """Of `statusUpdated`; older deliveries lack it."""
    pair = data.get("status")
    if pair is None:
        return None
    ids = [_at(data, f"status.{name}") for name in ("previous_status_id", "new_status_id")]
    if not all(isinstance(each, int) and not isinstance(each, bool) and 0 <= each < 1000 for each in ids):
        raise WrongShape(
            scope, f"{_type(pair)} that is no pair as status", "previous_status_id and new_status_id as integers"
        )
    return ids[0], ids[1]


def _type(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "a text", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "null")
