"""Paths of `customer_mapping`: whether a path can exist in a customer as BigCommerce documents it.

Fields: the API description customers.v3.yml (customer_Full, address_Full), with the attributes by name, the group, and
the names that our documentation uses for an address (`state`, `zip`). Expressions: https://jmespath.org/specification.html
"""

import difflib
from collections.abc import Callable, Mapping
from typing import Any, Final

import jmespath
import jmespath.exceptions

# "any" (nothing is known), "scalar", [shape of an item], {field: shape}; {"*": shape} has any field.
Shape = str | list[Any] | Mapping[str, Any]

_FORM_FIELDS: Final = [{"name": "scalar", "value": "any", "customer_id": "scalar", "address_id": "scalar"}]
_ADDRESS_SCALARS: Final = (
    "id customer_id first_name last_name company address1 address2 street_1 street_2 city state_or_province state "
    "postal_code zip country country_code phone address_type"
)
_CUSTOMER_SCALARS: Final = (
    "id email first_name last_name company phone registration_ip_address notes tax_exempt_category customer_group_id "
    "date_created date_modified address_count attribute_count origin_channel_id shopper_profile_id "
    "accepts_product_review_abandoned_cart_emails"
)
COMPUTED: Final = ("orders_count", "total_spent")

CUSTOMER: Final[Mapping[str, Shape]] = {
    **dict.fromkeys(_CUSTOMER_SCALARS.split(), "scalar"),
    **dict.fromkeys(COMPUTED, "scalar"),
    "addresses": [{**dict.fromkeys(_ADDRESS_SCALARS.split(), "scalar"), "form_fields": _FORM_FIELDS}],
    "form_fields": _FORM_FIELDS,
    "attributes": {"*": "any"},
    "customer_group": {"id": "scalar", "name": "scalar"},
    "authentication": {"force_password_reset": "scalar"},
    "store_credit_amounts": [{"amount": "scalar"}],
    "channel_ids": ["scalar"],
    "segment_ids": ["scalar"],
}


class ImpossiblePath(ValueError):
    """The path cannot exist; the sentence says why, and what could have been meant."""


def check(path: str) -> None:
    """Raises ImpossiblePath unless ``path`` can lead to a value that an attribute can hold."""
    try:
        tree = jmespath.compile(path).parsed
    except jmespath.exceptions.JMESPathError as error:
        reason = str(error).splitlines()[0].rstrip(".:")
        raise ImpossiblePath(f"the path is no JMESPath expression ({reason})") from error
    shape = _follow(tree, CUSTOMER)
    if isinstance(shape, list) and isinstance(shape[0], Mapping):
        raise ImpossiblePath(
            f"the path leads to a list of objects: choose one of them and a field, as {_example(shape)}"
        )
    if isinstance(shape, Mapping):
        raise ImpossiblePath(f"the path leads to an object: choose one of its fields ({_names(shape)})")


def _follow(node: Mapping[str, Any], shape: Shape) -> Shape:
    """The shape of what the expression ``node`` makes of ``shape``."""
    return _RULES.get(node["type"], _refuse)(node, shape)


def _field(node: Mapping[str, Any], shape: Shape) -> Shape:
    name = node["value"]
    if shape == "any":
        return "any"
    if isinstance(shape, list):
        raise ImpossiblePath(f"{name} is asked of a list: choose one of its items first, as [0].{name}")
    if not isinstance(shape, Mapping):
        raise ImpossiblePath(f"{name} is asked of a plain value, which has no fields")
    if "*" in shape:
        return _shape(shape["*"])
    if name not in shape:
        close = difflib.get_close_matches(name, shape, n=1, cutoff=0.75)
        cure = f"did you mean {close[0]}?" if close else f"there are {_names(shape)}"
        raise ImpossiblePath(f"{name} is no field that BigCommerce documents there: {cure}")
    return _shape(shape[name])


def _index(_node: Mapping[str, Any], shape: Shape) -> Shape:
    if shape != "any" and not isinstance(shape, list):
        raise ImpossiblePath("an index in [ ] is asked of something that is no list")
    return _item(shape)


def _slice(_node: Mapping[str, Any], shape: Shape) -> Shape:
    _index(_node, shape)
    return shape


def _chain(node: Mapping[str, Any], shape: Shape) -> Shape:
    for child in node["children"]:
        shape = _follow(child, shape)
    return shape


def _projection(node: Mapping[str, Any], shape: Shape) -> Shape:
    source, each = node["children"]
    return [_follow(each, _item(_follow(source, shape)))]


def _filter(node: Mapping[str, Any], shape: Shape) -> Shape:
    source, each, condition = node["children"]
    item = _item(_follow(source, shape))
    _follow(condition, item)
    return [_follow(each, item)]


def _any_of(node: Mapping[str, Any], shape: Shape) -> Shape:
    """`a || b`, `a && b`: either; the first tells the shape."""
    shapes = [_follow(child, shape) for child in node["children"]]
    return shapes[0]


def _truth(node: Mapping[str, Any], shape: Shape) -> Shape:
    for child in node["children"]:
        _follow(child, shape)
    return "scalar"


def _function(node: Mapping[str, Any], shape: Shape) -> Shape:
    _truth(node, shape)
    return "any"


def _list_of(node: Mapping[str, Any], shape: Shape) -> Shape:
    return [_any_of(node, shape)]


def _refuse(node: Mapping[str, Any], _shape_of: Shape) -> Shape:
    raise ImpossiblePath(f"the path builds an object ({node['type'].replace('_', ' ')}), which no attribute can hold")


_RULES: Final[Mapping[str, Callable[[Mapping[str, Any], Shape], Shape]]] = {
    "field": _field,
    "index": _index,
    "slice": _slice,
    "subexpression": _chain,
    "index_expression": _chain,
    "pipe": _chain,
    "projection": _projection,
    "filter_projection": _filter,
    "flatten": _chain,
    "identity": lambda _node, shape: shape,
    "current": lambda _node, shape: shape,
    "literal": lambda _node, _shape: "scalar",
    "or_expression": _any_of,
    "and_expression": _any_of,
    "not_expression": _truth,
    "comparator": _truth,
    "function_expression": _function,
    "expref": lambda _node, _shape: "any",  # applied to what a function chooses
    "multi_select_list": _list_of,
}


def _item(shape: Shape) -> Shape:
    if isinstance(shape, list):
        return _shape(shape[0])
    if shape == "any":
        return "any"
    raise ImpossiblePath("a projection ([*], [] or [? ]) is asked of something that is no list")


def _shape(value: Any) -> Shape:
    shape: Shape = value
    return shape


def _names(shape: Mapping[str, Any]) -> str:
    return ", ".join(sorted(shape))


def _example(shape: list[Any]) -> str:
    return f"[0].{next(iter(shape[0]))}"
