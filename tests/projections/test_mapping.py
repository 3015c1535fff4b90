"""Values that attributes get: `customer_mapping` applied to customers, and the phones, times and e-mails in them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.identity import contact_key, customer_key, guest_key, normalise, split
from projections.mapping import CustomerMapping
from projections.phones import e164
from projections.times import date, iso, milliseconds
from schemas.commands import Value
from schemas.errors import BadRecord, TajoError
from schemas.facts import OrderAddress
from tests.projections.orders_made import MAPPING, NOON, billing, customer, rfc2822

STRICT = "accepts_product_review_abandoned_cart_emails"


def mapped(path: str, entity: dict[str, Any], attribute: str = "X", country: str = "US") -> Value:
    return CustomerMapping([(path, attribute)]).profile(entity, country).attributes[attribute]


def test_the_documented_mapping_fills_every_attribute_but_the_computed_ones() -> None:
    attributes, phone = CustomerMapping(MAPPING).profile(customer(customer_group_id=3, company="Lovelace"), "US")
    assert attributes == {
        "FIRSTNAME": "Ada",
        "LASTNAME": "Byron",
        "SMS": "+15125550143",
        "COMPANY": "Lovelace",
        "CITY": "Austin",
        "STATE": "Texas",
        "COUNTRY": "United States",
        "ZIP": "78701",
        "SIGNUP_DATE": "2026-08-11",
        "CUSTOMER_GROUP": 3,
    }
    assert phone == "+15125550143"


def test_a_guest_is_mapped_by_its_billing_address_with_the_same_paths() -> None:
    address = OrderAddress(**billing(email="a@b.co"))
    attributes, phone = CustomerMapping(MAPPING).guest(address, "DE")
    assert (attributes["FIRSTNAME"], attributes["STATE"], attributes["ZIP"]) == ("Ada", "Texas", "78701")
    assert (attributes["SIGNUP_DATE"], attributes["CUSTOMER_GROUP"]) == (None, None)
    assert phone == "+15125550143"  # the address says US, whatever the store's country is


def test_what_is_empty_is_none() -> None:
    nothing: list[Any] = ["", "  ", None, [], {}]
    for empty in nothing:
        assert mapped("company", customer(company=empty)) is None
    assert mapped("addresses[0].city", customer(addresses=[])) is None
    assert mapped("nothing.of.the.kind", customer()) is None
    assert mapped("customer_group_id", customer(customer_group_id=0)) is None


def test_zero_and_false_are_values() -> None:
    assert mapped("orders", customer(orders=0)) == "0"
    assert mapped("vip", customer(vip=False)) == "false"
    assert mapped("origin_channel_id", customer(origin_channel_id=0)) == 0
    assert mapped(STRICT, customer(accepts_product_review_abandoned_cart_emails=False)) is False


def test_a_text_attribute_gets_numbers_and_booleans_as_they_are_written() -> None:
    found: list[tuple[Any, str]] = [(42, "42"), (42.0, "42"), (0.5, "0.5"), (True, "true"), (["a", 2.0, None], "a, 2")]
    for value, text in found:
        assert mapped("attributes.x", customer(attributes={"x": value})) == text


def test_a_value_that_cannot_have_its_attributes_type_is_left_out() -> None:
    wrong: list[Any] = ["many", "3", True, [3], {"id": 3}, 10**20]
    for value in wrong:
        assert mapped("customer_group_id", customer(customer_group_id=value)) is None
    for value in ["soon", 20260301, True, "0001-01-01T00:00:00+14:00"]:
        assert mapped("date_modified", customer(date_modified=value)) is None
    for value in ["true", 1, 0, None]:
        assert mapped(STRICT, customer(accepts_product_review_abandoned_cart_emails=value)) is None


def test_an_attribute_that_is_a_phone_at_brevo_takes_phones_only() -> None:
    assert mapped("company", customer(company="512-555-0143"), "WHATSAPP") == "+15125550143"
    assert mapped("customer_group_id", customer(customer_group_id=3), "SMS") is None


def test_the_group_is_its_id_and_its_name_has_a_path_of_its_own() -> None:
    entity = customer(customer_group_id=3, customer_group={"id": 3, "name": "Wholesale"})
    assert (mapped("customer_group_id", entity), mapped("customer_group.name", entity)) == (3, "Wholesale")


def test_attributes_and_form_fields_are_reached_by_name() -> None:
    entity = customer(attributes={"Shoe size": "42"}, form_fields=[{"name": "Colours", "value": ["red", "blue"]}])
    assert mapped('attributes."Shoe size"', entity) == "42"
    assert mapped("form_fields[?name=='Colours'].value | [0]", entity) == "red, blue"


def test_a_date_is_the_day_in_utc() -> None:
    assert mapped("date_created", customer(date_created="2026-03-01T01:30:00+02:00")) == "2026-02-28"


def test_the_countrys_of_the_address_reads_the_phone_before_the_stores() -> None:
    berlin = customer(phone="030 123456", addresses=[{"country_code": "DE"}])
    assert mapped("phone", berlin, "SMS") == "+4930123456"
    assert mapped("phone", customer(phone="030 123456", addresses=[]), "SMS", "DE") == "+4930123456"


def test_an_invalid_phone_is_left_out() -> None:
    profile = CustomerMapping(MAPPING).profile(customer(phone="call me"), "US")
    assert (profile.attributes["SMS"], profile.phone) == (None, None)


def test_a_phone_under_another_attribute_does_not_identify_the_contact() -> None:
    profile = CustomerMapping([("phone", "LANDLINE")]).profile(customer(), "US")
    assert profile == ({"LANDLINE": "+15125550143"}, None)


def test_a_path_that_is_no_expression_is_named_in_the_error() -> None:
    with pytest.raises(TajoError, match=r"'addresses\[0' is no JMESPath"):
        CustomerMapping([("addresses[0", "CITY")])


def test_a_path_whose_function_meets_a_wrong_value_makes_a_bad_record() -> None:
    with pytest.raises(BadRecord, match=r"'length\(points\)' cannot be applied"):
        mapped("length(points)", customer(points=3))


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("+49 170 1234567", "", "+491701234567"),
        ("(0170) 123-4567", "de", "+491701234567"),
        ("0170 1234567", "", None),
        ("123", "US", None),
        ("512-555-0143", "XX", None),
        ("", "US", None),
    ],
)
def test_phones(text: str, country: str, number: str | None) -> None:
    assert e164(text, country) == number


@pytest.mark.parametrize(
    "text",
    [
        "Tue, 11 Aug 2026 11:30:00 +0000",
        "Tue, 11 Aug 2026 13:30:00 +0200",
        "2026-08-11T11:30:00Z",
        "2026-08-11T11:30:00+00:00",
        "2026-08-11T11:30:00",
        "11 Aug 2026 11:30:00 -0000",
    ],
)
def test_both_forms_of_time_are_the_same_moment(text: str) -> None:
    assert milliseconds(text) == NOON


def test_no_time_is_zero_and_nonsense_a_bad_record() -> None:
    assert milliseconds("") == 0
    with pytest.raises(BadRecord, match="'yesterday' is neither RFC 2822 nor ISO 8601"):
        milliseconds("yesterday")


@given(st.integers(0, 4_000_000_000))
def test_times_survive_both_forms(seconds: int) -> None:
    assert milliseconds(iso(seconds * 1000)) == milliseconds(rfc2822(seconds * 1000)) == seconds * 1000
    assert iso(seconds * 1000).startswith(date(seconds * 1000))


@pytest.mark.parametrize(
    ("written", "email"),
    [
        (" Ada@Example.COM ", "ada@example.com"),
        ("jose\u0301@example.com", "jos\u00e9@example.com"),
        ("a/b@example.com", "a/b@example.com"),
        ("ada@localhost", ""),
        ("ada", ""),
        ("a b@example.com", ""),
        ("a@b@example.com", ""),
        ("a@example..com", ""),
        ("", ""),
        (f"a@{'b' * 250}.com", ""),
    ],
)
def test_emails_are_compared_in_one_form_or_are_none(written: str, email: str) -> None:
    assert normalise(written) == email


@given(st.text())
def test_normalising_twice_is_normalising_once(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)
    assert normalise(normalise(f"{text}@Example.com")) == normalise(f"{text}@Example.com")


def test_keys_can_be_taken_apart() -> None:
    assert split(customer_key("h1", 7).encode()) == ("h1", "7")
    assert split(guest_key("h1", "a/b@c.de").encode()) == ("h1", "guest:a/b@c.de")
    assert split(contact_key("main", "a/b@c.de")) == ("main", "a/b@c.de")
