from decimal import Decimal

import pytest

from emulators.ledger import Ledger, OrderRefunded, OrderStatusChanged
from emulators.verdict import Purchase
from emulators.verdict.story import Story
from tests.emulators.verdict_shop import CUSTOMERS, DAWN, HOUR, MINUTE, order, rules, told


def change(at: int, old: int, new: int, order_id: int = 501) -> OrderStatusChanged:
    return OrderStatusChanged(at=at, order_id=order_id, old=old, new=new)


def refund(at: int, amount: str, new: int, refund_id: int = 9, order_id: int = 501) -> OrderRefunded:
    return OrderRefunded(at=at, order_id=order_id, refund_id=refund_id, amount=amount, new=new)


@pytest.mark.parametrize("status", range(15))
def test_five_statuses_do_not_count(status: int) -> None:
    ann = told([order(DAWN, status_id=status)]).contacts["ann@shop.test"]
    counts = status not in (0, 1, 5, 6, 7)
    assert ann.orders == (3 if counts else 2)
    # A refunded order without a refund counts as an order, and has nothing left.
    assert ann.spent == Decimal("44.29") + (50 if counts and status != 4 else 0)


def test_refunds_leave_what_is_left_and_the_order_still_counts() -> None:
    ledger = [order(DAWN), refund(DAWN + 1, "20.00", 14), refund(DAWN + 2, "30.00", 4, refund_id=10)]
    ann = told(ledger).contacts["ann@shop.test"]
    assert (ann.orders, ann.spent) == (3, Decimal("44.29"))


def test_foreign_money_is_divided_and_rounded_half_even_per_order() -> None:
    # 10.01 / 2 = 5.005, to the even cent 5.00; 10.03 / 2 = 5.015, to the even cent 5.02
    ledger = [order(DAWN, 501, total="10.01", rate="2"), order(DAWN, 502, total="10.03", rate="2")]
    assert told(ledger).contacts["ann@shop.test"].spent == Decimal("44.29") + Decimal("10.02")


def test_a_cancelled_order_no_longer_counts_and_its_buyer_may_leave_the_list() -> None:
    ledger = [order(DAWN, 501, 0, email="guest@shop.test"), change(DAWN + 1, 11, 5)]
    guest = told(ledger).contacts["guest@shop.test"]
    assert (guest.orders, guest.spent) == (0, Decimal(0))
    assert not guest.lists


def test_an_order_is_placed_when_it_first_enters_a_counted_status() -> None:
    ledger = [order(DAWN, status_id=0), change(DAWN + 1, 0, 7), change(DAWN + 2, 7, 11), change(DAWN + 3, 11, 2)]
    assert told(ledger).events == [("order_placed", "501"), ("order_status_changed", "501", "11")]


def test_each_change_after_the_placement_is_told_also_one_that_comes_twice() -> None:
    chain = [(11, 5), (5, 11), (11, 5)]
    ledger = [order(DAWN), *(change(DAWN + step, old, new) for step, (old, new) in enumerate(chain, 1))]
    assert told(ledger).events == [
        ("order_placed", "501"),
        ("order_status_changed", "501", "11"),
        ("order_status_changed", "501", "11"),
        ("order_status_changed", "501", "5"),
    ]


def test_the_status_of_a_refund_is_no_status_change() -> None:
    ledger = [order(DAWN), refund(DAWN + 1, "5.00", 14), change(DAWN + 2, 14, 2)]
    assert told(ledger).events == [
        ("order_placed", "501"),
        ("order_refunded", "501", "9"),
        ("order_status_changed", "501", "14"),
    ]


def test_an_order_without_a_valid_address_is_told_to_nobody() -> None:
    found = told([order(DAWN, 501, 0, email="nobody")])
    assert found.events == []
    assert found.contacts.keys() == {"ann@shop.test", "bob@shop.test"}


def test_an_order_from_before_going_live_counts_and_is_not_told() -> None:
    found = told([order(DAWN - HOUR), change(DAWN + MINUTE, 11, 2)])
    assert found.contacts["ann@shop.test"].orders == 3
    assert found.events == [("order_status_changed", "501", "11")]


def test_history_is_silent_and_what_happens_to_it_now_is_told() -> None:
    story = Story(CUSTOMERS, {}, rules(), told([]).story._seen)
    story.tell([Purchase(1, Decimal("29.33"), order_id=100)], Ledger([refund(DAWN, "9.33", 14, order_id=100)]))
    assert list(story.expected.events) == [("order_refunded", "100", "9")]
    assert story.orders[100].spent == 20
