"""How a cart ends: ordered, emptied, deleted, expired, and what is told of it."""

import pytest

from projections.fold import Input
from schemas import topics
from schemas.settings import CartSettings
from tests.projections.carts_made import (
    CART,
    CUSTOMER,
    DAY,
    EMPTY,
    FIRST,
    HOUR,
    LEFT,
    MINUTE,
    NOON,
    OPENED,
    SECOND,
    STORE,
    answer,
    cart,
    changes,
    converted,
    deleted,
    due,
    fetched,
    folded,
    last,
    line,
    questions,
    stages,
    tick,
)


def test_an_order_ends_the_series_that_was_started() -> None:
    ran = folded(*LEFT, converted(FIRST + 2 * HOUR))
    part = last(ran)
    assert (part.change, part.order_id, part.at) == ("converted", 100, FIRST + 2 * HOUR)
    event = part.event
    assert event is not None
    assert (event.id, event.name, event.in_doubt) == (f"cart_recovered:shop:{CART}:{NOON}", "cart_recovered", "resend")
    assert event.properties == {
        "tajo_id": event.id,
        "store": "shop",
        "channel": "1",
        "cart_id": CART,
        "order_id": "100",
        "step": 1,
        "total": 34.92,
        "currency": "USD",
    }
    assert stages(ran)[-1] == ("recovered", 1)


def test_a_series_stays_started_when_the_cart_changes_before_the_order() -> None:
    changed = cart(line(quantity=2), changed=FIRST + HOUR, version=2)
    event = last(folded(*LEFT, fetched(changed, FIRST + HOUR), converted(FIRST + 2 * HOUR))).event
    assert event is not None
    assert event.id == f"cart_recovered:shop:{CART}:{NOON}"


def test_an_order_without_a_series_is_told_without_an_event() -> None:
    ran = folded(*OPENED, converted(NOON + 2 * MINUTE))
    assert (last(ran).change, last(ran).event) == ("converted", None)
    assert stages(ran)[-1] == ("converted", 0)


def test_a_conversion_of_a_cart_never_seen_says_nothing_and_keeps_late_fetches_out() -> None:
    ran = folded(converted(NOON), fetched(cart(), NOON + 1000), tick(FIRST))
    assert ran.outputs == []


def test_after_an_order_nothing_is_told_any_more() -> None:
    ran = folded(
        *LEFT, converted(FIRST + HOUR), fetched(cart(version=9), FIRST + 2 * HOUR), tick(SECOND), answer(cart(), SECOND)
    )
    assert changes(ran)[-1] == (CUSTOMER, "converted")
    assert changes(ran).count((CUSTOMER, "converted")) == 1
    assert len(questions(ran)) == 1


def test_an_emptied_cart_is_gone_and_opens_again_when_filled() -> None:
    empty = cart(line_items=EMPTY, cart_amount=0, version=2, changed=NOON + MINUTE)
    filled = cart(version=3, changed=NOON + HOUR)
    ran = folded(
        *OPENED, fetched(empty, NOON + MINUTE), tick(FIRST), fetched(filled, NOON + HOUR), tick(NOON + 2 * HOUR)
    )
    assert changes(ran) == [(CUSTOMER, "open"), (CUSTOMER, "gone"), (CUSTOMER, "open")]
    assert stages(ran) == [("at risk", 0), ("emptied", 0), ("at risk", 0)]
    assert [one.due for one in questions(ran)] == [NOON + 2 * HOUR]


def test_a_cart_that_was_never_filled_says_nothing() -> None:
    assert folded(fetched(cart(line_items=EMPTY, cart_amount=0), NOON)).outputs == []


def test_a_deleted_cart_is_gone() -> None:
    ran = folded(*LEFT, deleted(FIRST + HOUR), tick(SECOND))
    assert changes(ran)[-1] == (CUSTOMER, "gone")
    assert stages(ran)[-1] == ("emptied", 1)
    assert len(questions(ran)) == 1


def test_an_order_that_is_heard_of_after_the_deletion_still_counts_as_recovery() -> None:
    ran = folded(*LEFT, deleted(FIRST + HOUR), converted(FIRST + HOUR + MINUTE))
    assert changes(ran)[-2:] == [(CUSTOMER, "gone"), (CUSTOMER, "converted")]
    assert last(ran).event is not None
    assert stages(ran)[-1] == ("recovered", 1)


def test_a_cart_expires_at_its_greatest_age() -> None:
    ran = folded(*LEFT, tick(NOON + 7 * DAY - 1))
    assert changes(ran)[-1][1] == "due"
    ran = folded(*LEFT, tick(NOON + 7 * DAY))
    assert (last(ran).change, last(ran).at) == ("gone", NOON + 7 * DAY)
    assert stages(ran)[-1][0] == "expired"


def test_an_expired_cart_stays_so_until_its_content_changes() -> None:
    over = [*LEFT, tick(NOON + 7 * DAY)]
    same, other = cart(version=2, changed=NOON + 8 * DAY), cart(line(13), version=3, changed=NOON + 8 * DAY)
    assert changes(folded(*over, fetched(same, NOON + 8 * DAY)))[-1][1] == "gone"
    assert changes(folded(*over, fetched(other, NOON + 8 * DAY)))[-1][1] == "open"


def test_an_order_after_the_expiry_recovers_nothing() -> None:
    ran = folded(*LEFT, tick(NOON + 7 * DAY), converted(NOON + 8 * DAY))
    assert changes(ran)[-1] == (CUSTOMER, "gone")
    assert stages(ran)[-1][0] == "converted"


def test_an_answer_that_comes_when_the_cart_is_too_old_fires_nothing() -> None:
    short = CartSettings(steps=(HOUR,), max_age=2 * HOUR)
    assert due(folded(*OPENED, tick(FIRST), answer(cart(), FIRST, NOON + 2 * HOUR), carts=short)) == []
    assert len(due(folded(*OPENED, tick(FIRST), answer(cart(), FIRST, NOON + 2 * HOUR - 1), carts=short))) == 1


def test_a_series_of_more_than_the_greatest_age_ago_is_ended_by_no_order() -> None:
    changed = [cart(line(n), changed=NOON + n * 5 * DAY, version=n + 1) for n in (1, 2)]
    kept = [fetched(entity, NOON + n * 5 * DAY + MINUTE) for n, entity in enumerate(changed, 1)]
    assert last(folded(*LEFT, *kept[:1], converted(NOON + 6 * DAY))).event is not None
    assert last(folded(*LEFT, *kept, converted(NOON + 11 * DAY))).event is None


def test_a_cart_first_seen_after_its_greatest_age_says_nothing() -> None:
    ran = folded(fetched(cart(), NOON + 7 * DAY), tick(NOON + 7 * DAY + HOUR))
    assert ran.outputs == []


@pytest.mark.parametrize("end", [converted(FIRST + HOUR), deleted(FIRST + HOUR)])
def test_an_ended_cart_leaves_the_table_after_seven_days(end: Input) -> None:
    over = FIRST + HOUR + 7 * DAY
    assert folded(*LEFT, end, tick(over - 1)).states != {}
    assert folded(*LEFT, end, tick(over)).states == {}


def test_an_erased_cart_is_gone_from_its_customer_and_from_the_table() -> None:
    ran = folded(*LEFT, Input(topics.CART, f"{STORE}/{CART}".encode(), None, FIRST + HOUR))
    assert changes(ran)[-1] == (CUSTOMER, "gone")
    assert ran.states == {}
