from decimal import Decimal

from emulators.ledger import CustomerDeleted, EmailChanged, Registered
from emulators.verdict.contacts import compare
from emulators.verdict.expected import Due
from tests.emulators.verdict_shop import DAWN, HOUR, MINUTE, consents, contact, fitting_state, order, rules, told


def moved(at: int, customer_id: int, old: str, new: str) -> EmailChanged:
    return EmailChanged(at=at, customer_id=customer_id, old=old, new=new)


def test_a_customer_without_a_recorded_opt_in_is_blocklisted_and_one_with_it_is_not() -> None:
    found = told([]).contacts
    assert found["ann@shop.test"].blocklisted is True
    assert found["bob@shop.test"].blocklisted is False


def test_an_opt_in_lifts_and_an_empty_list_or_a_deletion_sets_the_flag_again() -> None:
    given = consents(DAWN, "ann@shop.test", "marketing_newsletter")
    emptied, deleted = consents(DAWN + 1, "ann@shop.test"), consents(DAWN + 1, "ann@shop.test", deleted=True)
    again = consents(DAWN + 2, "ann@shop.test", "abandoned_cart", subscriber_id=9)
    assert told([given]).contacts["ann@shop.test"].blocklisted is False
    assert told([given, emptied]).contacts["ann@shop.test"].blocklisted is True
    assert told([given, deleted]).contacts["ann@shop.test"].blocklisted is True
    assert told([given, deleted, again]).contacts["ann@shop.test"].blocklisted is False


def test_losing_one_of_two_purposes_is_no_opt_out_from_the_other() -> None:
    ledger = [consents(DAWN, "bob@shop.test", "marketing_newsletter", subscriber_id=7)]
    found = told(ledger)
    assert found.contacts["bob@shop.test"].blocklisted is False
    assert found.story.book.consents("bob@shop.test") == {"marketing_newsletter"}


def test_a_record_that_never_named_a_purpose_says_nothing() -> None:
    found = told([consents(DAWN, "new@shop.test"), consents(DAWN, "ann@shop.test", "something_else", subscriber_id=9)])
    assert found.contacts.keys() == {"ann@shop.test", "bob@shop.test"}
    assert found.contacts["ann@shop.test"].blocklisted is True


def test_a_subscriber_who_opted_in_is_a_contact_and_stays_one() -> None:
    ledger = [consents(DAWN, "new@shop.test", "abandoned_cart"), consents(DAWN + HOUR, "new@shop.test", deleted=True)]
    new = told(ledger).contacts["new@shop.test"]
    assert (new.required, new.blocklisted, new.lists) == (True, True, set())


def test_what_brevo_was_told_by_the_recipient_stands_against_a_later_opt_in() -> None:
    ledger = [consents(DAWN + HOUR, "bob@shop.test", "marketing_newsletter", subscriber_id=7)]
    found = told(ledger, rules(brevo_opt_outs={"bob@shop.test": DAWN + MINUTE}))
    assert found.contacts["bob@shop.test"].blocklisted is True


def test_a_guest_who_registers_later_is_one_contact() -> None:
    ledger = [
        order(DAWN, 501, 0, email="Gus@shop.test ", total="10.00"),
        Registered(at=DAWN + HOUR, customer_id=3, email="gus@shop.test"),
        order(DAWN + 2 * HOUR, 502, 3, email="gus@shop.test", total="5.00"),
    ]
    gus = told(ledger).contacts["gus@shop.test"]
    assert (gus.orders, gus.spent, gus.signup_date) == (2, Decimal(15), "2026-09-21")
    assert gus.lists == {"all_customers", "buyers"}


def test_a_guest_with_nothing_but_an_incomplete_order_is_no_contact() -> None:
    assert "gus@shop.test" not in told([order(DAWN, 501, 0, email="gus@shop.test", status_id=0)]).contacts


def test_a_deleted_customer_stays_a_buyer_with_figures_and_profile() -> None:
    ann = told([CustomerDeleted(at=DAWN, customer_id=1, email="ann@shop.test")]).contacts["ann@shop.test"]
    assert (ann.orders, ann.signup_date, ann.lists) == (2, "1997-01-01", {"buyers"})


def test_who_registers_again_after_the_deletion_signed_up_anew() -> None:
    ledger = [
        CustomerDeleted(at=DAWN, customer_id=1, email="ann@shop.test"),
        Registered(at=DAWN + 1, customer_id=3, email="ann@shop.test"),
    ]
    ann = told(ledger).contacts["ann@shop.test"]
    assert (ann.orders, ann.signup_date, ann.lists) == (2, "2026-09-21", {"all_customers", "buyers"})


def test_a_changed_address_renames_the_contact_when_nobody_has_it() -> None:
    found = told([moved(DAWN, 1, "ann@shop.test", "ann.new@shop.test")]).contacts
    assert "ann@shop.test" not in found
    assert (found["ann.new@shop.test"].orders, found["ann.new@shop.test"].blocklisted) == (2, True)


def test_a_changed_address_that_exists_merges_and_leaves_the_old_contact_without_lists() -> None:
    ledger = [
        order(DAWN, 501, 0, email="gus@shop.test", total="10.00"),
        moved(DAWN + 1, 1, "ann@shop.test", "gus@shop.test"),
    ]
    found = told(ledger).contacts
    gus, ann = found["gus@shop.test"], found["ann@shop.test"]
    assert (gus.orders, gus.signup_date, gus.lists) == (3, "1997-01-01", {"all_customers", "buyers"})
    assert (ann.required, ann.left_behind, ann.orders, ann.lists) == (True, True, 0, set())


def test_an_address_that_a_subscriber_holds_is_not_renamed_and_the_opt_in_stays_there() -> None:
    found = told([moved(DAWN, 2, "bob@shop.test", "bob.new@shop.test")]).contacts
    assert found["bob@shop.test"].blocklisted is False
    assert found["bob@shop.test"].signup_date is None
    assert found["bob.new@shop.test"].blocklisted is True


def test_an_opt_out_goes_along_to_a_contact_that_opted_in_before() -> None:
    ledger = [
        consents(DAWN, "gus@shop.test", "marketing_newsletter"),
        consents(DAWN + 1, "bob@shop.test", subscriber_id=7),
        moved(DAWN + 2, 2, "bob@shop.test", "gus@shop.test"),
    ]
    assert told(ledger).contacts["gus@shop.test"].blocklisted is True
    renewed = consents(DAWN + 3, "gus@shop.test", "marketing_newsletter")
    assert told([*ledger, renewed]).contacts["gus@shop.test"].blocklisted is False


def test_events_may_go_to_the_address_of_the_moment_or_a_later_one() -> None:
    ledger = [
        order(DAWN, 501),
        moved(DAWN + MINUTE, 1, "ann@shop.test", "ann.new@shop.test"),
        order(DAWN + HOUR, 502),
    ]
    events = told(ledger).story.expected.events
    assert events["order_placed", "501"] == [Due({"ann@shop.test", "ann.new@shop.test"}, {11})]
    assert events["order_placed", "502"] == [Due({"ann.new@shop.test"}, {11})]


def test_a_contact_for_a_moment_may_have_passed_unseen() -> None:
    ledger = [
        Registered(at=DAWN, customer_id=3, email="eve@shop.test"),
        moved(DAWN + MINUTE, 3, "eve@shop.test", "ann@shop.test"),
    ]
    strict, lenient = told(ledger), told(ledger, rules(settling=HOUR))
    assert list(compare("eve@shop.test", strict.contacts["eve@shop.test"], None, rules())) == [
        "contact eve@shop.test: is missing in Brevo"
    ]
    assert list(compare("eve@shop.test", lenient.contacts["eve@shop.test"], None, rules())) == []


def test_figures_must_be_there_for_who_shops_and_may_be_absent_for_a_mere_subscriber() -> None:
    state = fitting_state()
    contact(state, "new@shop.test", 0, 0, None, [], blocklisted=False)
    seen = state.contacts["new@shop.test"]
    seen.attributes.clear()
    subscriber = told([consents(DAWN, "new@shop.test", "abandoned_cart")]).contacts["new@shop.test"]
    assert list(compare("new@shop.test", subscriber, seen, rules())) == []
    guest = told([order(DAWN, 501, 0, email="new@shop.test", status_id=1)]).contacts["new@shop.test"]
    seen.blocklisted = True
    assert list(compare("new@shop.test", guest, seen, rules())) == [
        "contact new@shop.test: ORDER_COUNT is absent, expected 0",
        "contact new@shop.test: TOTAL_SPENT is absent, expected 0",
    ]
