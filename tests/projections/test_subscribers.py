"""What a subscriber record says, to whom, and the laws of the fold `subscribers`."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.consent import CARTS, NEWSLETTER
from projections.fold import Input
from projections.subscribers import SubscribersFold
from schemas import topics
from schemas.errors import BadRecord
from schemas.inner import ContactInput, Statement
from tests.projections.carts_made import LIVE, MINUTE, NOON, STORE, settings, subscriber
from tests.projections.running import Ran, run, run_in_batches
from tests.projections.strategies_orders import merged, with_duplicates

FOLD = SubscribersFold(settings())
OLD, NEW = "main/ada@example.com", "main/countess@example.com"


def said(ran: Ran) -> list[tuple[str, Statement]]:
    decoder: msgspec.msgpack.Decoder[ContactInput] = msgspec.msgpack.Decoder(ContactInput)
    found = []
    for output in ran.to("contacts"):
        statement = decoder.decode(output.value or b"")
        assert isinstance(statement, Statement)
        found.append(((output.key or b"").decode(), statement))
    return found


def told(*records: Input) -> list[tuple[str, list[str], int | None, bool]]:
    return [(to, one.consents, one.withdrawn_at, one.gone) for to, one in said(run(FOLD, records))]


def test_an_opt_in_is_told_to_the_contact_of_its_normalised_email() -> None:
    ((to, statement),) = said(run(FOLD, [subscriber([NEWSLETTER, CARTS])]))
    assert to == OLD
    assert statement == Statement(
        source=f"{STORE}/subscriber:5", store=STORE, at=NOON, consents=[CARTS, NEWSLETTER], live_since=LIVE
    )


def test_a_first_record_without_consents_says_nothing() -> None:
    assert told(subscriber([])) == []


def test_the_same_again_is_not_told_again() -> None:
    assert len(told(subscriber([CARTS]), subscriber([CARTS], fetched_at=NOON + 2 * MINUTE))) == 1


def test_an_empty_list_after_an_opt_in_is_an_opt_out() -> None:
    after = subscriber([], at=NOON + MINUTE, withdrawn_at=NOON + MINUTE)
    assert told(subscriber([CARTS]), after)[-1] == (OLD, [], NOON + MINUTE, False)


def test_deletion_is_an_opt_out_that_outlives_the_record() -> None:
    gone = subscriber([CARTS], at=NOON + MINUTE, withdrawn_at=NOON + 2 * MINUTE, deleted=True)
    assert told(subscriber([CARTS]), gone)[-1] == (OLD, [], NOON + 2 * MINUTE, False)


def test_an_opt_in_that_was_lost_unnoticed_is_taken_back_without_an_opt_out() -> None:
    assert told(subscriber([CARTS]), subscriber([], at=NOON + MINUTE))[-1] == (OLD, [], None, False)


def test_a_changed_email_takes_the_opt_in_to_the_new_contact() -> None:
    moved = subscriber([CARTS], at=NOON + MINUTE, email="countess@example.com")
    assert told(subscriber([CARTS]), moved)[1:] == [(OLD, [CARTS], None, True), (NEW, [CARTS], None, False)]


def test_a_changed_email_leaves_the_opt_out_at_the_old_contact_too() -> None:
    out = subscriber([NEWSLETTER], at=NOON + MINUTE, withdrawn_at=NOON + MINUTE)
    moved = subscriber(
        [NEWSLETTER],
        at=NOON + MINUTE,
        withdrawn_at=NOON + MINUTE,
        email="countess@example.com",
        fetched_at=NOON + 5 * MINUTE,
    )
    assert told(out, moved)[1:] == [
        (OLD, [NEWSLETTER], NOON + MINUTE, True),
        (NEW, [NEWSLETTER], NOON + MINUTE, False),
    ]


def test_an_email_that_is_none_says_nothing() -> None:
    assert told(subscriber([CARTS], email="nobody")) == []
    assert told(subscriber([CARTS]), subscriber([CARTS], email="nobody", at=NOON + MINUTE))[-1] == (
        OLD,
        [CARTS],
        None,
        True,
    )


def test_an_edit_that_touches_no_consent_is_no_new_decision() -> None:
    edited = subscriber([CARTS], at=NOON + MINUTE, opted_in_at=NOON)
    assert len(told(subscriber([CARTS], opted_in_at=NOON), edited)) == 1


def test_an_older_fetch_never_overwrites_a_newer_one() -> None:
    newer = subscriber([], at=NOON + MINUTE, withdrawn_at=NOON + MINUTE)
    assert told(newer, subscriber([CARTS], fetched_at=NOON)) == [(OLD, [], NOON + MINUTE, False)]


def test_an_erased_record_leaves_nothing_behind() -> None:
    out = subscriber([], withdrawn_at=NOON)
    ran = run(FOLD, [out, Input(topics.SUBSCRIBER, out.key, None, NOON + MINUTE)])
    assert ran.states == {}
    assert said(ran)[-1][1] == Statement(source=f"{STORE}/subscriber:5", store=STORE, at=NOON + MINUTE, gone=True)


def test_a_record_of_a_store_that_is_not_configured_is_refused() -> None:
    with pytest.raises(BadRecord, match="'h9', which is not configured"):
        run(FOLD, [subscriber([CARTS], store="h9")])


def test_a_record_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(BadRecord) as refused:
        run(FOLD, [Input(topics.SUBSCRIBER, b"h1/5", b'{"store": 1}', NOON)])
    assert refused.value.stage == "decode"


# --- laws -------------------------------------------------------------------------------------------------------------

PURPOSES = st.lists(st.sampled_from([NEWSLETTER, CARTS]), unique=True)
EMAILS = st.sampled_from(["ada@example.com", "Countess@Example.com", "nobody"])


@st.composite
def histories(draw: st.DrawFn, *, number: int = 5) -> list[Input]:
    """Of one record, as the enricher tells it: a lost opt-in has a time until something is opted in to again."""
    records, had, withdrawn = [], set[str](), None
    for step in range(draw(st.integers(1, 6))):
        at = NOON + step * MINUTE
        consents, deleted = set(draw(PURPOSES)), draw(st.integers(0, 9)) == 0
        now = set() if deleted else consents
        withdrawn = at if had - now else (withdrawn if not now - had else None)
        had = now
        records.append(
            subscriber(sorted(now), at=at, email=draw(EMAILS), id=number, withdrawn_at=withdrawn, deleted=deleted)
        )
    return records


def last_said(ran: Ran) -> dict[tuple[str, str], Statement]:
    """What contacts hold of each record; nothing where nothing is left."""
    held = {(to, one.source): one for to, one in said(ran)}
    return {key: one for key, one in held.items() if (one.consents and not one.gone) or one.withdrawn_at is not None}


@given(st.data())
def test_duplicates_change_nothing(data: st.DataObject) -> None:
    records = data.draw(histories())
    once, twice = run(FOLD, records), run(FOLD, data.draw(with_duplicates(records)))
    assert (once.states, once.outputs) == (twice.states, twice.outputs)


@given(histories(), st.integers(0, 6))
def test_prefix_and_suffix_are_the_whole(records: list[Input], cut: int) -> None:
    whole, prefix = run(FOLD, records), run(FOLD, records[:cut])
    suffix = run(FOLD, records[cut:], prefix.states)
    assert (whole.states, whole.outputs) == (suffix.states, prefix.outputs + suffix.outputs)


@given(st.data())
def test_batch_boundaries_change_nothing(data: st.DataObject) -> None:
    records = data.draw(merged([data.draw(histories(number=5)), data.draw(histories(number=6))]))
    one_by_one = run(FOLD, records)
    batched = run_in_batches(FOLD, records, data.draw(st.lists(st.integers(1, 4), max_size=4)))
    assert (batched.states, batched.outputs) == (one_by_one.states, one_by_one.outputs)


@given(st.data())
def test_independent_records_may_come_in_any_order(data: st.DataObject) -> None:
    sources = [data.draw(histories(number=5)), data.draw(histories(number=6))]
    apart, mixed = run(FOLD, [*sources[0], *sources[1]]), run(FOLD, data.draw(merged(sources)))
    assert (apart.states, last_said(apart)) == (mixed.states, last_said(mixed))


@given(histories())
def test_the_compacted_log_leads_to_the_same_state(records: list[Input]) -> None:
    assert run(FOLD, records).states == run(FOLD, records[-1:]).states
