"""Every value that leaves the folds has the type of its attribute: Brevo would drop it in silence otherwise."""

import math
from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.attributes import attribute_type
from projections.mapping import COMPUTED, CustomerMapping
from schemas.commands import AttributeType, Value
from schemas.errors import BadRecord
from tajo.settings.paths import CUSTOMER, Shape, check

EXPRESSIONS = (
    "addresses[0].city",
    "addresses[0].id",
    "addresses[-1].phone",
    "addresses[*].company",
    "addresses[?country_code=='US'].city | [0]",
    "form_fields[0].value",
    "form_fields[*].value",
    "attributes.tier",
    "attributes.date_created",
    "attributes.customer_group_id",
    "customer_group.id",
    "customer_group.name",
    "authentication.force_password_reset",
    "store_credit_amounts[0].amount",
    "channel_ids",
    "channel_ids[0]",
    "company || notes",
    "[first_name, last_name]",
    "join(' ', [first_name, last_name])",
    "length(addresses)",
    "to_number(notes)",
    "id == `1`",
    "`null`",
)
PATHS = sorted({*(name for name, shape in CUSTOMER.items() if shape == "scalar"), *EXPRESSIONS} - {"email", *COMPUTED})
ATTRIBUTES = ("X", "SMS", "WHATSAPP")

texts = st.text(max_size=8) | st.sampled_from(
    ["2026-03-01T01:30:00Z", "Tue, 11 Aug 2026 11:30:00 +0000", "0001-01-01", "9999-12-31T23:59:59-05:00", "3", "true"]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)


def of(shape: Shape | Any) -> st.SearchStrategy[Any]:
    """Whatever BigCommerce could send there: any scalar where one is documented, and anything where nothing is."""
    if isinstance(shape, list):
        return st.none() | st.lists(of(shape[0]), max_size=3)
    if not isinstance(shape, str):
        named = {name: of(inner) for name, inner in shape.items() if name != "*"}
        return st.fixed_dictionaries({}, optional=named or {"tier": anything, "date_created": anything})
    return scalars if shape == "scalar" else anything


def fits(value: Value, kind: AttributeType) -> bool:
    if kind == "float":
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "date":
        return isinstance(value, str) and len(value) == 10 and date.fromisoformat(value).isoformat() == value
    return isinstance(value, str) and value != ""


@given(of(CUSTOMER), st.sampled_from(PATHS), st.sampled_from(ATTRIBUTES))
def test_a_value_is_none_or_of_its_attributes_type(entity: dict[str, Any], path: str, attribute: str) -> None:
    check(path)
    try:
        value = CustomerMapping([(path, attribute)]).profile(entity, "US").attributes[attribute]
    except BadRecord:
        assert "(" in path  # a function of the path met a value that it does not take
        return
    assert value is None or fits(value, attribute_type(path, attribute))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(value)) == value


@pytest.mark.parametrize("attribute", ["SMS", "WHATSAPP", "LANDLINE_NUMBER"])
def test_what_is_a_phone_at_brevo_is_a_text_whatever_is_mapped_to_it(attribute: str) -> None:
    assert attribute_type("customer_group_id", attribute) == "text"
    assert attribute_type("customer_group_id", "CUSTOMER_GROUP") == "float"
