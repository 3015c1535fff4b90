"""The laws of the fold `carts`, on lives of carts that hypothesis draws, with ticks and answers as they follow."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from projections.cart import CartState
from projections.carts import CartsFold
from projections.fold import Input
from tests.projections.carts_made import (
    CART,
    DAY,
    EMPTY,
    HOUR,
    MINUTE,
    NOON,
    STORE,
    answer,
    cart,
    converted,
    deleted,
    fetched,
    line,
    parts,
    questions,
    settings,
    stages,
    tick,
)
from tests.projections.running import Ran, run, run_in_batches
from tests.projections.strategies_orders import compacted, merged, with_duplicates

FOLD = CartsFold(settings(events={"store/cart/created": "cart_created", "store/cart/updated": "cart_updated"}))
OTHER = "c0ffee00-0000-4000-8000-000000000002"
PAUSES = st.sampled_from([20_000, 5 * MINUTE, 50 * MINUTE, 5 * HOUR, DAY, 2 * DAY, 6 * DAY, 9 * DAY])
ACTIONS = ["change", "change", "touch", "owner", "price", "empty", "nothing", "nothing", "delete", "convert"]


class Life:
    """One cart's records: what happens to it, and the ticks and answers that follow, in the order of time."""

    def __init__(self, draw: st.DrawFn, cart_id: str, *, stale_touches: bool) -> None:
        self.records: list[Input] = []
        self._stale_touches, self._filled_at = stale_touches, NOON
        self._draw, self._id, self._key = draw, cart_id, f"{STORE}/{cart_id}".encode()
        self._ran = Ran()
        self._lines = [line()]
        self._fields: dict[str, Any] = {"changed": NOON, "customer": draw(st.sampled_from([0, 7])), "version": 1}

    def live(self) -> list[Input]:
        now = NOON + self._draw(st.integers(1, 90)) * 1000
        self._take(fetched(self._cart(), now, id=self._id))
        for _ in range(self._draw(st.integers(0, 8))):
            then = now + self._draw(PAUSES)
            self._wait(until=then)
            now = then
            if not self._act(self._draw(st.sampled_from(ACTIONS)), now):
                break
        self._wait(until=now + self._draw(PAUSES))
        return self.records

    def _act(self, action: str, now: int) -> bool:
        if action in ("convert", "delete"):
            self._take(converted(now, id=self._id) if action == "convert" else deleted(now, id=self._id))
            return False
        self._fields |= {"version": self._fields["version"] + 1}
        if not self._stale_touches and now >= self._filled_at + 7 * DAY:
            action = "change"
        if action == "change":
            self._filled_at = now
            self._lines = [line(self._draw(st.integers(1, 3)), quantity=self._fields["version"])]
        elif action == "owner":
            self._fields["customer"] = self._draw(st.sampled_from([0, 7]))
            self._fields["email"] = self._draw(st.sampled_from(["", "ada@example.com"]))
        elif action == "price":
            self._fields["cart_amount"] = self._draw(st.sampled_from([5.0, 50.0]))
        if action != "nothing":
            self._fields["changed"] = now
        seen = self._cart() if action != "empty" else self._cart() | {"line_items": EMPTY, "cart_amount": 0}
        self._take(fetched(seen, now + 1000, id=self._id))
        return True

    def _cart(self) -> dict[str, Any]:
        return cart(*self._lines, **self._fields)

    def _wait(self, until: int) -> None:
        """Ticks when something is due; most questions are answered two minutes later."""
        while self._ran.states and (due := FOLD.due(FOLD.load(self._key, self._ran.states[self._key]))) and due < until:
            asked = len(questions(self._ran))
            at = max(due, self.records[-1].time)
            self._take(msgspec.structs.replace(tick(at), key=self._key))
            new = questions(self._ran)[asked:]
            if new and at + 2 * MINUTE < until and self._draw(st.integers(0, 3)):
                self._take(answer(self._cart(), new[0].due, at + 2 * MINUTE, id=self._id))

    def _take(self, record: Input) -> None:
        self.records.append(record)
        self._ran = Ran(self._ran.states, [*self._ran.outputs, *run(FOLD, [record], self._ran.states).outputs])
        self._ran.states = run(FOLD, [record], self._ran.states).states


@st.composite
def lives(draw: st.DrawFn, *, cart_id: str = CART, stale_touches: bool = True) -> list[Input]:
    """``stale_touches``: also fetches of expired carts that show their old content."""
    return Life(draw, cart_id, stale_touches=stale_touches).live()


def ids(ran: Ran) -> list[str]:
    return [part.event.id for _, part in parts(ran) if part.event]


def without_removal(records: list[Input]) -> list[Input]:
    """Until the cart leaves the table: exactly-once delivery forgets nothing, a table does."""
    kept: list[Input] = []
    for record in records:
        if kept and not run(FOLD, [*kept, record]).states:
            break
        kept.append(record)
    return kept


@given(st.data())
def test_duplicates_change_nothing(data: st.DataObject) -> None:
    records = without_removal(data.draw(lives()))
    once, again = run(FOLD, records), run(FOLD, data.draw(with_duplicates(records)))
    assert again.states == once.states
    assert sorted(ids(again)) == sorted(ids(once))


@given(lives(), st.integers(0, 30))
def test_prefix_and_suffix_are_the_whole(records: list[Input], cut: int) -> None:
    whole, prefix = run(FOLD, records), run(FOLD, records[:cut])
    suffix = run(FOLD, records[cut:], prefix.states)
    assert (suffix.states, prefix.outputs + suffix.outputs) == (whole.states, whole.outputs)


@given(st.data())
def test_batch_boundaries_change_nothing(data: st.DataObject) -> None:
    records = data.draw(merged([data.draw(lives()), data.draw(lives(cart_id=OTHER))]))
    one_by_one = run(FOLD, records)
    batched = run_in_batches(FOLD, records, data.draw(st.lists(st.integers(1, 4), max_size=4)))
    assert (batched.states, batched.outputs) == (one_by_one.states, one_by_one.outputs)


@given(st.data())
def test_carts_may_interleave_in_any_way(data: st.DataObject) -> None:
    sources = [data.draw(lives()), data.draw(lives(cart_id=OTHER))]
    apart, mixed = run(FOLD, [*sources[0], *sources[1]]), run(FOLD, data.draw(merged(sources)))
    assert mixed.states == apart.states
    assert sorted(ids(mixed)) == sorted(ids(apart))


@given(lives(stale_touches=False))
def test_the_compacted_log_gives_the_same_open_carts_and_the_same_orders(records: list[Input]) -> None:
    def standing(ran: Ran) -> dict[bytes, CartState]:
        """Whether `cart_created` was told more than 14 days ago is of no account: it would be too old to be told."""
        states = {key: FOLD.load(key, stored) for key, stored in ran.states.items()}
        return {
            key: msgspec.structs.replace(state, created_told=False, updated_minute=0)
            for key, state in states.items()
            if state.ended not in ("expired", "emptied", "deleted")
        }

    whole, rest = run(FOLD, records), run(FOLD, compacted(records, within=14 * DAY))
    assert standing(rest) == standing(whole)


@given(lives(), st.sampled_from([converted, deleted]))
def test_after_an_end_only_the_end_marker_counts(records: list[Input], end: Any) -> None:
    last = end(records[-1].time + HOUR)

    def marker(ran: Ran) -> tuple[str, int, int | None]:
        (state,) = (FOLD.load(key, stored) for key, stored in ran.states.items())
        return state.ended, state.ended_at, state.order_id

    whole, rest = run(FOLD, [*records, last]), run(FOLD, [last])
    assert marker(whole) == marker(rest)
    if end is converted:
        assert whole.states == rest.states


@given(lives())
def test_no_event_is_told_twice(records: list[Input]) -> None:
    told = ids(run(FOLD, records))
    assert len(told) == len(set(told))


@given(lives())
def test_an_open_cart_always_knows_when_it_wants_attention_next(records: list[Input]) -> None:
    for stored in run(FOLD, records).states.values():
        assert FOLD.due(FOLD.load(b"h1/x", stored)) is not None


@given(lives())
def test_a_recovery_is_told_only_of_a_series_that_was_started(records: list[Input]) -> None:
    ran = run(FOLD, records)
    told = ids(ran)
    for event in told:
        if event.startswith("cart_recovered:"):
            started = event.replace("cart_recovered:", "cart_abandoned:") + ":"
            assert any(other.startswith(started) for other in told)
    recovered = sum(event.startswith("cart_recovered:") for event in told)
    assert recovered <= sum(stage == "recovered" for stage, _ in stages(ran))
