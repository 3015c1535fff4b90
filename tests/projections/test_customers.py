"""The fold `customers`: what a contact hears of a customer, one example for each rule, then the laws."""

from typing import Any, TypeVar

import pytest

from projections.customers import CustomersFold
from projections.fold import Input, Output
from schemas import topics
from schemas.errors import BadRecord
from schemas.inner import CartPart, CartTold, ContactInput, Contribution, GuestProfile, MovedAway, OrderPart, Papers
from tests.projections.orders_made import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    customer,
    customer_fact,
    ids,
    inner,
    settings,
    to_contacts,
    written,
)
from tests.projections.running import Ran, run
from tests.projections.strategies_orders import (
    event,
    papers,
)

ADA, BOB = "main/ada@example.com", "main/bob@example.com"
REGISTERED, GUEST = "h1/7", "h1/guest:ada@example.com"
CREATED, UPDATED = "customer_created:shop:7", "customer_updated:shop:7"
M = TypeVar("M", bound=ContactInput)


def fold(**store: Any) -> CustomersFold:
    return CustomersFold(settings(**store))


def folded(*records: Input, **store: Any) -> Ran:
    return run(fold(**store), records)


def part(order_id: int = 100, **fields: Any) -> OrderPart:
    facts: dict[str, Any] = {
        "present": True,
        "created_at": NOON,
        "modified_at": NOON,
        "counted": True,
        "currency": "USD",
        "net": 698_400,
        "reporting": 698_400,
        "email": "billing@example.com",
    }
    return OrderPart(order_id=order_id, **{**facts, **fields})


def gone(order_id: int = 100) -> OrderPart:
    return OrderPart(order_id=order_id, present=False, modified_at=NOON + HOUR)


def cart(change: Any = "open", at: int = NOON, **fields: Any) -> CartPart:
    return CartPart(cart_id="c1", change=change, at=at, changed_at=at, **fields)


def erased(at: int = NOON + HOUR) -> Input:
    return Input(topics.CUSTOMER, REGISTERED.encode(), None, at)


def said(outputs: list[Output], kind: type[M]) -> list[tuple[str, M]]:
    return [(key, message) for key, message in to_contacts(outputs) if isinstance(message, kind)]


def kinds(outputs: list[Output]) -> list[str]:
    return [type(message).__name__ for _, message in to_contacts(outputs)]


# --- registered customers ---------------------------------------------------------------------------------------------


def test_a_customer_contributes_its_profile_to_the_contact_of_its_email() -> None:
    [(key, contribution)] = said(folded(customer_fact(customer())).outputs, Contribution)
    assert key == ADA
    assert (contribution.source, contribution.store, contribution.registered) == (REGISTERED, "h1", True)
    assert (contribution.changed_at, contribution.channels, contribution.phone) == (NOON, [1], "+15125550143")
    assert contribution.attributes["SIGNUP_DATE"] == "2026-08-11"
    assert contribution.attributes["COMPANY"] is None
    assert not {"ORDER_COUNT", "TOTAL_SPENT", "email"} & set(contribution.attributes)


def test_orders_add_up_to_the_contribution() -> None:
    history = [
        customer_fact(customer()),
        inner(REGISTERED, part(1, channel=2)),
        inner(REGISTERED, part(2, counted=False, net=0, reporting=0, channel=3)),
        inner(REGISTERED, part(3, currency="EUR", net=100, reporting=None)),
        inner(REGISTERED, part(4, currency="EUR", net=200, reporting=None, opted_in_at=NOON, opted_in_live=True)),
        inner(REGISTERED, part(1, net=500, reporting=500, channel=2)),  # refunded: it replaces what it said before
    ]
    _, last = said(folded(*history).outputs, Contribution)[-1]
    assert (last.orders, last.known_orders, last.reporting, last.totals) == (3, 4, 500, {"EUR": 300})
    assert (last.channels, last.buyer_channels) == ([1, 2, 3], [1, 2])
    assert (last.opted_in_at, last.opted_in_live) == (NOON, True)


def test_an_order_that_left_counts_no_more() -> None:
    ran = folded(customer_fact(customer()), inner(REGISTERED, part()), inner(REGISTERED, gone()))
    assert [message.orders for _, message in said(ran.outputs, Contribution)] == [0, 1, 0]


def test_what_does_not_change_the_contribution_is_not_said_again() -> None:
    again = customer_fact(customer(), fetched=NOON + HOUR)
    assert kinds(folded(customer_fact(customer()), again, events={}).outputs) == ["Contribution"]


def test_nothing_is_said_and_nothing_lost_while_the_email_is_unknown() -> None:
    waiting = [
        inner(REGISTERED, cart(event=event("cart:1", NOON))),
        inner(REGISTERED, part(2)),
        inner(REGISTERED, papers(2, "order:2", NOON)),
        inner(REGISTERED, part(1)),
        inner(REGISTERED, papers(1, "order:1a", NOON)),
        inner(REGISTERED, papers(1, "order:1b", NOON)),
    ]
    ran = folded(*waiting)
    assert ran.outputs == []
    ran = run(fold(events={}), [customer_fact(customer())], ran.states)
    assert kinds(ran.outputs) == ["Contribution", "Papers", "Papers", "CartTold"]
    assert ids(ran.outputs) == ["order:1a", "order:1b", "order:2", "cart:1"]
    assert said(ran.outputs, Contribution)[0][1].orders == 2
    assert run(fold(), [customer_fact(customer(), fetched=NOON + DAY)], ran.states).outputs == []


def test_papers_go_to_the_contact_of_the_customers_email() -> None:
    ran = folded(customer_fact(customer()), inner(REGISTERED, part()), inner(REGISTERED, papers(100, "order:1", NOON)))
    [(key, told)] = [(key, told) for key, told in said(ran.outputs, Papers) if told.record]
    assert told.record is not None
    assert (key, told.source, told.events[0].id) == (ADA, REGISTERED, "order:1")


def test_a_customer_whose_email_is_none_is_reached_by_its_newest_orders_billing_email() -> None:
    ran = folded(customer_fact(customer("none")), inner(REGISTERED, part(email="bob@example.com")))
    assert [key for key, _ in said(ran.outputs, Contribution)] == [BOB]


def test_an_older_fact_never_overwrites_a_newer_one() -> None:
    newer = customer_fact(customer(first_name="Augusta"), fetched=NOON + HOUR)
    ran = folded(newer, customer_fact(customer()), events={})
    assert [message.attributes["FIRSTNAME"] for _, message in said(ran.outputs, Contribution)] == ["Augusta"]


def test_a_change_of_email_goes_to_both_contacts() -> None:
    changed = customer_fact(customer("bob@example.com", modified=NOON + HOUR), fetched=NOON + HOUR)
    ran = folded(customer_fact(customer()), inner(REGISTERED, part()), changed, events={})
    assert to_contacts(ran.outputs)[2] == (ADA, MovedAway(source=REGISTERED, to="bob@example.com", at=NOON + HOUR))
    [(key, contribution)] = said(ran.outputs, Contribution)[2:]
    assert (key, contribution.orders) == (BOB, 1)
    assert (contribution.moved_from, contribution.moved_at) == ("ada@example.com", NOON + HOUR)


def test_another_spelling_of_the_email_is_no_change() -> None:
    spelled = customer_fact(customer("ADA@example.COM"), fetched=NOON + HOUR)
    assert kinds(folded(customer_fact(customer()), spelled, events={}).outputs) == ["Contribution"]


def test_a_deleted_customer_keeps_its_email_and_orders_and_nothing_else() -> None:
    ran = folded(customer_fact(customer()), inner(REGISTERED, part()), erased(), events={})
    key, last = said(ran.outputs, Contribution)[-1]
    assert (key, last.deleted, last.orders, last.attributes, last.phone) == (ADA, True, 1, {}, None)
    assert (last.changed_at, last.registered) == (NOON + HOUR, True)
    ran = run(fold(), [inner(REGISTERED, part(net=1, reporting=1))], ran.states)
    assert said(ran.outputs, Contribution)[0][1].reporting == 1  # a later refund
    assert b"Byron" not in ran.states[REGISTERED.encode()]


def test_a_customer_deleted_before_it_was_seen_has_its_newest_orders_email() -> None:
    older = part(1, created_at=NOON - HOUR, email="ada@example.com")
    ran = folded(inner(REGISTERED, part(2, email="bob@example.com")), erased(), inner(REGISTERED, older))
    assert [(key, message.orders) for key, message in said(ran.outputs, Contribution)] == [(BOB, 1), (BOB, 2)]


def test_it_is_historical_until_something_happens_after_the_store_went_live() -> None:
    imported = customer_fact(customer(), live=NOON + 1)
    ran = folded(imported, inner(REGISTERED, part(1, historical=True)), inner(REGISTERED, part(2)))
    assert [message.historical for _, message in said(ran.outputs, Contribution)] == [True, True, False]
    assert said(folded(customer_fact(customer(), live=None)).outputs, Contribution)[0][1].historical
    assert not said(folded(customer_fact(customer())).outputs, Contribution)[0][1].historical


# --- events -----------------------------------------------------------------------------------------------------------


def test_a_created_customer_is_told_once_if_listed() -> None:
    touched = customer_fact(customer(modified=NOON + HOUR), fetched=NOON + HOUR)
    ran = folded(customer_fact(customer()), touched)
    [(key, told)] = said(ran.outputs, Papers)
    assert key == ADA
    created = written(told.events[0])
    assert len(told.events) == 1
    assert (created.id, created.name, created.at) == (CREATED, "customer_created", NOON)
    assert (created.in_doubt, created.may_reach_blocklisted) == ("resend", True)
    assert created.properties == {"tajo_id": CREATED, "store": "shop", "channel": "1", "customer_id": "7"}
    assert ids(folded(customer_fact(customer()), events={}).outputs) == []


def test_a_created_customer_is_told_under_the_name_listed() -> None:
    listed = {"store/customer/created": "welcome"}
    [(_, told)] = said(folded(customer_fact(customer()), events=listed).outputs, Papers)
    assert written(told.events[0]).name == "welcome"


@pytest.mark.parametrize(
    ("live", "fetched", "told"),
    [
        (NOON, NOON + DAY, True),
        (NOON, NOON + DAY + 1, False),
        (NOON + 1, NOON + HOUR, False),
        (None, NOON + HOUR, False),
    ],
)
def test_a_created_customer_is_told_only_when_that_is_due(live: int | None, fetched: int, told: bool) -> None:
    assert bool(ids(folded(customer_fact(customer(), fetched=fetched, live=live)).outputs)) == told


def test_a_change_of_mapped_fields_is_told_if_listed() -> None:
    renamed = customer(first_name="Augusta", modified=NOON + HOUR)
    ran = folded(customer_fact(customer()), customer_fact(renamed, fetched=NOON + HOUR))
    created, updated = ids(ran.outputs)
    assert created == CREATED
    assert updated.startswith(f"{UPDATED}:")
    unmapped = customer(notes="likes tea", modified=NOON + HOUR)
    assert ids(folded(customer_fact(customer()), customer_fact(unmapped, fetched=NOON + HOUR)).outputs) == [CREATED]


def test_a_changed_address_is_dated_by_its_delivery() -> None:
    moved = customer(addresses=[{"city": "Dallas", "country_code": "US"}])
    fact = customer_fact(moved, fetched=NOON + 2 * DAY, causes=[("a", NOON + 2 * DAY - MINUTE)])
    ran = folded(customer_fact(customer()), fact)
    told = [event for _, message in said(ran.outputs, Papers) for event in map(written, message.events)]
    assert [(event.name, event.at) for event in told[1:]] == [("customer_updated", NOON + 2 * DAY - MINUTE)]


def test_a_deletion_is_no_update() -> None:
    assert ids(folded(customer_fact(customer()), erased()).outputs) == [CREATED]


# --- guests -----------------------------------------------------------------------------------------------------------


def guest_part(order_id: int, city: str, created: int) -> OrderPart:
    profile = GuestProfile({"CITY": city}, "+15125550143")
    return part(order_id, guest=profile, created_at=created, email="ada@example.com")


def test_a_guest_has_the_profile_of_its_newest_order() -> None:
    newest, older = guest_part(1, "Austin", NOON), guest_part(2, "Dallas", NOON - HOUR)
    ran = folded(inner(GUEST, newest), inner(GUEST, older))
    key, last = said(ran.outputs, Contribution)[-1]
    assert (key, last.registered, last.source) == (ADA, False, GUEST)
    assert (last.attributes, last.phone, last.known_orders) == ({"CITY": "Austin"}, "+15125550143", 2)
    assert last.changed_at == NOON


def test_a_guest_whose_last_order_went_to_an_account_says_good_bye_and_leaves_the_table() -> None:
    ran = folded(inner(GUEST, guest_part(100, "Austin", NOON)), inner(GUEST, gone()))
    assert to_contacts(ran.outputs)[-1] == (ADA, MovedAway(source=GUEST, to="", at=NOON + HOUR))
    assert ran.states == {}


def test_a_guest_with_an_open_cart_stays_until_it_ends() -> None:
    ran = folded(inner(GUEST, cart()), inner(GUEST, cart("converted", NOON + HOUR)))
    assert kinds(ran.outputs) == ["Contribution", "CartTold", "CartTold", "MovedAway"]
    assert said(ran.outputs, Contribution)[0][1].known_orders == 0
    assert ran.states == {}


def test_carts_are_passed_on_with_their_events() -> None:
    due = cart("due", NOON + HOUR, event=event("cart:1", NOON + HOUR), consents=["abandoned_cart"], step=1)
    ran = folded(customer_fact(customer()), inner(REGISTERED, cart()), inner(REGISTERED, due), events={})
    assert said(ran.outputs, CartTold)[-1] == (ADA, CartTold(source=REGISTERED, part=due))
    assert b"cart:1" not in ran.states[REGISTERED.encode()]  # told, not kept


# --- bad input --------------------------------------------------------------------------------------------------------


def test_what_cannot_be_read_is_a_bad_record() -> None:
    with pytest.raises(BadRecord, match="Customer h1/7 cannot be read: Expected `str`, got `int`"):
        folded(customer_fact({**customer(), "email": 3}))
    with pytest.raises(BadRecord, match="is not what that topic holds"):
        folded(Input(topics.CUSTOMER, b"h1/7", b"{", NOON))
    with pytest.raises(BadRecord, match="is not what that topic holds"):
        folded(Input("customers", b"h1/7", b"\x93", NOON))
    with pytest.raises(BadRecord, match="Customer 7 is of store 'h2', which is not configured"):
        folded(Input(topics.CUSTOMER, b"h2/7", None, NOON))
