"""The judge can fail: one thing is broken at a time, and the one sentence names it."""

from dataclasses import replace

import pytest

from emulators.brevo import State
from emulators.ledger import Ledger, OrderStatusChanged
from tests.emulators.verdict_shop import DAWN, contact, day, fitting_state, rules, tell, verdict


def test_a_brevo_that_fits_has_no_mismatch_and_all_is_counted() -> None:
    found = verdict(fitting_state())
    assert found.mismatches == []
    assert found.passed
    assert found.line == "verdict: 4 contacts, 8 events, 2 carts compared, 0 mismatches"


def drop_event(state: State, name: str) -> None:
    state.events.remove(next(event for event in state.events if event.name == name))


def double_event(state: State, name: str) -> None:
    state.events.append(next(event for event in state.events if event.name == name))


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("ORDER_COUNT", 2, "contact ann@shop.test: ORDER_COUNT is 2, expected 3"),
        ("TOTAL_SPENT", 94.3, "contact ann@shop.test: TOTAL_SPENT is 94.3, expected 94.29"),
        ("TOTAL_SPENT", None, "contact ann@shop.test: TOTAL_SPENT is absent, expected 94.29"),
        ("SIGNUP_DATE", "1997-01-02", "contact ann@shop.test: SIGNUP_DATE is 1997-01-02, expected 1997-01-01"),
    ],
)
def test_a_wrong_value_is_named(name: str, value: object, sentence: str) -> None:
    state = fitting_state()
    attributes: dict[str, object] = state.contacts["ann@shop.test"].attributes  # type: ignore[assignment]
    attributes[name] = value
    assert verdict(state).mismatches == [sentence]


def test_a_wrong_list_is_named_both_ways() -> None:
    state = fitting_state()
    state.contacts["ann@shop.test"].list_ids |= {40}
    state.contacts["bob@shop.test"].list_ids -= {42}
    assert verdict(state).mismatches == [
        "contact ann@shop.test: is in list all_customers, where it does not belong",
        "contact bob@shop.test: is not in list abandoned_cart, where it belongs",
    ]


def test_a_wrong_flag_is_named_both_ways() -> None:
    state = fitting_state()
    state.contacts["ann@shop.test"].blocklisted = False
    state.contacts["bob@shop.test"].blocklisted = True
    assert verdict(state).mismatches == [
        "contact ann@shop.test: is not blocklisted, expected blocklisted",
        "contact bob@shop.test: is blocklisted, expected not blocklisted",
    ]


def test_an_extra_and_a_missing_contact_are_named() -> None:
    state = fitting_state()
    contact(state, "who@shop.test", 0, 0, None, [], blocklisted=True)
    state.directory.delete(state.contacts["guest@shop.test"])
    assert verdict(state).mismatches == [
        "contact guest@shop.test: is missing in Brevo",
        "contact who@shop.test: is in Brevo, but nothing in the shop makes it a contact",
    ]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("order_status_changed", "event order_status_changed (order_id 501, previous_status_id 11)"),
        ("order_refunded", "event order_refunded (order_id 501, refund_id 9)"),
        ("cart_abandoned", "event cart_abandoned (cart_id c1, step 1)"),
        ("cart_recovered", "event cart_recovered (cart_id c2, order_id 503)"),
    ],
)
def test_a_missing_and_a_doubled_event_are_named(name: str, shown: str) -> None:
    missing, doubled = fitting_state(), fitting_state()
    drop_event(missing, name)
    double_event(doubled, name)
    assert verdict(missing).mismatches == [f"{shown}: is missing"]
    assert verdict(doubled).mismatches == [f"{shown}: was told 2 times, expected 1"]


def test_an_event_of_something_that_never_happened_is_named() -> None:
    state = fitting_state()
    tell(state, "order_placed", "ann@shop.test", order_id="999")
    tell(state, "cart_abandoned", "bob@shop.test", cart_id="c1", step=2)
    tell(state, "birthday", "bob@shop.test")
    assert verdict(state).mismatches == [
        "event birthday: was told 1 times, but there is no such event in the contract",
        "event cart_abandoned (cart_id c1, step 2): was told 1 times, but nothing of the kind happened",
        "event order_placed (order_id 999): was told 1 times, but nothing of the kind happened",
    ]


def test_an_event_without_its_properties_is_named() -> None:
    state = fitting_state()
    state.events[0] = replace(state.events[0], properties={})
    assert verdict(state).mismatches == [
        "event order_placed (order_id 501): is missing",
        "event order_placed (order_id absent): was told 1 times, but nothing of the kind happened",
    ]


def test_an_event_to_somebody_else_is_named() -> None:
    state = fitting_state()
    state.events[0] = replace(state.events[0], email="bob@shop.test")
    assert verdict(state).mismatches == [
        "event order_placed (order_id 501): was sent to bob@shop.test, expected ann@shop.test"
    ]


def test_a_status_that_the_order_never_had_after_the_happening_is_named() -> None:
    state = fitting_state()
    state.events[1] = replace(state.events[1], properties={**state.events[1].properties, "status_id": "11"})
    assert verdict(state).mismatches == [
        "event order_status_changed (order_id 501, previous_status_id 11): has status_id 11, expected 2 or 14"
    ]
    state.events[1] = replace(state.events[1], properties={**state.events[1].properties, "status_id": "14"})
    assert verdict(state).mismatches == []


def test_an_event_that_found_no_contact_is_named() -> None:
    state = fitting_state()
    state.events[0] = replace(state.events[0], contact_id=None)
    assert verdict(state).mismatches == [
        "event order_placed (order_id 501): was sent to ann@shop.test, who was no contact then"
    ]


def test_events_of_one_order_in_the_wrong_order_are_named() -> None:
    state = fitting_state()
    state.events[0], state.events[1] = state.events[1], state.events[0]
    (mismatch,) = verdict(state).mismatches
    assert mismatch.startswith("order 501: its events came in the wrong order: event order_status_changed (")


def test_ignored_events_are_not_looked_at() -> None:
    state = fitting_state()
    tell(state, "cart_updated", "bob@shop.test", cart_id="c1")
    found = verdict(state)
    assert found.mismatches == []
    assert found.events == 8


def test_the_report_ends_with_the_line_and_says_how_many_more_there_are() -> None:
    state = fitting_state()
    state.events.clear()
    lines = verdict(state).report(most=2).splitlines()
    assert lines[0] == "event cart_abandoned (cart_id c1, step 1): is missing"
    assert lines[2:] == ["... and 6 more", "verdict: 4 contacts, 8 events, 2 carts compared, 8 mismatches"]


def test_a_ledger_that_contradicts_itself_is_refused() -> None:
    unknown = Ledger([*day().happenings, OrderStatusChanged(at=DAWN, order_id=77, old=1, new=2)])
    with pytest.raises(ValueError, match="order 77, which was never placed"):
        verdict(fitting_state(), unknown)
    later = OrderStatusChanged(at=rules().end, order_id=501, old=11, new=2)
    with pytest.raises(ValueError, match="changes order 501 from status 11, but it had 14"):
        verdict(fitting_state(), Ledger([*day().happenings, later]))
