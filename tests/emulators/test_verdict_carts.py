from collections import Counter
from collections.abc import Sequence

import pytest

from emulators.ledger import CartConverted, CartGone, CustomerDeleted, EmailChanged, Happening, Ledger
from emulators.verdict.expected import Due
from emulators.verdict.story import Story
from tests.emulators.verdict_shop import (
    CUSTOMERS,
    DAWN,
    HOUR,
    MINUTE,
    SUBSCRIBERS,
    cart,
    consents,
    order,
    rules,
    told,
)


def steps(happenings: Sequence[Happening], hours: float = 200) -> list[tuple[str, ...]]:
    return [key for key in told(happenings, rules(hours)).events if key[0].startswith("cart")]


def listed(happenings: Sequence[Happening], hours: float) -> set[str]:
    found = told(happenings, rules(hours)).contacts
    return {email for email, contact in found.items() if "abandoned_cart" in contact.lists}


def abandoned(*numbers: int, cart_id: str = "c1") -> list[tuple[str, ...]]:
    return [("cart_abandoned", cart_id, str(number)) for number in numbers]


def test_a_cart_left_alone_is_told_at_each_of_its_ages_that_was_reached() -> None:
    assert steps([cart(DAWN)], hours=0.99) == []
    assert steps([cart(DAWN)], hours=1) == abandoned(1)
    assert steps([cart(DAWN)], hours=24) == abandoned(1, 2)
    assert steps([cart(DAWN)]) == abandoned(1, 2, 3)


def test_a_change_of_the_content_begins_the_ages_and_the_steps_anew() -> None:
    early, late = cart(DAWN + HOUR - 1, items=2), cart(DAWN + 2 * HOUR, items=2)
    assert steps([cart(DAWN), early], hours=1.5) == []
    assert steps([cart(DAWN), late], hours=2.5) == abandoned(1)
    assert steps([cart(DAWN), late], hours=25) == abandoned(1, 1)
    assert steps([cart(DAWN), late], hours=26) == abandoned(1, 1, 2)


def test_each_step_may_be_limited_to_once_in_the_life_of_a_cart() -> None:
    ledger = Ledger([cart(DAWN), cart(DAWN + 2 * HOUR, items=2)])
    story = Story(CUSTOMERS, SUBSCRIBERS, rules(26, steps_begin_anew=False), Counter())
    story.tell([], ledger)
    assert sorted(key for key, dues in story.expected.events.items() for _ in dues) == abandoned(1, 2)


def test_an_address_given_or_a_sign_in_is_no_change_of_the_content() -> None:
    ledger = [cart(DAWN, customer_id=0, email=""), cart(DAWN + 30 * MINUTE, customer_id=2)]
    assert steps(ledger, hours=1) == abandoned(1)


@pytest.mark.parametrize(
    "end",
    [CartGone(at=DAWN + HOUR, cart_id="c1"), CartConverted(at=DAWN + HOUR, cart_id="c1", order_id=501)],
)
def test_a_cart_that_ends_at_the_due_moment_is_not_told(end: Happening) -> None:
    assert steps([cart(DAWN), end]) == []


def test_an_order_ends_a_series_and_is_told_as_recovered() -> None:
    ledger = [cart(DAWN), order(DAWN + 2 * HOUR, 501, 2, email="bob@shop.test", cart_id="c1")]
    assert steps([*ledger, CartConverted(at=DAWN + 2 * HOUR, cart_id="c1", order_id=501)]) == [
        *abandoned(1),
        ("cart_recovered", "c1", "501"),
    ]
    assert listed(ledger[:1], 3) == {"bob@shop.test"}
    assert listed(ledger, 3) == set()


def test_an_incomplete_order_does_not_end_the_cart() -> None:
    assert steps([cart(DAWN), order(DAWN + MINUTE, 501, 2, status_id=0, cart_id="c1")], hours=2) == abandoned(1)


def test_an_order_before_the_first_step_recovers_nothing() -> None:
    assert steps([cart(DAWN), CartConverted(at=DAWN + MINUTE, cart_id="c1", order_id=501)]) == []


def test_nobody_who_is_unknown_or_did_not_consent_is_told_anything() -> None:
    assert steps([cart(DAWN, customer_id=0)]) == []
    assert steps([cart(DAWN, customer_id=0, email="who@shop.test")]) == []
    assert steps([cart(DAWN, customer_id=1)]) == []
    assert steps([consents(DAWN, "ann@shop.test", "marketing_newsletter"), cart(DAWN, customer_id=1)]) == []


def test_a_guest_is_told_once_known_and_consenting() -> None:
    ledger = [
        cart(DAWN, customer_id=0),
        consents(DAWN + MINUTE, "gus@shop.test", "abandoned_cart"),
        cart(DAWN + 2 * MINUTE, customer_id=0, email="Gus@shop.test"),
    ]
    found = told(ledger, rules(2))
    assert found.story.expected.events["cart_abandoned", "c1", "1"] == [Due({"gus@shop.test"}, set())]


def test_the_consent_of_the_due_moment_decides() -> None:
    late = consents(DAWN + 2 * HOUR, "ann@shop.test", "abandoned_cart")
    assert steps([cart(DAWN, customer_id=1), late], hours=30) == abandoned(2)


def test_an_opt_out_ends_the_series_for_good() -> None:
    ledger = [
        cart(DAWN),
        consents(DAWN + 2 * HOUR, "bob@shop.test", subscriber_id=7),
        CartConverted(at=DAWN + 3 * HOUR, cart_id="c1", order_id=501),
    ]
    assert steps(ledger) == abandoned(1)
    assert listed(ledger[:1], 3) == {"bob@shop.test"}
    assert listed(ledger[:2], 3) == set()


def test_the_deletion_of_the_customer_ends_the_series() -> None:
    ledger = [cart(DAWN), CustomerDeleted(at=DAWN + 2 * HOUR, customer_id=2, email="bob@shop.test")]
    assert steps(ledger) == abandoned(1)
    assert listed(ledger, 3) == set()


def test_a_series_ends_when_the_cart_is_too_old() -> None:
    assert listed([cart(DAWN)], 7 * 24 - 1) == {"bob@shop.test"}
    assert listed([cart(DAWN)], 7 * 24) == set()
    late = CartConverted(at=DAWN + 8 * 24 * HOUR, cart_id="c1", order_id=501)
    assert steps([cart(DAWN), late], hours=200) == abandoned(1, 2, 3)


def test_a_change_of_the_cart_does_not_end_its_series() -> None:
    assert listed([cart(DAWN), cart(DAWN + 2 * HOUR)], 2.5) == {"bob@shop.test"}


def test_a_second_cart_waits_and_its_missed_steps_are_not_made_up_for() -> None:
    ledger = [cart(DAWN, "c1"), cart(DAWN + MINUTE, "c2"), CartGone(at=DAWN + 2 * HOUR, cart_id="c1")]
    assert steps(ledger[:2], hours=30) == abandoned(1, 2)
    assert steps(ledger, hours=30) == [*abandoned(1), *abandoned(2, cart_id="c2")]


def test_after_the_last_step_another_cart_may_begin_and_the_list_still_holds_the_contact() -> None:
    ledger = [cart(DAWN, "c1"), cart(DAWN + 80 * HOUR, "c2")]
    assert steps(ledger, hours=82) == [*abandoned(1, 2, 3), *abandoned(1, cart_id="c2")]
    assert listed(ledger, 80.5) == {"bob@shop.test"}


def test_an_opt_in_given_again_does_not_revive_a_series_and_the_next_step_begins_another() -> None:
    out = consents(DAWN + 2 * HOUR, "bob@shop.test", subscriber_id=7)
    back = consents(DAWN + 3 * HOUR, "bob@shop.test", "abandoned_cart", subscriber_id=7)
    assert listed([cart(DAWN), out, back], 4) == set()
    assert listed([cart(DAWN), out, back], 24) == {"bob@shop.test"}


def test_of_two_carts_due_together_the_smaller_id_has_the_floor() -> None:
    assert steps([cart(DAWN, "c2"), cart(DAWN, "c1")], hours=2) == abandoned(1)


def test_carts_of_two_people_do_not_wait_for_each_other() -> None:
    ledger = [consents(DAWN, "ann@shop.test", "abandoned_cart"), cart(DAWN, "c1"), cart(DAWN, "c2", customer_id=1)]
    assert steps(ledger, hours=2) == [*abandoned(1), *abandoned(1, cart_id="c2")]


def test_a_series_does_not_follow_to_an_address_without_consent() -> None:
    ledger = [cart(DAWN), EmailChanged(at=DAWN + 2 * HOUR, customer_id=2, old="bob@shop.test", new="b@shop.test")]
    assert listed(ledger, 3) == set()
    assert steps(ledger) == abandoned(1)


def test_too_few_items_are_not_told() -> None:
    found = told([cart(DAWN, items=1)], rules(2, min_items=2))
    assert found.events == []


def test_what_changes_within_the_grace_is_decided_by_what_brevo_was_told() -> None:
    end = CartConverted(at=DAWN + HOUR + MINUTE, cart_id="c1", order_id=501)
    by = rules(2, grace=2 * MINUTE)
    both: set[tuple[str, ...]] = {("cart_abandoned", "c1", "1"), ("cart_recovered", "c1", "501")}
    outcomes: list[tuple[Counter[tuple[str, ...]], set[tuple[str, ...]]]] = [
        (Counter(), set()),
        (Counter({("cart_abandoned", "c1", "1"): 1}), both),
    ]
    for seen, expected in outcomes:
        story = Story(CUSTOMERS, SUBSCRIBERS, by, seen)
        story.tell([], Ledger([cart(DAWN), end]))
        assert set(story.expected.events) == expected
        assert story.expected.in_doubt == 1
    assert steps([cart(DAWN), end], hours=2) == [*abandoned(1), ("cart_recovered", "c1", "501")]
