"""`customer_mapping`: paths into a customer as fetched, and the Brevo attributes that their values go to.

Paths are JMESPath (https://jmespath.org/specification.html). A guest's billing address is put into a customer's shape
first, so that one mapping serves both. Values are of the type that their attribute is created with.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

import jmespath
import jmespath.exceptions

from projections.attributes import PHONES, attribute_type, typed
from projections.phones import e164
from schemas.commands import AttributeType, Value
from schemas.errors import BadRecord, TajoError
from schemas.facts import OrderAddress

COMPUTED: Final = frozenset({"orders_count", "total_spent"})  # sums over a contact's sources, made there
PHONE: Final = "SMS"  # of the attributes that identify a contact by its phone, the one that is its phone for us

# customers v3 call these fields otherwise than orders v2 and our documented paths do.
_ADDRESS_NAMES = {"state": "state_or_province", "zip": "postal_code", "street_1": "address1", "street_2": "address2"}


class _Read(NamedTuple):
    """``field``: the last word of the path. ``steps``: of a plain path, names and indices; None for all others."""

    attribute: str
    field: str
    kind: AttributeType
    path: Any
    steps: tuple[str | int, ...] | None


class Profile(NamedTuple):
    """``attributes``: every mapped attribute that is read from the entity, None when empty."""

    attributes: dict[str, Value]
    phone: str | None


class CustomerMapping:
    """The mapping of one store, compiled once. Raises TajoError for a path that is no JMESPath."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._paths = [
            _read(path, attribute)
            for path, attribute in pairs
            if path not in COMPUTED and attribute.lower() != "email"  # the e-mail is the identity, not an attribute
        ]
        self._guest = lru_cache(1 << 12)(lambda billing, country: self.profile(_guest_entity(billing), country))

    def guest(self, billing: OrderAddress, store_country: str) -> Profile:
        """As ``profile``, of the person that a billing address tells of; an order is fetched several times."""
        return self._guest(billing, store_country)

    def profile(self, entity: Mapping[str, Any], store_country: str) -> Profile:
        """``store_country`` is assumed for phones of people without an address."""
        addresses = [_with_documented_names(address) for address in entity.get("addresses") or ()]
        known = {**entity, "addresses": addresses}
        country = next((str(a["country_code"]) for a in addresses[:1] if a.get("country_code")), store_country)
        attributes = {read.attribute: _value(_found(read, known), read, country) for read in self._paths}
        phone = attributes.get(PHONE)
        return Profile(attributes, phone if isinstance(phone, str) else None)


def _guest_entity(billing: OrderAddress) -> dict[str, Any]:
    """A billing address as the customer that the guest would be."""
    address = {
        "first_name": billing.first_name,
        "last_name": billing.last_name,
        "company": billing.company,
        "address1": billing.street_1,
        "address2": billing.street_2,
        "city": billing.city,
        "state_or_province": billing.state,
        "postal_code": billing.zip,
        "country": billing.country,
        "country_code": billing.country_iso2,
        "phone": billing.phone,
    }
    person = {name: address[name] for name in ("first_name", "last_name", "company", "phone")}
    return {**person, "email": billing.email, "addresses": [address]}


def _read(path: str, attribute: str) -> _Read:
    compiled = _compile(path)
    kind = attribute_type(path, attribute)
    return _Read(attribute, path.rpartition(".")[2], kind, compiled, _steps(compiled.parsed))


def _steps(node: Mapping[str, Any]) -> tuple[str | int, ...] | None:
    """Of a path like `addresses[0].city`, which is followed at a tenth of the cost of evaluating its expression."""
    if node["type"] in ("field", "index"):
        return (node["value"],)
    if node["type"] not in ("subexpression", "index_expression"):
        return None
    parts = [_steps(child) for child in node["children"]]
    return tuple(step for part in parts if part for step in part) if all(parts) else None


def _found(read: _Read, entity: Mapping[str, Any]) -> object:
    if read.steps is None:
        return _search(read.path, entity)
    found: Any = entity
    for step in read.steps:  # as JMESPath has it: what is not there, or of another type, is null
        if isinstance(step, str):
            found = found.get(step) if isinstance(found, dict) else None
        else:
            found = found[step] if isinstance(found, list) and -len(found) <= step < len(found) else None
    return found


def _compile(path: str) -> Any:
    try:
        return jmespath.compile(path)
    except jmespath.exceptions.JMESPathError as error:
        raise TajoError(f"customer_mapping: {path!r} is no JMESPath expression ({error}); correct the path.") from error


def _search(path: Any, entity: Mapping[str, Any]) -> object:
    try:
        return path.search(entity)
    except jmespath.exceptions.JMESPathError as error:  # a function of the path met a value that it does not take
        found = f"customer_mapping: {path.expression!r} cannot be applied: {error}."
        raise BadRecord(f"{found} Correct the path.") from error


def _with_documented_names(address: Mapping[str, Any]) -> dict[str, Any]:
    """Both the names of customers v3 and those that the documentation's paths use (`state`, `zip`)."""
    return {**{name: address.get(original) for name, original in _ADDRESS_NAMES.items()}, **address}


def _value(found: object, read: _Read, country: str) -> Value:
    if read.field == "customer_group_id" and found == 0:
        return None  # 0 says: in no group
    value = typed(found, read.kind)
    if isinstance(value, str) and (read.attribute in PHONES or read.field == "phone"):
        return e164(value, country)
    return value
