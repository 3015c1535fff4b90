"""The demo's exit status is that of the verdict and of the rebuild's comparison."""

import pytest

from streams.rebuild import Difference
from tajo.demo.run import Rebuilt, outcome
from tests.emulators.verdict_shop import fitting_state, verdict

EQUAL = Rebuilt([Difference("orders", 3, 3, 0, 0, 0), Difference("contacts", 4, 4, 0, 0, 0)], requests=0)


def test_a_right_verdict_and_equal_tables_are_a_success() -> None:
    assert outcome(verdict(fitting_state()), EQUAL) == 0


def test_a_brevo_that_holds_something_wrong_is_a_failure_and_the_last_line_counts_it() -> None:
    state = fitting_state()
    attributes: dict[str, object] = state.contacts["ann@shop.test"].attributes  # type: ignore[assignment]
    attributes["ORDER_COUNT"] = 2
    state.events.pop()
    found = verdict(state)
    assert outcome(found, EQUAL) == 1
    assert found.report().splitlines()[-1].endswith(" 2 mismatches")


@pytest.mark.parametrize(("missing", "extra", "changed"), [(1, 0, 0), (0, 1, 0), (0, 0, 1)])
def test_rebuilt_tables_that_differ_are_a_failure(missing: int, extra: int, changed: int) -> None:
    differences = [*EQUAL.differences, Difference("carts", 5, 5, missing, extra, changed, ("c1",))]
    assert outcome(verdict(fitting_state()), Rebuilt(differences, requests=0)) == 1


def test_a_rebuild_that_is_heard_of_at_brevo_is_a_failure() -> None:
    assert outcome(verdict(fitting_state()), Rebuilt(EQUAL.differences, requests=1)) == 1
