"""The rule of what counts, and its page in the docs."""

from pathlib import Path

import pytest

from projections.statuses import COUNTED, TABLE, ends, name, standing
from schemas.settings import StoreSettings

PAGE = Path(__file__).parents[2] / "docs" / "order-statuses.md"


def test_the_table_has_each_of_the_15_statuses_once() -> None:
    assert [status.id for status in TABLE] == list(range(15))
    assert len({status.name for status in TABLE}) == 15


def test_incomplete_pending_awaiting_payment_declined_and_cancelled_do_not_count() -> None:
    assert {status.id for status in TABLE if not status.counts} == {0, 1, 5, 6, 7}


def test_the_settings_count_by_default_what_the_table_counts() -> None:
    assert sorted(StoreSettings("shop", "h1", "main").counted_statuses) == sorted(COUNTED)


@pytest.mark.parametrize(
    ("status", "refunds", "counted", "left"),
    [
        (0, [], False, 0),
        (5, [], False, 0),
        (10, [], True, 1000),
        (13, [], True, 1000),
        (10, [300], True, 700),  # the refund is known before the status follows
        (14, [300, 200], True, 500),
        (14, [], True, 1000),
        (4, [1000], True, 0),
        (4, [900], True, 100),
        (4, [], True, 0),  # refunded outside of BigCommerce: nothing is left
        (4, [1200], True, 0),  # never below nothing
    ],
)
def test_what_is_left_of_an_order(status: int, refunds: list[int], counted: bool, left: int) -> None:
    assert standing(status, 1000, refunds)[2:] == (counted, left)


def test_only_incomplete_orders_do_not_exist() -> None:
    assert [status.id for status in TABLE if not standing(status.id, 1, []).exists] == [0]


def test_counted_statuses_can_be_configured_but_incomplete_never_counts() -> None:
    assert standing(7, 1000, [], counted={0, 7}).counted
    assert not standing(11, 1000, [], counted={0, 7}).counted
    assert not standing(0, 1000, [], counted={0, 7}).counted


def test_an_unknown_status_does_not_count_and_is_shown_as_it_is() -> None:
    assert (name(99), standing(99, 1000, []).counted, ends(99)) == ("Status 99", False, False)


def test_the_page_in_the_docs_shows_the_table_as_it_is() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ") and line[2].isdigit()]
    yes = {True: "yes", False: "no"}
    left, unrefunded = {True: "total less refunds", False: "0"}, "0 without a refund, else "
    assert rows == [
        f"| {s.id} | {s.name} | {yes[s.counts]} | {unrefunded * (s.id == 4)}{left[s.counts]} | {s.why} |" for s in TABLE
    ]
