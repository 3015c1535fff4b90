"""What Brevo shall hold of a contact: profile, totals, lists, and what deletion leaves."""

from typing import Any

from projections.consent import NEWSLETTER
from projections.contacts import ContactsFold
from projections.fold import Input
from schemas.commands import DeleteContact
from schemas.inner import ContactInput, MovedAway
from schemas.settings import AccountSettings, FoldSettings, StoreSettings
from tests.projections.carts_made import MINUTE, NOON, STORE, settings
from tests.projections.contacts_made import (
    ADA,
    commands,
    contribution,
    event,
    guest,
    members,
    papers,
    record,
    shapes,
    statement,
    to,
    upsert,
    upserts,
)
from tests.projections.orders_made import MAPPING
from tests.projections.running import Ran, run

GUEST = f"{STORE}/guest:{ADA}"


def folded(*messages: ContactInput | Input, email: str = ADA, **store: Any) -> Ran:
    records = [message if isinstance(message, Input) else to(email, message) for message in messages]
    return run(ContactsFold(settings(**store)), records)


# --- profile ----------------------------------------------------------------------------------------------------------


def test_mapped_attributes_that_are_empty_everywhere_are_emptied() -> None:
    attributes = upsert(folded(contribution(attributes={"FIRSTNAME": "Ada", "CITY": ""}))).attributes
    assert attributes["FIRSTNAME"] == "Ada"
    assert (attributes["CITY"], attributes["SIGNUP_DATE"]) == (None, None)
    assert "email" not in attributes


def test_zero_and_false_are_values() -> None:
    attributes = upsert(folded(contribution(attributes={"CUSTOMER_GROUP": 0, "COMPANY": False}))).attributes
    assert (attributes["CUSTOMER_GROUP"], attributes["COMPANY"]) == (0, False)


def test_registered_comes_before_guest_field_by_field() -> None:
    account = contribution(attributes={"FIRSTNAME": "Ada", "CITY": None}, changed_at=NOON - MINUTE)
    order = guest(attributes={"FIRSTNAME": "A.", "CITY": "Austin"}, changed_at=NOON)
    for messages in ([account, order], [order, account]):
        attributes = upsert(folded(*messages)).attributes
        assert (attributes["FIRSTNAME"], attributes["CITY"]) == ("Ada", "Austin")


def test_then_comes_the_order_of_the_stores_then_the_newest_then_the_source_id() -> None:
    def first_name(*names: tuple[str, int, int]) -> object:
        said = [
            contribution(source, rank=rank, changed_at=at, attributes={"FIRSTNAME": f"{source} {rank} {at}"})
            for source, rank, at in names
        ]
        forth, back = (upsert(folded(*order)).attributes["FIRSTNAME"] for order in (said, said[::-1]))
        assert forth == back
        return forth

    assert first_name(("h1/1", 1, 9), ("h1/2", 0, 1)) == "h1/2 0 1"
    assert first_name(("h1/1", 0, 1), ("h1/2", 0, 9)) == "h1/2 0 9"
    assert first_name(("h1/1", 0, 1), ("h1/2", 0, 1)) == "h1/1 0 1"


def test_an_invalid_phone_leaves_its_place_to_the_next_source() -> None:
    first = contribution("h1/1", attributes={"SMS": None}, phone=None, changed_at=NOON)
    second = contribution("h1/2", attributes={"SMS": "+15125550143"}, phone="+15125550143", changed_at=NOON - MINUTE)
    said = upsert(folded(first, second))
    assert (said.phone, said.attributes["SMS"]) == ("+15125550143", "+15125550143")


# --- totals -----------------------------------------------------------------------------------------------------------


def test_totals_are_the_sums_over_all_sources() -> None:
    ran = folded(
        contribution(orders=2, known_orders=3, reporting=698_400),
        guest(orders=1, known_orders=1, reporting=301_600),
    )
    attributes = upsert(ran).attributes
    assert (attributes["ORDER_COUNT"], attributes["TOTAL_SPENT"]) == (3, 100)
    assert members(ran) == {"all_customers", "buyers"}


def test_a_currency_without_a_rate_has_a_total_of_its_own_that_falls_to_zero() -> None:
    ran = folded(contribution(orders=1, totals={"EUR": 125_000}), contribution(orders=0, totals={}))
    assert [one.attributes["TOTAL_SPENT_EUR"] for one in upserts(ran)] == [12.5, 0]
    assert "TOTAL_SPENT_EUR" not in upsert(folded(contribution())).attributes


def test_an_order_that_moves_from_guest_to_account_is_counted_once_in_the_end() -> None:
    ran = folded(
        guest(orders=1, reporting=100_000),
        contribution(orders=1, known_orders=1, reporting=100_000),
        MovedAway(source=GUEST, to="", at=NOON),
    )
    assert [one.attributes["ORDER_COUNT"] for one in upserts(ran)] == [1, 2, 1]
    assert shapes(ran)[-1] == ("contact", ADA)


def test_without_a_mapping_no_total_is_told() -> None:
    ran = folded(contribution(orders=1, reporting=1, totals={"EUR": 1}), mapping=(("first_name", "FIRSTNAME"),))
    assert upsert(ran).attributes == {"FIRSTNAME": "Ada"}


# --- lists ------------------------------------------------------------------------------------------------------------


def test_only_the_lists_that_the_settings_name_are_told() -> None:
    assert upsert(folded(contribution(orders=1), lists=("buyers",))).lists == {"shop:buyers": True}
    assert upsert(folded(contribution(), lists=())).lists == {}


def test_guests_are_in_all_customers_only_if_included() -> None:
    assert members(folded(guest(orders=1))) == {"buyers"}
    assert members(folded(guest(orders=1), include_guests=True)) == {"all_customers", "buyers"}
    assert members(folded(statement(NEWSLETTER), guest(known_orders=0), include_guests=True)) == set()


def test_channels_have_lists_of_their_own() -> None:
    lists = {"1": ("all_customers", "buyers"), "2": ("all_customers", "buyers")}
    ran = folded(contribution(orders=1, channels=[1, 2], buyer_channels=[2]), lists=(), channel_lists=lists)
    assert upsert(ran).lists == {
        "shop:1:all_customers": True,
        "shop:1:buyers": False,
        "shop:2:all_customers": True,
        "shop:2:buyers": True,
    }


def test_two_stores_of_one_account_share_a_contact_and_keep_their_lists_apart() -> None:
    def store(name: str, store_hash: str, rank: int) -> StoreSettings:
        return StoreSettings(
            name=name,
            store_hash=store_hash,
            account="main",
            rank=rank,
            mapping=MAPPING,
            lists=("all_customers", "buyers"),
        )

    both = FoldSettings(
        {"h1": store("one", "h1", 0), "h2": store("two", "h2", 1)}, {"main": AccountSettings("main", "USD")}
    )
    said = [
        contribution("h1/7", orders=0, attributes={"FIRSTNAME": None, "CITY": "Austin"}),
        contribution("h2/9", rank=1, orders=2, reporting=50_000, attributes={"FIRSTNAME": "Ada", "CITY": "Paris"}),
    ]
    ran = run(ContactsFold(both), [to(ADA, message) for message in said])
    last = upsert(ran)
    assert last.lists == {"one:all_customers": True, "one:buyers": False, "two:all_customers": True, "two:buyers": True}
    assert (last.attributes["FIRSTNAME"], last.attributes["CITY"]) == ("Ada", "Austin")
    assert (last.attributes["ORDER_COUNT"], last.attributes["TOTAL_SPENT"]) == (2, 5)


# --- deletion ---------------------------------------------------------------------------------------------------------


def test_a_deleted_customer_leaves_all_customers_stays_in_buyers_and_keeps_its_profile() -> None:
    gone = contribution(deleted=True, orders=1, known_orders=1, reporting=500_000, attributes={})
    ran = folded(contribution(orders=1, known_orders=1, reporting=500_000), gone)
    assert members(ran) == {"buyers"}
    assert upsert(ran).attributes == {"ORDER_COUNT": 1, "TOTAL_SPENT": 50}


def test_a_later_refund_of_a_deleted_customer_still_counts() -> None:
    gone = contribution(deleted=True, orders=1, known_orders=1, reporting=500_000, attributes={})
    less = contribution(deleted=True, orders=1, known_orders=1, reporting=200_000, attributes={})
    assert upsert(folded(contribution(), gone, less)).attributes == {"ORDER_COUNT": 1, "TOTAL_SPENT": 20}


def test_a_deleted_customer_without_orders_leaves_our_lists_and_stays() -> None:
    ran = folded(contribution(), contribution(deleted=True, attributes={}))
    assert (members(ran), upsert(ran).attributes) == (set(), {"ORDER_COUNT": 0, "TOTAL_SPENT": 0})


def test_beside_a_deleted_customer_a_guest_fills_in_but_empties_nothing() -> None:
    gone = contribution(deleted=True, orders=1, known_orders=1, attributes={})
    attributes = upsert(folded(contribution(), gone, guest(attributes={"CITY": "Paris", "FIRSTNAME": None}))).attributes
    assert attributes["CITY"] == "Paris"
    assert not attributes.keys() & {"FIRSTNAME", "SIGNUP_DATE"}


def test_with_delete_the_contact_of_a_deleted_customer_is_deleted_and_stays_so() -> None:
    gone = contribution(deleted=True, orders=1, known_orders=1, attributes={}, changed_at=NOON + MINUTE)
    refunded = papers(event("order_refunded:shop:100:1"), record=record())
    ran = folded(contribution(), gone, gone, refunded, on_customer_deleted="delete")
    assert shapes(ran) == [("contact", ADA), ("delete", f"delete:{ADA}:{NOON + MINUTE}")]


def test_with_delete_an_opted_in_subscriber_keeps_the_contact() -> None:
    gone = contribution(deleted=True, attributes={})
    ran = folded(contribution(), statement(NEWSLETTER), gone, on_customer_deleted="delete")
    assert (shapes(ran)[-1], members(ran)) == (("contact", ADA), set())


def test_a_contact_that_lost_its_last_source_leaves_our_lists_and_keeps_its_attributes() -> None:
    ran = folded(guest(orders=1), MovedAway(source=GUEST, to="", at=NOON))
    assert (members(ran), upsert(ran).attributes) == (set(), {})


def test_with_delete_a_contact_that_lost_its_last_source_goes_and_may_come_back() -> None:
    ran = folded(
        guest(orders=1), MovedAway(source=GUEST, to="", at=NOON), guest(orders=1), on_customer_deleted="delete"
    )
    assert [kind for kind, _ in shapes(ran)] == ["contact", "delete", "contact"]


def test_a_contact_is_deleted_only_if_all_stores_of_its_account_wish_it() -> None:
    def store(store_hash: str, policy: Any) -> StoreSettings:
        return StoreSettings(name=store_hash, store_hash=store_hash, account="main", on_customer_deleted=policy)

    both = FoldSettings({"h1": store("h1", "delete"), "h2": store("h2", "keep")}, {"main": AccountSettings("main")})
    messages = [guest(), MovedAway(source=GUEST, to="", at=NOON)]
    ran = run(ContactsFold(both), [to(ADA, message) for message in messages])
    assert not any(isinstance(command, DeleteContact) for command in commands(ran))
