"""Of which type a mapped attribute is: when it is created at Brevo, and in every value that leaves the folds.

Brevo drops a value of another type than its attribute's without saying so
(https://developers.brevo.com/reference/createcontact), so one table serves both.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from projections.times import date, milliseconds
from schemas.commands import AttributeType, Value
from schemas.errors import BadRecord

PHONES: Final = frozenset({"SMS", "WHATSAPP", "LANDLINE_NUMBER"})
"""Attributes by which Brevo finds a contact by its phone: texts, whatever is mapped to them."""

SPENT_IN: Final = re.compile(r"TOTAL_SPENT_[A-Z]{3}")
"""Totals in a currency without a rate. Which ones there will be is not known beforehand; their type is float."""

# Paths to what is no text in customers.v3.yml (customer_Full), and to what we compute.
_TYPES: Final[Mapping[str, AttributeType]] = {
    "orders_count": "float",
    "total_spent": "float",
    "customer_group_id": "float",
    "customer_group.id": "float",
    "id": "float",
    "origin_channel_id": "float",
    "address_count": "float",
    "attribute_count": "float",
    "store_credit_amounts[0].amount": "float",
    "date_created": "date",
    "date_modified": "date",
    "accepts_product_review_abandoned_cart_emails": "boolean",
    "authentication.force_password_reset": "boolean",
}
_LARGEST_WHOLE: Final = 2**53  # above it a float (which Brevo stores) does not hold every integer


def attribute_type(path: str, attribute: str) -> AttributeType:
    """The type of the attribute that the path of `customer_mapping` is mapped to."""
    return "text" if attribute in PHONES else _TYPES.get(path, "text")


def typed(found: object, kind: AttributeType) -> Value:
    """What was found, as a value of that type; None for what is empty, and for what cannot be one.

    text: str, never empty. float: int or finite float. date: `YYYY-MM-DD`, the day in UTC. boolean: bool.
    """
    return _FORMS[kind](found)


def _text(found: object) -> str | None:
    """Lists of words (check boxes) become one text, objects their JSON."""
    if found is None:
        return None
    if isinstance(found, str):
        return found.strip() or None
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, int | float):
        return _digits(found)
    if isinstance(found, Sequence) and all(item is None or isinstance(item, str | int | float) for item in found):
        return ", ".join(text for item in found if (text := _text(item))) or None
    return msgspec.json.encode(found, order="sorted").decode() if found else None


def _digits(number: int | float) -> str:
    whole = isinstance(number, float) and abs(number) <= _LARGEST_WHOLE and number.is_integer()
    return str(int(number) if whole else number)


def _number(found: object) -> int | float | None:
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    if isinstance(found, int):
        return found if abs(found) <= _LARGEST_WHOLE else None
    return found if math.isfinite(found) else None


def _date(found: object) -> str | None:
    if not isinstance(found, str) or not found.strip():
        return None
    try:
        return date(milliseconds(found.strip()))
    except (BadRecord, OverflowError):
        return None


def _boolean(found: object) -> bool | None:
    return found if isinstance(found, bool) else None


_FORMS: Final[Mapping[AttributeType, Callable[[object], Value]]] = {
    "text": _text,
    "float": _number,
    "date": _date,
    "boolean": _boolean,
}
