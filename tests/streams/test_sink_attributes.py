"""Values reach Brevo whole: of their attributes' types, booleans after an import too, and totals of any currency."""

from pathlib import Path
from typing import Any

import pytest

from connectors.brevo.schema import prepare
from projections.attributes import attribute_type
from projections.mapping import CustomerMapping
from tests.streams.sink_stand import SinkStand, sink_stand, upsert

ANN = "ann@shop.test"
IMPORT, CONTACTS = "/contacts/import", "/contacts/.*@.*"
ATTRIBUTE = "/contacts/attributes/normal/.*"
MAPPING = (
    ("first_name", "FIRSTNAME"),
    ("phone", "SMS"),
    ("company", "WHATSAPP"),
    ("addresses[0].id", "ADDRESS"),
    ("addresses[*].city", "CITIES"),
    ("form_fields[?name=='Size'].value | [0]", "SIZE"),
    ("form_fields[?name=='Member'].value | [0]", "MEMBER"),
    ("form_fields[?name=='Colours'].value | [0]", "COLOURS"),
    ("attributes.tier", "TIER"),
    ("attributes", "ALL"),
    ("customer_group_id", "CUSTOMER_GROUP"),
    ("customer_group.name", "GROUP_NAME"),
    ("store_credit_amounts[0].amount", "CREDIT"),
    ("date_created", "SIGNUP_DATE"),
    ("date_modified", "CHANGED"),
    ("accepts_product_review_abandoned_cart_emails", "REVIEWS"),
    ("authentication.force_password_reset", "RESET"),
    ("length(addresses)", "ADDRESSES"),
    ("id == `7`", "SEVENTH"),
)
CUSTOMER: dict[str, Any] = {
    "id": 7,
    "first_name": "Ann",
    "phone": "512-555-0143",
    "company": "512-555-0144",
    "addresses": [{"id": 3, "city": "Austin", "country_code": "US"}, {"id": 4, "city": "Dallas"}],
    "form_fields": [
        {"name": "Size", "value": 42.0},
        {"name": "Member", "value": False},
        {"name": "Colours", "value": ["red", "blue"]},
    ],
    "attributes": {"tier": 2},
    "customer_group_id": 3,
    "customer_group": {"id": 3, "name": "Wholesale"},
    "store_credit_amounts": [{"amount": 12.5}],
    "date_created": "2026-03-01T01:30:00+02:00",
    "date_modified": "2026-03-02T01:30:00Z",
    "accepts_product_review_abandoned_cart_emails": True,
    "authentication": {"force_password_reset": False},
}
TYPES = {attribute: attribute_type(path, attribute) for path, attribute in MAPPING}
HELD = {
    "FIRSTNAME": "Ann",
    "SMS": "15125550143",
    "WHATSAPP": "15125550144",
    "ADDRESS": "3",
    "CITIES": "Austin, Dallas",
    "SIZE": "42",
    "MEMBER": "false",
    "COLOURS": "red, blue",
    "TIER": "2",
    "ALL": '{"tier":2}',
    "CUSTOMER_GROUP": 3,
    "GROUP_NAME": "Wholesale",
    "CREDIT": 12.5,
    "SIGNUP_DATE": "2026-02-28",
    "CHANGED": "2026-03-02",
    "REVIEWS": True,
    "RESET": False,
    "ADDRESSES": "2",
    "SEVENTH": "true",
}


async def prepared(stand: SinkStand, *contacts: dict[str, object]) -> None:
    account = stand.front.account()
    stand.attributes = (await prepare(account, attributes=TYPES, lists={})).attributes
    for contact in contacts:
        await account.create_contact(contact)
    await account.close()


def past(number: int, **attributes: Any) -> Any:
    return upsert(f"c{number}@shop.test", historical=True, attributes={"FIRSTNAME": f"Name {number}", **attributes})


@pytest.mark.parametrize("others", [0, 30])
async def test_brevo_drops_nothing_of_a_mapping_with_all_kinds_of_paths(
    kafka: str, topic_prefix: str, tmp_path: Path, others: int
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await prepared(stand)
        await stand.start()
        profile = CustomerMapping(MAPPING).profile(CUSTOMER, "US")
        await stand.tell(
            upsert(ANN, attributes=profile.attributes, phone=profile.phone, historical=True),
            *(past(number) for number in range(others)),
        )
        await stand.settled()
        assert bool(stand.front.requests.to("POST", IMPORT)) is bool(others)
        assert stand.brevo.state.contacts[ANN].attributes == HELD
        assert stand.brevo.state.dropped == {}


async def test_booleans_follow_an_import_by_one_update_of_who_has_any(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await prepared(stand, {"email": "c2@shop.test", "attributes": {"RESET": True}})
        await stand.start()
        await stand.tell(*(past(number, **({"RESET": False} if number % 10 == 2 else {})) for number in range(30)))
        await stand.settled()
        rows = [row for body in stand.front.requests.to("POST", IMPORT) for row in body["jsonBody"]]
        assert all(row["attributes"].keys() == {"FIRSTNAME"} for row in rows)
        updates = [body["attributes"] for body in stand.front.requests.to("PUT", CONTACTS)]
        assert updates == [{"RESET": False}] * 3
        contacts = stand.brevo.state.contacts
        for number in range(30):
            own = {"RESET": False} if number % 10 == 2 else {}
            assert contacts[f"c{number}@shop.test"].attributes == {"FIRSTNAME": f"Name {number}", **own}
        assert {outcome for _, outcome in await stand.outcomes()} == {"done"}
        sent = len(stand.front.requests.seen)
        await stand.tell(past(2, RESET=False))
        await stand.settled()
        assert len(stand.front.requests.seen) == sent


@pytest.mark.parametrize("historical", [False, True])
async def test_a_total_in_a_new_currency_gets_its_attribute_before_it_is_sent(
    kafka: str, topic_prefix: str, tmp_path: Path, historical: bool
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        totals = {"TOTAL_SPENT": 1.5, "TOTAL_SPENT_EUR": 12.5, "TOTAL_SPENT_JPY": 900}
        await stand.tell(
            *(upsert(f"c{number}@shop.test", attributes=totals, historical=historical) for number in range(30))
        )
        await stand.settled()
        contacts = stand.brevo.state.contacts
        assert all(contacts[f"c{number}@shop.test"].attributes == totals for number in range(30))
        assert stand.brevo.state.dropped == {}
        assert stand.front.requests.to("POST", ATTRIBUTE) == [{"type": "float"}] * 2
        assert stand.attributes == {"TOTAL_SPENT_EUR": "float", "TOTAL_SPENT_JPY": "float"}


async def test_a_total_whose_attribute_is_there_or_was_made_by_somebody_else_is_sent(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with sink_stand(
        kafka, topic_prefix, tmp_path, attributes={"TOTAL_SPENT_EUR": "float", "TOTAL_SPENT_GBP": "float"}
    ) as stand:
        await prepared(stand)
        del stand.attributes["TOTAL_SPENT_GBP"]  # it came after we looked
        await stand.start()
        before = len(stand.front.requests.to("POST", ATTRIBUTE))
        await stand.tell(upsert(ANN, attributes={"TOTAL_SPENT_EUR": 1.5, "TOTAL_SPENT_GBP": 2.5}))
        await stand.settled()
        assert stand.brevo.state.contacts[ANN].attributes == {"TOTAL_SPENT_EUR": 1.5, "TOTAL_SPENT_GBP": 2.5}
        assert len(stand.front.requests.to("POST", ATTRIBUTE)) == before + 1


@pytest.mark.parametrize("others", [0, 30])
async def test_a_total_that_brevo_takes_no_attribute_for_is_left_out_and_counted(
    kafka: str, topic_prefix: str, tmp_path: Path, others: int
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path, attributes={"TOTAL_SPENT_CHF": "text"}) as stand:
        await prepared(stand)
        await stand.start()
        stand.brevo.faults.answer("POST /contacts/attributes/{category}/{name}", 400)
        attributes = {"TOTAL_SPENT_CHF": 1.5, "TOTAL_SPENT_EUR": 2.5}
        for count in (1, 2):
            await stand.tell(
                upsert(ANN, attributes={**attributes, "CREDIT": count}, historical=True),
                *(past(number) for number in range(others)),
            )
            await stand.settled()
            assert stand.brevo.state.contacts[ANN].attributes == {"CREDIT": count}
        assert stand.brevo.state.dropped == {}
        assert stand.destination is not None
        assert stand.destination.counters.lost_attributes.keys() == {"TOTAL_SPENT_CHF", "TOTAL_SPENT_EUR"}
        assert len([one for one in stand.front.requests.to("POST", ATTRIBUTE) if one == {"type": "float"}]) >= 1


async def test_an_attribute_that_cannot_be_made_yet_holds_its_contact_back(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        stand.brevo.faults.answer("POST /contacts/attributes/{category}/{name}", 500)
        await stand.tell(upsert(ANN, attributes={"TOTAL_SPENT_EUR": 2.5}))
        await stand.settled()
        assert stand.brevo.state.contacts[ANN].attributes == {"TOTAL_SPENT_EUR": 2.5}
        assert stand.brevo.state.dropped == {}
