"""The account's contact attributes, and Brevo's silence: what it does not know or like is dropped without error.

"Values that don't match the attribute type will be ignored" (https://developers.brevo.com/reference/createcontact).
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from emulators.brevo.body import Body
from emulators.brevo.errors import Refusal, invalid, json_response, missing, out_of_range
from emulators.brevo.moments import is_date

Value = str | int | float | bool | list[str]

CATEGORIES = ("normal", "transactional", "category", "calculated", "global")
TYPES = ("text", "date", "float", "boolean", "id", "category", "multiple-choice", "user")
IDENTIFIERS = ("SMS", "WHATSAPP", "LANDLINE_NUMBER", "EXT_ID")
_NAME = re.compile(r"[A-Z0-9_]{1,50}")
_PHONE = re.compile(r"(?:\+|00)?([1-9]\d{5,18})")


@dataclass
class Attribute:
    name: str
    category: str
    type: str
    enumeration: list[tuple[int, str]] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    formula: str = ""

    def written(self) -> dict[str, object]:
        found: dict[str, object] = {"name": self.name, "category": self.category, "type": self.type}
        if self.enumeration:
            found["enumeration"] = [
                {"value": value, "label": label, "valueStr": str(value)} for value, label in self.enumeration
            ]
        if self.options:
            found["multiCategoryOptions"] = self.options
        if self.formula:
            found["calculatedValue"] = self.formula
        return found

    def kept(self, value: Value) -> Value | None:
        """What Brevo stores of a value; ``None`` when it drops it."""
        if self.type == "float":
            return value if isinstance(value, int | float) and not isinstance(value, bool) else None
        if self.type == "boolean":
            return value if isinstance(value, bool) else None
        if self.type == "date":
            return value if isinstance(value, str) and is_date(value) else None
        if self.type == "category":
            return next((number for number, label in self.enumeration if value in (number, label)), None)
        if self.type == "multiple-choice":
            return value if isinstance(value, list) and set(value) <= set(self.options) else None
        return value if isinstance(value, str) else None


class Schema:
    """All attributes of the account by name; ``dropped`` counts what was lost in silence, by name and reason."""

    def __init__(self, attributes: Mapping[str, str]) -> None:
        for name, kind in attributes.items():
            if kind not in TYPES:
                raise ValueError(f"Attribute {name} has the type {kind!r}, but one of {', '.join(TYPES)} is expected.")
        names = {"EMAIL": "text", **dict.fromkeys(IDENTIFIERS, "text"), **attributes}
        self.attributes = {name: Attribute(name, "normal", kind) for name, kind in names.items()}
        self.dropped: Counter[tuple[str, str]] = Counter()

    def kept(self, values: Mapping[str, object], *, strict: bool = True) -> dict[str, Value | None]:
        """The values that Brevo takes, under their names; ``None`` empties an attribute (null or ``""`` were sent).

        Phone numbers come back as digits. Raises ``Refusal`` for values that are no attribute values at all and for
        invalid phone numbers; an import (``strict=False``) drops these too.
        """
        found: dict[str, Value | None] = {}
        for name, value in values.items():
            try:
                found.update(self._one(name.upper(), _plain(name, value)))
            except Refusal as refusal:
                if strict:
                    raise
                self.dropped[name, refusal.message] += 1
        return found

    def _one(self, name: str, value: Value | None) -> dict[str, Value | None]:
        attribute = self.attributes.get(name)
        if attribute is None:
            self.dropped[name, "unknown"] += 1
            return {}
        if attribute.category in ("calculated", "global"):
            self.dropped[name, "calculated"] += 1
            return {}
        if value is None or value in ("", []):
            return {name: None}
        kept = attribute.kept(value)
        if kept is None:
            self.dropped[name, "wrong type"] += 1
            return {}
        return {name: phone(kept) if name in IDENTIFIERS and name != "EXT_ID" else kept}

    def create(self, category: str, name: str, body: Body) -> None:
        if category not in CATEGORIES:
            raise invalid(f"The attribute category is {category!r}, but one of {', '.join(CATEGORIES)} is expected")
        if not _NAME.fullmatch(name):
            raise invalid(f"The attribute name is {name!r}, but 1 to 50 of A-Z, 0-9 and _ are expected")
        if name in self.attributes:
            raise invalid("Attribute name must be unique")
        self.attributes[name] = _new(category, name, body)


def phone(value: Value) -> str:
    """The digits with country code of ``91xxxxxxxxxx``, ``+91xxxxxxxxxx`` or ``0091xxxxxxxxxx``."""
    found = _PHONE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise invalid("Invalid phone number")
    return found[1]


def _plain(name: str, value: object) -> Value | None:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return [str(item) for item in value]
    raise invalid(f"The value of attribute {name} is neither a number, a string, a boolean nor an array of strings")


def _new(category: str, name: str, body: Body) -> Attribute:
    enumeration = [
        (item.integer("value") or 0, item.required_text("label", 200))
        for item in (body.records("enumeration") if "enumeration" in body.values else [])
    ]
    options = body.texts("multiCategoryOptions") or []
    if any(len(option) > 200 for option in options):
        raise out_of_range("An option has more than 200 characters")
    formula = body.text("value") or ""
    if category in ("calculated", "global") and not formula:
        raise missing("value is missing")
    kind = body.text("type") or ("category" if category == "category" else "float" if formula else "")
    if not kind:
        raise missing("type is missing")
    _check_type(category, kind, bool(enumeration))
    return Attribute(name, category, kind, enumeration, options, formula)


def _check_type(category: str, kind: str, has_values: bool) -> None:
    if kind not in TYPES:
        raise invalid(f"The attribute type is {kind!r}, but one of {', '.join(TYPES)} is expected")
    if kind in ("user", "multiple-choice") and category != "normal":
        raise invalid(f"The type {kind} is only available for the category normal")
    if kind == "id" and category != "transactional":
        raise invalid("The type id is only available for the category transactional")
    if category == "category" and not has_values:
        raise missing("enumeration is missing")


class AttributeCalls:
    """``/contacts/attributes``."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    async def listed(self, _: Request) -> Response:
        return json_response({"attributes": [item.written() for item in self._schema.attributes.values()]})

    async def create(self, request: Request) -> Response:
        path = request.path_params
        self._schema.create(path["category"], path["name"], await Body.of(request))
        return Response(status_code=201)
