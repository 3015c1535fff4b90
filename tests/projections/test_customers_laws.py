"""The laws of the fold `customers`, on histories that hypothesis draws."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from projections.customer import Customer
from projections.customers import CustomersFold
from projections.fold import Input
from schemas.inner import ContactInput, Contribution, MovedAway
from tests.projections.orders_made import (
    ids,
    settings,
    to_contacts,
)
from tests.projections.running import Ran, run, run_in_batches
from tests.projections.strategies_orders import (
    cart_histories,
    compacted,
    customer_histories,
    merged,
    part_histories,
    with_duplicates,
)

REGISTERED, GUEST = "h1/7", "h1/guest:ada@example.com"


def fold() -> CustomersFold:
    return CustomersFold(settings())


def sources(data: st.DataObject, key: str, customers: list[Input]) -> list[list[Input]]:
    """Orders of who was erased stay: they alone may know the e-mail, so what was held depends on when they leave."""
    was_erased = any(record.value is None for record in customers)
    orders = [data.draw(part_histories(key, order_id, stays=was_erased)) for order_id in (1, 2)]
    return [customers, *orders, data.draw(cart_histories(key, "c1")), data.draw(cart_histories(key, "c2"))]


def anyone(data: st.DataObject) -> list[list[Input]]:
    if data.draw(st.booleans()):
        return sources(data, REGISTERED, data.draw(customer_histories()))
    return sources(data, GUEST, [])


def last_contribution(ran: Ran) -> tuple[str, ContactInput] | None:
    """Of the one source there is, unless it said good-bye since."""
    told = [(key, m) for key, m in to_contacts(ran.outputs) if isinstance(m, Contribution | MovedAway)]
    return told[-1] if told and isinstance(told[-1][1], Contribution) else None


def business(ran: Ran) -> list[Any]:
    """The table without what only says how it came about: moves and digests. Unbound: the e-mail of who was erased."""
    found = []
    for key, stored in sorted(ran.states.items()):
        state: Customer = fold().load(key, stored)
        same = msgspec.structs.replace(state, told="", moved_from="", moved_at=0, contact="")
        found.append((key, msgspec.structs.replace(same, email="") if state.deleted else same))
    return found


@given(st.data())
def test_any_interleaving_gives_the_same_customers(data: st.DataObject) -> None:
    parts = anyone(data)
    one = run(fold(), [record for source in parts for record in source])
    other = run(fold(), data.draw(merged(parts)))
    assert other.states == one.states
    assert sorted(ids(other.outputs)) == sorted(ids(one.outputs))
    assert last_contribution(other) == last_contribution(one)


@given(st.data())
def test_any_interleaving_gives_the_same_erased_customers(data: st.DataObject) -> None:
    parts = sources(data, REGISTERED, data.draw(customer_histories(erased_first=True)))
    one = run(fold(), [record for source in parts for record in source])
    other = run(fold(), data.draw(merged(parts)))
    assert business(other) == business(one)
    assert sorted(ids(other.outputs)) == sorted(ids(one.outputs))


@given(st.data())
def test_duplicate_facts_change_nothing(data: st.DataObject) -> None:
    history = data.draw(customer_histories())
    once, again = run(fold(), history), run(fold(), data.draw(with_duplicates(history)))
    assert again.states == once.states
    assert again.outputs == once.outputs


@given(st.data())
def test_duplicate_parts_at_once_change_nothing(data: st.DataObject) -> None:
    history = [record for source in anyone(data) for record in source]
    parts = [n for n, record in enumerate(history) if record.topic == "customers" and record.value]
    chosen = data.draw(st.sets(st.sampled_from(parts)))
    told = [record for n, record in enumerate(history) for _ in range(2 if n in chosen else 1)]
    once, again = run(fold(), history), run(fold(), told)
    assert again.states == once.states
    assert set(ids(again.outputs)) == set(ids(once.outputs))


@given(st.data(), st.integers(0, 12))
def test_prefix_and_suffix_are_the_whole(data: st.DataObject, cut: int) -> None:
    history = data.draw(merged(anyone(data)))
    whole, prefix = run(fold(), history), run(fold(), history[:cut])
    suffix = run(fold(), history[cut:], prefix.states)
    assert (suffix.states, prefix.outputs + suffix.outputs) == (whole.states, whole.outputs)


@given(st.data())
def test_batch_boundaries_change_nothing(data: st.DataObject) -> None:
    both = [*sources(data, REGISTERED, data.draw(customer_histories())), *sources(data, GUEST, [])]
    history = data.draw(merged(both))
    one_by_one = run(fold(), history)
    batched = run_in_batches(fold(), history, data.draw(st.lists(st.integers(1, 5), max_size=4)))
    assert (batched.states, batched.outputs) == (one_by_one.states, one_by_one.outputs)


@given(st.data())
def test_the_compacted_log_gives_the_same_customers(data: st.DataObject) -> None:
    facts, *rest = sources(data, REGISTERED, data.draw(customer_histories()))
    others = [record for source in rest for record in source]
    assert business(run(fold(), compacted(facts) + others)) == business(run(fold(), facts + others))
