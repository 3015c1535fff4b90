"""The verdict of the chaos run finds whatever is not as it has to be: one thing is falsified in each comparison."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from schemas import topics
from tests.chaos.history import history
from tests.chaos.memory import folded
from tests.chaos.outcome import Outcome, differences


@pytest.fixture(scope="module")
def right() -> Outcome:
    return folded(history(1, people=40), 1)


def _first(found: Any) -> Any:
    return next(iter(found))


def a_command_is_doubled(found: Outcome) -> str:
    id_ = _first(found.once)
    found.once[id_] += 1
    return f"one-shot {id_} occurs 2 times in the disturbed run"


def a_command_is_lost(found: Outcome) -> str:
    id_ = _first(found.once)
    del found.once[id_], found.events[id_]
    return "one-shots: lost: 1"


def a_command_is_too_many(found: Outcome) -> str:
    found.once["order_placed:us:0"], found.events["order_placed:us:0"] = 1, {}
    return "one-shots: too many: 1"


def a_command_says_something_else(found: Outcome) -> str:
    found.events[_first(found.events)]["at"] += 1
    return "one-shots: changed: 1"


def a_row_is_lost(found: Outcome) -> str:
    found.tables["carts"].popitem()
    return "table carts: lost: 1"


def a_row_is_too_many(found: Outcome) -> str:
    found.tables["orders"][b"h1/0"] = []
    return "table orders: too many: 1"


def a_row_says_something_else(found: Outcome) -> str:
    """A contact without one of its sources, which are the first thing in its state."""
    sources = next(row[0] for row in found.tables["contacts"].values() if row[0])
    sources.popitem()
    return "table contacts: changed: 1"


def an_upsert_says_something_else(found: Outcome) -> str:
    contact = next(id_ for id_ in found.upserts if id_.startswith("contact:"))
    found.upserts[contact]["attributes"]["ORDER_COUNT"] = 99
    return "last upserts: changed: 1"


def an_upsert_is_lost(found: Outcome) -> str:
    found.upserts.popitem()
    return "last upserts: lost: 1"


def a_product_is_told_twice(found: Outcome) -> str:
    found.counted["catalogue"][_first(found.counted["catalogue"])] += 1
    return "catalogue: too many: 1"


def a_question_is_asked_twice(found: Outcome) -> str:
    found.counted[topics.REQUEST][_first(found.counted[topics.REQUEST])] += 1
    return f"{topics.REQUEST}: too many: 1"


def a_cart_has_no_end(found: Outcome) -> str:
    del found.counted[topics.CART_LIFECYCLE][_first(found.counted[topics.CART_LIFECYCLE])]
    return f"{topics.CART_LIFECYCLE}: lost: 1"


def a_dead_letter_is_of_another_offset(found: Outcome) -> str:
    dead = found.counted[topics.dead(topics.ORDER)]
    (topic, partition, _, *rest) = letter = _first(dead)
    del dead[letter]
    dead[topic, partition, b"0", *rest] = 1
    return f"{topics.dead(topics.ORDER)}: lost: 1"


def a_consent_is_lost(found: Outcome) -> str:
    found.consents.popitem()
    return "consents: lost: 1"


def test_equal_runs_are_found_equal(right: Outcome) -> None:
    assert differences(right, copy.deepcopy(right)) == []


@pytest.mark.parametrize(
    "falsify",
    [
        a_command_is_doubled,
        a_command_is_lost,
        a_command_is_too_many,
        a_command_says_something_else,
        a_row_is_lost,
        a_row_is_too_many,
        a_row_says_something_else,
        an_upsert_says_something_else,
        an_upsert_is_lost,
        a_product_is_told_twice,
        a_question_is_asked_twice,
        a_cart_has_no_end,
        a_dead_letter_is_of_another_offset,
        a_consent_is_lost,
    ],
)
def test_one_thing_falsified_is_found(right: Outcome, falsify: Callable[[Outcome], str]) -> None:
    wrong = copy.deepcopy(right)
    sentence = falsify(wrong)
    found = differences(right, wrong)
    assert any(line.startswith(sentence) for line in found), found
