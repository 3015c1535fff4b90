"""Paths of `customer_mapping`: which can exist in a customer, and what is said of the others."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from projections.mapping import CustomerMapping
from tajo.settings.paths import CUSTOMER, ImpossiblePath, check

SPECS = Path(__file__).parents[1] / "specs" / "bigcommerce" / "customers.v3.yml"


@pytest.mark.parametrize(
    "path",
    [
        "email",
        "orders_count",
        "addresses[0].city",
        "addresses[-1].zip",
        "addresses[0].state",
        "addresses[].country",
        "addresses[*].city",
        "addresses[?country_code=='US'].city | [0]",
        "addresses[?country_code=='US'] | [0].city",
        "form_fields[?name=='Birthday'].value | [0]",
        "attributes.loyalty_tier",
        'attributes."Loyalty tier"',
        "customer_group.name",
        "company || addresses[0].company",
        "join(' ', [first_name, last_name])",
        "channel_ids",
        "channel_ids[0]",
        "length(addresses)",
        "sort_by(addresses, &id)[0].city",
    ],
)
def test_a_path_that_can_exist_is_taken_by_check_and_mapping(path: str) -> None:
    check(path)
    CustomerMapping([(path, "X")])


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("firstname", "did you mean first_name?"),
        ("adresses[0].city", "did you mean addresses?"),
        ("addresses[0].citty", "did you mean city?"),
        ("addresses.city", "city is asked of a list: choose one of its items first, as [0].city"),
        ("addresses[?countri=='US'].city", "countri is no field"),
        ("addresses[0].city.name", "name is asked of a plain value"),
        ("email[0]", "an index in [ ] is asked of something that is no list"),
        ("email[*]", "a projection ([*], [] or [? ]) is asked of something that is no list"),
        ("addresses", "leads to a list of objects"),
        ("addresses[0]", "leads to an object: choose one of its fields"),
        ("customer_group", "leads to an object: choose one of its fields (id, name)"),
        ("{a: email}", "the path builds an object"),
        ("company || adress", "adress is no field"),
        ("first_name[", "the path is no JMESPath expression"),
        ("", "the path is no JMESPath expression"),
    ],
)
def test_a_path_that_cannot_exist_is_refused_with_the_cure(path: str, sentence: str) -> None:
    with pytest.raises(ImpossiblePath) as caught:
        check(path)
    assert sentence in str(caught.value)


def _properties(name: str) -> dict[str, Any]:
    schemas = yaml.safe_load(SPECS.read_text(encoding="utf-8"))["components"]["schemas"]
    found: dict[str, Any] = schemas[name]["properties"]
    return found


def test_every_documented_field_of_a_customer_is_known() -> None:
    assert set(_properties("customer_Full")) <= set(CUSTOMER)


def test_every_documented_field_of_an_address_is_known() -> None:
    addresses = CUSTOMER["addresses"]
    assert isinstance(addresses, list)
    assert set(_properties("address_Full")) <= set(addresses[0])
