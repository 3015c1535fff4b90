"""The laws of the fold `orders`, on histories that hypothesis draws."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from projections.fold import Input
from projections.orders import OrdersFold, OrderState
from projections.statuses import COUNTED, ends
from schemas.facts import OrderFact
from schemas.inner import OrderPart
from tests.projections.orders_made import DAY, ids, settings, to_customers
from tests.projections.running import Ran, run, run_in_batches
from tests.projections.strategies_orders import compacted, merged, order_histories, with_duplicates


def fold() -> OrdersFold:
    return OrdersFold(settings())


def states(ran: Ran) -> dict[bytes, OrderState]:
    return {key: fold().load(key, stored) for key, stored in ran.states.items()}


def waits_again(history: list[Input]) -> bool:
    """Whether it was in a counted status, and later in one that is neither counted nor an end."""
    facts = [msgspec.json.decode(record.value, type=OrderFact) for record in history if record.value]
    steps = [[*(s for p in fact.status_changes for s in (p.previous, p.new)), fact.entity.status_id] for fact in facts]
    walked = [status for step in steps for status in step]
    first = next((n for n, status in enumerate(walked) if status in COUNTED), len(walked))
    return any(status not in COUNTED and not ends(status) for status in walked[first:])


@given(st.data())
def test_duplicates_change_nothing(data: st.DataObject) -> None:
    history = data.draw(order_histories(tombstone=False))
    once, again = run(fold(), history), run(fold(), data.draw(with_duplicates(history)))
    assert again.states == once.states
    assert sorted(ids(again.outputs)) == sorted(ids(once.outputs))


@given(order_histories())
def test_no_event_is_told_twice(history: list[Input]) -> None:
    told = ids(run(fold(), history).outputs)
    assert len(told) == len(set(told))


@given(order_histories(), st.integers(0, 6))
def test_prefix_and_suffix_are_the_whole(history: list[Input], cut: int) -> None:
    whole, prefix = run(fold(), history), run(fold(), history[:cut])
    suffix = run(fold(), history[cut:], prefix.states)
    assert (suffix.states, prefix.outputs + suffix.outputs) == (whole.states, whole.outputs)


@given(st.data())
def test_batch_boundaries_change_nothing(data: st.DataObject) -> None:
    history = data.draw(merged([data.draw(order_histories(order_id=n)) for n in (100, 101)]))
    one_by_one = run(fold(), history)
    batched = run_in_batches(fold(), history, data.draw(st.lists(st.integers(1, 3), max_size=4)))
    assert (batched.states, batched.outputs) == (one_by_one.states, one_by_one.outputs)


@given(st.data())
def test_orders_may_interleave_in_any_way(data: st.DataObject) -> None:
    sources = [data.draw(order_histories(order_id=n)) for n in (100, 101, 102)]
    one = run(fold(), [record for source in sources for record in source])
    other = run(fold(), data.draw(merged(sources)))
    assert other.states == one.states
    assert sorted(ids(other.outputs)) == sorted(ids(one.outputs))


@given(order_histories())
def test_the_compacted_log_gives_the_same_orders(history: list[Input]) -> None:
    whole, rest = states(run(fold(), history)), states(run(fold(), compacted(history)))
    assert whole.keys() == rest.keys()
    for key, state in rest.items():
        same = whole[key]
        assert (state.fetched_at, state.status) == (same.fetched_at, same.status)
        assert (state.customer, state.part) == (same.customer, same.part)


@given(order_histories())
def test_a_compacted_log_tells_nothing_that_the_whole_log_does_not(history: list[Input]) -> None:
    rest = compacted(history, within=14 * DAY)
    more = set(ids(run(fold(), rest).outputs)) - set(ids(run(fold(), history).outputs))
    more = {event for event in more if "@" not in event}  # jumps: what two fetches show depends on which two they are
    # One that counted, then waits to be paid again, may be placed again if the first time was compacted away.
    assert not more or waits_again(history)


@given(order_histories())
def test_what_customers_heard_is_what_the_table_holds(history: list[Input]) -> None:
    ran = run(fold(), history)
    heard: dict[str, bool] = {}
    for key, part in to_customers(ran.outputs):
        if isinstance(part, OrderPart):
            heard[key] = part.present
    holder = [state.customer for state in states(ran).values() if state.part]
    assert [key for key, present in heard.items() if present] == holder
