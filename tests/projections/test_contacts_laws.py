"""The laws of the fold `contacts`, for one contact of several sources. Moves have their own in test_contact_moves."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from projections.consent import CARTS, NEWSLETTER
from projections.contacts import ContactsFold
from projections.fold import Input
from schemas import topics
from schemas.commands import UpsertContact
from schemas.inner import CartPart, CartTold, Consent, ContactInput, Contribution
from schemas.settings import CartSettings
from tests.projections.carts_made import HOUR, MINUTE, NOON, STORE, settings
from tests.projections.contacts_made import (
    ADA,
    SEVEN,
    cart,
    commands,
    consent,
    contribution,
    event,
    events,
    moved,
    papers,
    record,
    statement,
    to,
    upserts,
)
from tests.projections.running import Ran, run, run_in_batches
from tests.projections.strategies_orders import compacted, merged

FOLD = ContactsFold(settings(include_guests=True, carts=CartSettings(require_consent=True)))
GUEST = f"{STORE}/guest:{ADA}"
TEXTS = st.sampled_from([None, "", "Ada", "Augusta"])
PURPOSES = st.lists(st.sampled_from([NEWSLETTER, CARTS]), unique=True)


def contributions(draw: st.DrawFn, source: str) -> Contribution:
    orders = draw(st.integers(0, 3))
    deleted = source != GUEST and draw(st.integers(0, 3)) == 0
    attributes: dict[str, Any] = {} if deleted else {"FIRSTNAME": draw(TEXTS), "CITY": draw(TEXTS)}
    return contribution(
        source,
        registered=source != GUEST,
        deleted=deleted,
        changed_at=NOON + draw(st.integers(0, 3)) * MINUTE,
        attributes=attributes,
        orders=orders,
        known_orders=orders + draw(st.integers(0, 1)),
        reporting=orders * 10_000,
        totals={"EUR": orders} if draw(st.booleans()) and orders else {},
        opted_in_at=draw(st.sampled_from([None, NOON, NOON + HOUR])),
        opted_in_live=draw(st.booleans()),
    )


@st.composite
def customers(draw: st.DrawFn, source: str) -> list[Input]:
    """What one source tells its contact: contributions, papers with their events, at last perhaps good-bye."""
    told: list[ContactInput] = []
    for step in range(draw(st.integers(1, 4))):
        told.append(contributions(draw, source))
        if draw(st.booleans()):
            occasions = [event(f"{source}:{step}:{n}", NOON + step) for n in range(draw(st.integers(0, 2)))]
            told.append(papers(*occasions, record=record(step), source=source))
    if draw(st.integers(0, 4)) == 0:
        told.append(moved("", source))
    return [to(ADA, message) for message in told]


@st.composite
def subscribers(draw: st.DrawFn, number: int) -> list[Input]:
    said = []
    for step in range(draw(st.integers(1, 3))):
        at = NOON + step * HOUR
        out = draw(st.sampled_from([None, at]))
        gone, live = draw(st.integers(0, 5)) == 0, draw(st.sampled_from([NOON + HOUR, None, 0]))
        fields: dict[str, Any] = {"at": at, "withdrawn_at": out, "gone": gone, "live_since": live}
        said.append(to(ADA, statement(*sorted(draw(PURPOSES)), source=f"{STORE}/subscriber:{number}", **fields)))
    return said


OPT_OUTS = st.lists(st.sampled_from([None, NOON, NOON + HOUR, NOON + 2 * HOUR]), max_size=3).map(
    lambda times: [consent(ADA, at) for at in times]
)


@st.composite
def carts(draw: st.DrawFn) -> list[Input]:
    """Of one customer who may be written to: two carts, in the order of time, as the fold `carts` tells them."""
    told: list[ContactInput] = [contribution()]
    steps, changed, open_ = {"one": 0, "two": 0}, {"one": NOON, "two": NOON}, {"one", "two"}
    for turn in range(draw(st.integers(1, 10))):
        now, name = NOON + turn * HOUR, draw(st.sampled_from(["one", "two"]))
        what = draw(st.sampled_from(["open", "due", "due", "due", "gone", "converted"]))
        if what == "open" or name not in open_ or (what == "due" and steps[name] == 3):
            what, changed[name], steps[name] = "open", now, 0
            open_.add(name)
        elif what == "due":
            steps[name] += 1
        else:
            open_.discard(name)
        fields: dict[str, Any] = {"changed": changed[name], "step": steps[name], "last": steps[name] >= 3}
        told.append(cart(what, at=now, cart_id=name, **fields))
    return [to(ADA, message) for message in told]


@st.composite
def streams(draw: st.DrawFn) -> list[list[Input]]:
    """Independent sources of one contact."""
    people = [draw(customers(source)) for source in (SEVEN, f"{STORE}/8", GUEST)]
    return [*people, draw(subscribers(5)), draw(subscribers(6)), draw(OPT_OUTS)]


@given(st.data())
def test_duplicates_change_nothing(data: st.DataObject) -> None:
    records = data.draw(merged(data.draw(streams())))
    once, twice = run(FOLD, records), run(FOLD, [record for record in records for _ in range(2)])
    assert twice.states == once.states
    assert set(events(twice)) == set(events(once))
    assert upserts(twice) == upserts(once)


@given(st.data())
def test_a_cart_told_again_is_not_announced_again(data: st.DataObject) -> None:
    known = [to(ADA, statement(CARTS))]
    records = data.draw(carts())
    once = run(FOLD, [*known, *records])
    again = run(FOLD, [*known, *[record for record in records for _ in range(2)]])
    assert again.states == once.states
    assert events(again) == events(once)
    assert len(events(once)) == len(set(events(once)))


@given(st.data(), st.integers(0, 20))
def test_prefix_and_suffix_are_the_whole(data: st.DataObject, cut: int) -> None:
    records = data.draw(merged([*data.draw(streams()), data.draw(carts())]))
    whole, prefix = run(FOLD, records), run(FOLD, records[:cut])
    suffix = run(FOLD, records[cut:], prefix.states)
    assert (suffix.states, prefix.outputs + suffix.outputs) == (whole.states, whole.outputs)


@given(st.data())
def test_batch_boundaries_change_nothing(data: st.DataObject) -> None:
    records = data.draw(merged([*data.draw(streams()), data.draw(carts())]))
    one_by_one = run(FOLD, records)
    batched = run_in_batches(FOLD, records, data.draw(st.lists(st.integers(1, 4), max_size=4)))
    assert (batched.states, batched.outputs) == (one_by_one.states, one_by_one.outputs)


@given(st.data())
def test_sources_may_interleave_in_any_way(data: st.DataObject) -> None:
    sources = data.draw(streams())
    one, other = (run(FOLD, data.draw(merged(sources))) for _ in range(2))
    assert other.states == one.states
    assert sorted(events(other)) == sorted(events(one))
    assert last_upsert(other) == last_upsert(one)


@given(st.data())
def test_other_sources_do_not_disturb_the_series_of_a_consenting_customer(data: st.DataObject) -> None:
    known, series = [to(ADA, statement(CARTS, source=f"{STORE}/subscriber:9"))], data.draw(carts())
    others = [data.draw(customers(f"{STORE}/8")), data.draw(customers(GUEST))]
    one, other = (run(FOLD, [*known, *data.draw(merged([series, *others]))]) for _ in range(2))
    assert other.states == one.states
    assert sorted(events(other)) == sorted(events(one))


@given(st.data())
def test_the_compacted_opt_outs_lead_to_the_same_contact(data: st.DataObject) -> None:
    said, people = as_the_topic_ends(data.draw(OPT_OUTS)), data.draw(merged(data.draw(streams())[:-1]))
    whole, rest = run(FOLD, [*said, *people]), run(FOLD, [*compacted(said), *people])
    assert rest.states == whole.states
    assert last_upsert(rest) == last_upsert(whole)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=6))
def test_of_brevos_opt_outs_the_newest_stands_in_whatever_order_they_come(hours: list[int]) -> None:
    said = as_the_topic_ends([consent(ADA, NOON + hour * HOUR) for hour in hours])
    in_order = run(FOLD, [consent(ADA, NOON + hour * HOUR) for hour in sorted(set(hours))])
    assert run(FOLD, said).states == in_order.states
    newest = msgspec.json.decode(compacted(said)[0].value or b"", type=Consent)
    assert newest == Consent(account="main", email=ADA, opted_out_at=NOON + max(hours) * HOUR, reason="unsubscribed")


@given(st.data())
def test_the_contact_always_comes_before_what_is_said_about_it(data: st.DataObject) -> None:
    records = data.draw(merged([*data.draw(streams()), data.draw(carts())]))
    told = commands(run(FOLD, records))
    assert not told or isinstance(told[0], UpsertContact)


@given(carts())
def test_one_cart_series_runs_at_a_time(told: list[Input]) -> None:
    """It runs until its last step, or until its cart is gone or ordered."""
    running, states = "", run(FOLD, [to(ADA, statement(CARTS)), told[0]]).states
    for record_ in told[1:]:
        part = part_of(record_)
        ran = run(FOLD, [record_], states)
        states = ran.states
        if any(occasion.startswith("cart_abandoned") for occasion in events(ran)):
            assert running in ("", part.cart_id)
            running = "" if part.last else part.cart_id
        elif part.change in ("gone", "converted") and running == part.cart_id:
            running = ""


def part_of(record_: Input) -> CartPart:
    decoder: msgspec.msgpack.Decoder[ContactInput] = msgspec.msgpack.Decoder(ContactInput)
    message = decoder.decode(record_.value or b"")
    assert isinstance(message, CartTold)
    return message.part


def as_the_topic_ends(said: list[Input]) -> list[Input]:
    """With what the contact answers there, until it has nothing more to say."""
    ran, log = run(FOLD, []), list(said)
    for record_ in log:  # grows
        ran = run(FOLD, [record_], ran.states)
        log += [Input(one.topic, one.key or b"", one.value, NOON) for one in ran.to(topics.CONSENT)]
    return log


def last_upsert(ran: Ran) -> list[Any]:
    """Without its time and whether it came from an import: both are of the record that came last."""
    return [(one.attributes, one.lists, one.subscribed, one.decided_at, one.phone) for one in upserts(ran)[-1:]]
