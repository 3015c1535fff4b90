"""The published rules of abandonment: steps, the fresh look, owners, ends."""

import msgspec
import pytest

from schemas import topics
from schemas.errors import BadRecord
from schemas.settings import CartSettings
from tests.projections.carts_made import (
    CART,
    CUSTOMER,
    DAY,
    FIRST,
    GUEST,
    HOUR,
    LEFT,
    MINUTE,
    NOON,
    OPENED,
    SECOND,
    STORE,
    THIRD,
    answer,
    cart,
    changes,
    due,
    fetched,
    folded,
    last,
    line,
    parts,
    questions,
    stages,
    tick,
)

# --- steps ------------------------------------------------------------------------------------------------------------


def test_a_cart_that_opens_is_told_to_its_customer_and_asks_nothing() -> None:
    ran = folded(*OPENED)
    assert changes(ran) == [(CUSTOMER, "open")]
    assert stages(ran) == [("at risk", 0)]
    assert questions(ran) == []


def test_before_a_step_is_due_nothing_is_asked() -> None:
    assert questions(folded(*OPENED, tick(FIRST - 1))) == []


def test_a_due_step_asks_the_stores_owner_to_look_again() -> None:
    ran = folded(*OPENED, tick(FIRST))
    (question,) = questions(ran)
    assert (question.store, question.cart_id, question.due, question.attempt) == (STORE, CART, FIRST, 1)
    (output,) = ran.to(topics.REQUEST)
    assert output.key == STORE.encode()
    assert ("ce_type", b"tajo.request.cart") in output.headers
    assert due(ran) == []


def test_the_answer_fires_the_step() -> None:
    ran = folded(*LEFT)
    assert due(ran) == [(CUSTOMER, 1, f"cart_abandoned:shop:{CART}:{NOON}:1")]
    assert stages(ran)[-1] == ("abandoned", 1)


def test_each_step_is_told_once_in_its_time() -> None:
    ran = folded(
        *LEFT,
        tick(FIRST + HOUR),
        tick(SECOND),
        answer(cart(), SECOND),
        tick(THIRD),
        answer(cart(), THIRD),
        tick(THIRD + DAY),
    )
    assert [step for _, step, _ in due(ran)] == [1, 2, 3]
    assert [part.last for _, part in parts(ran) if part.change == "due"] == [False, False, True]
    assert len(questions(ran)) == 3


def test_an_answer_that_was_not_asked_for_fires_nothing() -> None:
    assert due(folded(*OPENED, fetched(cart(), FIRST + MINUTE))) == []
    assert due(folded(*OPENED, answer(cart(), FIRST))) == []


def test_an_ordinary_fetch_after_the_question_is_no_answer() -> None:
    ran = folded(*OPENED, tick(FIRST), fetched(cart(), FIRST + MINUTE), answer(cart(), FIRST, FIRST + 2 * MINUTE))
    assert len(due(ran)) == 1


def test_an_answer_to_another_question_fires_nothing() -> None:
    assert due(folded(*OPENED, tick(FIRST), answer(cart(), FIRST + 1))) == []


def test_an_answer_fetched_before_the_step_was_due_fires_nothing() -> None:
    assert due(folded(*OPENED, tick(FIRST), answer(cart(), FIRST, FIRST - 1))) == []


def test_a_question_without_an_answer_is_asked_again_with_growing_pauses() -> None:
    minutes = [0, 1, 3, 7, 15, 31, 63, 123, 183]
    ticks = [tick(FIRST + minute * MINUTE) for minute in range(200)]
    asked = questions(folded(*OPENED, *ticks))
    assert [(one.at - FIRST) // MINUTE for one in asked] == minutes
    assert [one.attempt for one in asked] == list(range(1, 10))
    assert {one.due for one in asked} == {FIRST}


def test_a_changed_cart_starts_over_with_the_first_step() -> None:
    changed = cart(line(quantity=2), changed=NOON + 30 * MINUTE, version=2)
    again = NOON + 90 * MINUTE
    ran = folded(*OPENED, fetched(changed, NOON + 31 * MINUTE), tick(FIRST), tick(again), answer(changed, again))
    assert [one.due for one in questions(ran)] == [again]
    assert due(ran) == [(CUSTOMER, 1, f"cart_abandoned:shop:{CART}:{NOON + 30 * MINUTE}:1")]


def test_an_answer_with_changed_content_fires_nothing_and_starts_over() -> None:
    changed = cart(line(quantity=2), changed=FIRST - MINUTE, version=2)
    ran = folded(*OPENED, tick(FIRST), answer(changed, FIRST), tick(FIRST + MINUTE))
    assert due(ran) == []
    assert len(questions(ran)) == 1
    later = folded(tick(FIRST + HOUR), answer(changed, FIRST - MINUTE + HOUR, FIRST + 2 * HOUR), states=ran.states)
    assert [step for _, step, _ in due(later)] == [1]


def test_a_touch_that_changes_no_content_does_not_restart_the_window() -> None:
    touched = cart(changed=NOON + 30 * MINUTE, version=2, email="ada@example.com", cart_amount=30.0)
    ran = folded(*OPENED, fetched(touched, NOON + 31 * MINUTE), tick(FIRST), answer(touched, FIRST))
    assert [step for _, step, _ in due(ran)] == [1]
    assert changes(ran) == [(CUSTOMER, "open"), (CUSTOMER, "due")]


def test_the_order_of_lines_and_their_prices_are_no_content() -> None:
    one, other = cart(line(1), line(2)), cart(line(2, price=1.5), line(1), version=2, changed=NOON + MINUTE)
    assert changes(folded(fetched(one, NOON + 1000), fetched(other, NOON + 2 * MINUTE))) == [(CUSTOMER, "open")]


def test_steps_that_nobody_could_look_at_for_a_day_are_skipped_silently() -> None:
    late = FIRST + DAY + 1
    long = CartSettings(steps=(HOUR, 3 * DAY))
    ran = folded(
        *OPENED, tick(FIRST), answer(cart(), FIRST, late), tick(late), tick(THIRD), answer(cart(), THIRD), carts=long
    )
    assert [step for _, step, _ in due(ran)] == [2]


def test_a_step_that_the_next_one_has_overtaken_is_not_made_up_for() -> None:
    ran = folded(*OPENED, tick(SECOND + MINUTE), answer(cart(), SECOND, SECOND + 2 * MINUTE))
    assert [one.due for one in questions(ran)] == [SECOND]
    assert [step for _, step, _ in due(ran)] == [2]
    slow = folded(*OPENED, tick(FIRST), answer(cart(), FIRST, SECOND))
    assert due(slow) == []


def test_a_cart_heard_of_late_is_still_told() -> None:
    ran = folded(
        fetched(cart(), FIRST + 10 * MINUTE), tick(FIRST + 11 * MINUTE), answer(cart(), FIRST, FIRST + 12 * MINUTE)
    )
    assert [step for _, step, _ in due(ran)] == [1]


def test_only_carts_changed_after_the_store_went_live_are_announced() -> None:
    for live in (None, NOON + 1):
        old = fetched(cart(), NOON + 1000, live=live)
        assert questions(folded(old, tick(FIRST))) == []
    assert len(questions(folded(fetched(cart(), NOON + 1000, live=NOON), tick(FIRST)))) == 1


@pytest.mark.parametrize(
    ("carts", "asked"),
    [
        (CartSettings(min_value=349_200), 1),
        (CartSettings(min_value=349_201), 0),
        (CartSettings(min_items=1), 1),
        (CartSettings(min_items=2), 0),
    ],
)
def test_a_cart_that_is_not_worth_it_has_no_steps(carts: CartSettings, asked: int) -> None:
    assert len(questions(folded(*OPENED, tick(FIRST), carts=carts))) == asked


def test_an_answer_that_is_not_worth_it_any_more_fires_nothing() -> None:
    poor = CartSettings(min_value=300_000)
    assert due(folded(*OPENED, tick(FIRST), answer(cart(cart_amount=29.99), FIRST), carts=poor)) == []


# --- owners -----------------------------------------------------------------------------------------------------------


def test_a_guest_is_known_by_the_carts_email() -> None:
    guest = cart(customer=0, email=" Ada@Example.com")
    ran = folded(fetched(guest, NOON + 1000))
    assert changes(ran) == [(GUEST, "open")]
    assert last(ran).email == "ada@example.com"


def test_a_cart_of_nobody_asks_nothing() -> None:
    ran = folded(fetched(cart(customer=0), NOON + 1000), tick(FIRST), tick(THIRD))
    assert (parts(ran), questions(ran)) == ([], [])


def test_a_cart_of_nobody_begins_with_the_next_step_once_somebody_is_known() -> None:
    known = cart(customer=0, email="ada@example.com", changed=NOON + 2 * HOUR, version=2)
    records = [fetched(cart(customer=0), NOON + 1000), tick(FIRST), fetched(known, NOON + 2 * HOUR)]
    ran = folded(*records, tick(NOON + 3 * HOUR), tick(SECOND), answer(known, SECOND))
    assert changes(ran) == [(GUEST, "open"), (GUEST, "due")]
    assert [one.due for one in questions(ran)] == [SECOND]
    assert [step for _, step, _ in due(ran)] == [2]


def test_a_new_owner_takes_the_cart_over_and_the_steps_go_on() -> None:
    guest, logged_in = cart(customer=0, email="ada@example.com"), cart(customer=7, version=2, changed=NOON + 2 * HOUR)
    records = [fetched(guest, NOON + 1000), tick(FIRST), answer(guest, FIRST), fetched(logged_in, NOON + 2 * HOUR)]
    ran = folded(*records, tick(SECOND), answer(logged_in, SECOND))
    assert changes(ran) == [(GUEST, "open"), (GUEST, "due"), (GUEST, "gone"), (CUSTOMER, "open"), (CUSTOMER, "due")]
    assert [step for _, step, _ in due(ran)] == [1, 2]


# --- guards -----------------------------------------------------------------------------------------------------------


def test_an_older_fetch_or_version_never_overwrites_a_newer_one() -> None:
    newer = cart(line(quantity=3), version=3, changed=NOON + 2 * MINUTE)
    opened = fetched(newer, NOON + 3 * MINUTE)
    assert len(changes(folded(opened, fetched(cart(version=9), NOON)))) == 1
    assert len(changes(folded(opened, fetched(cart(version=2), NOON + 4 * MINUTE)))) == 1


def test_a_cart_of_a_store_that_is_not_configured_is_refused() -> None:
    record = fetched(cart(), NOON)
    with pytest.raises(BadRecord, match="'h9', which is not configured"):
        folded(msgspec.structs.replace(record, key=b"h9/" + CART.encode()))


def test_a_fetch_without_an_entity_or_with_an_odd_time_is_refused() -> None:
    with pytest.raises(BadRecord, match="no entity"):
        folded(
            msgspec.structs.replace(
                fetched(cart(), NOON), value=b'{"kind":"cart","store":"h1","id":"x","fetched_at":1}'
            )
        )
    with pytest.raises(BadRecord, match="'soon' is neither"):
        folded(fetched(cart(updated_time="soon"), NOON))
