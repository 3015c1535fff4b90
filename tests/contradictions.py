"""Where the OpenAPI files in ``tests/specs`` contradict what is known of the services, each with its reason.

``UNDESCRIBED`` are answers that exist and are not in the files. ``PATCHES`` put single places right; a patch that has
nothing to put right any more fails, so that the table does not outlive its reasons.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Json = Any


@dataclass(frozen=True)
class Patch:
    reason: str
    apply: Callable[[Json], None]


def nullable(reason: str, *names: str) -> Patch:
    """Lets the schema that is reached by these names, from the top of the file, be null."""

    def apply(spec: Json) -> None:
        node = _reach(spec, names)
        if node.get("nullable"):
            raise AssertionError(f"{'.'.join(names)} needs no patch any more: change the table.")
        node["nullable"] = True

    return Patch(reason, apply)


def without(reason: str, *names: str) -> Patch:
    """Takes away what is reached by these names."""

    def apply(spec: Json) -> None:
        del _reach(spec, names[:-1])[names[-1]]

    return Patch(reason, apply)


def required(reason: str, schema: str, *keys: str) -> Patch:
    """Makes keys of a schema required, so that a ``oneOf`` can tell its alternatives apart."""

    def apply(spec: Json) -> None:
        node = _reach(spec, ("components", "schemas", schema))
        if set(keys) <= set(node.get("required", ())):
            raise AssertionError(f"{schema} requires {', '.join(keys)} by now: change the table.")
        node["required"] = [*node.get("required", ()), *keys]

    return Patch(reason, apply)


def _reach(spec: Json, names: tuple[str, ...]) -> Json:
    node = spec
    for name in names:
        node = node[int(name)] if isinstance(node, list) else node[name]
        while isinstance(node, dict) and "$ref" in node:
            node = _reach(spec, tuple(node["$ref"].removeprefix("#/").split("/")))
    return node


_ALIKE = "the alternatives require nothing, so that a link is a list of lines too, and fits twice where one is allowed"
_ORDER = ("components", "schemas", "order_RespOnly", "properties")
_SORT = ("components", "parameters", "sort")
_PRODUCT = ("components", "schemas", "product_Full", "allOf", "2", "properties")
_CART_ITEM = ("components", "schemas", "ItemPhysicalGet", "allOf", "0", "properties")
_LIST_HOOKS = ("paths", "/hooks", "get", "responses", "200", "content", "application/json", "schema")

PATCHES: dict[str, tuple[Patch, ...]] = {
    "bigcommerce/orders.v2.oas2.yml": (
        required(_ALIKE, "products_Resource", "url", "resource"),
        required(_ALIKE, "orderConsignments_Resource", "url", "resource"),
        required(_ALIKE, "orderConsignment_Get", "shipping", "pickups", "downloads", "email"),
        nullable("an order that was made without a cart has none", *_ORDER, "cart_id"),
        without("the text says to add :asc or :desc, the list has the bare names", *_SORT, "schema", "enum"),
    ),
    "bigcommerce/customers.v3.yml": (
        nullable(
            "null means all channels: the text of POST /customers says so, the schema forgets it",
            "components",
            "schemas",
            "customerChannelIds",
        ),
    ),
    "bigcommerce/products_catalog.v3.yml": (
        nullable("a product with several variants has no base variant", *_PRODUCT, "base_variant_id"),
        nullable("a product of v3 has no option set", *_PRODUCT, "option_set_id"),
    ),
    "bigcommerce/carts.v3.yml": (nullable("an item that belongs to no other has no parent", *_CART_ITEM, "parent_id"),),
    "bigcommerce/webhooks.v3.yml": (
        without("an account without hooks gets an empty list", *_LIST_HOOKS, "properties", "data", "minItems"),
    ),
}

_V2_EMPTY = "an empty page of v2 is 204 without a body (bigcommerce-api-ruby 44, bigcommerce-v3-api-php-client 161)"
_TOO_MANY = 'a limit above 250 is 413 {"max_limit":250} (bigcommerce-api-python 59)'

UNDESCRIBED: dict[tuple[str, str, str, int], str] = {
    ("bigcommerce/orders.v2.oas2.yml", "get", "/orders", 204): _V2_EMPTY,
    ("bigcommerce/orders.v2.oas2.yml", "get", "/orders", 413): _TOO_MANY,
}
