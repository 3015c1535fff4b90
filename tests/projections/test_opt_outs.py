"""What Brevo's own webhooks mean: which events are opt-outs, whose, and since when."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.contacts import ContactsFold
from projections.fold import Input
from projections.opt_outs import OptOutsFold
from schemas import topics
from schemas.errors import BadRecord
from schemas.inner import Consent
from schemas.settings import CartSettings
from tests.projections.carts_made import settings
from tests.projections.contacts_made import ADA, BOB
from tests.projections.orders_made import HOUR, NOON
from tests.projections.running import Ran, run

SETTINGS = settings(carts=CartSettings(require_consent=True))
FOLD = OptOutsFold(SETTINGS)
LATER = NOON + 8 * HOUR


def event(name: str = "unsubscribe", email: str = ADA, at: int | None = NOON, **more: Any) -> dict[str, Any]:
    return {"event": name, "email": email, **({} if at is None else {"ts_event": at // 1000}), **more}


def webhook(*events: Any, account: str = "main", heard_at: int = LATER) -> Input:
    """One event as Brevo sends it, several as it does with `batched`."""
    body = events[0] if len(events) == 1 else list(events)
    return Input(topics.BREVO_EVENT, account.encode(), json.dumps(body).encode(), heard_at)


def said(ran: Ran) -> list[Consent]:
    return [msgspec.json.decode(output.value or b"", type=Consent) for output in ran.to(topics.CONSENT)]


def opt_out(email: str = ADA, at: int = NOON, reason: str = "unsubscribed") -> Consent:
    return Consent(account="main", email=email, opted_out_at=at, reason=reason)


@pytest.mark.parametrize(
    ("name", "reason"), [("unsubscribe", "unsubscribed"), ("unsubscribed", "unsubscribed"), ("spam", "spam")]
)
def test_who_unsubscribes_or_complains_has_opted_out(name: str, reason: str) -> None:
    ran = run(FOLD, [webhook(event(name))])
    assert said(ran) == [opt_out(reason=reason)]
    (record,) = ran.outputs
    assert record.key == f"main/{ADA}".encode()
    assert dict(record.headers)["ce_type"] == b"brevo.consent.opted_out"
    assert dict(record.headers)["ce_time"] == b"2026-08-11T11:30:00.000Z"
    assert ran.states == {}


@pytest.mark.parametrize(
    "name", ["hard_bounce", "soft_bounce", "delivered", "opened", "list_addition", "contact_deleted"]
)
def test_nothing_else_is_an_opt_out_a_bounce_neither(name: str) -> None:
    assert run(FOLD, [webhook(event(name))]).outputs == []


def test_the_address_is_compared_as_everywhere() -> None:
    assert said(run(FOLD, [webhook(event(email=" Ada@Example.COM "))])) == [opt_out()]


@pytest.mark.parametrize(
    ("times", "at"),
    [
        ({"ts_event": NOON // 1000, "ts": NOON // 1000 + 3600, "ts_epoch": NOON + 5}, NOON),
        ({"ts_event": str(NOON // 1000)}, NOON),
        ({"ts_epoch": NOON}, NOON),
        ({"ts_epoch": NOON // 1000}, NOON),  # seconds, as in Brevo's own example
        ({"ts": NOON // 1000, "date_event": "2026-08-11 13:30:00"}, LATER),  # of a zone that nobody names
        ({"ts_event": 0}, LATER),
        ({"ts_event": "yesterday", "ts_epoch": None}, LATER),
        ({"ts_event": True}, LATER),
        ({"ts_event": 10**18}, LATER),
    ],
)
def test_the_time_is_that_of_the_event_in_utc_else_when_it_was_heard(times: dict[str, Any], at: int) -> None:
    assert said(run(FOLD, [webhook(event(at=None, **times))])) == [opt_out(at=at)]


def test_a_batch_is_every_opt_out_in_it() -> None:
    batch = webhook(event("delivered"), event(at=NOON + 1000), event("spam", BOB), event(email=""), {"event": None})
    assert said(run(FOLD, [batch])) == [opt_out(at=NOON + 1000), opt_out(BOB, reason="spam")]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (webhook(event(), account="other"), "account 'other', which is not configured"),
        (webhook(event(email="nobody")), "an opt-out of nobody"),
        (webhook({"event": "spam"}), "an opt-out of nobody"),
        (webhook({"email": ADA}), "nothing in it names an event"),
        (msgspec.structs.replace(webhook(event()), value=b"no json"), "Not a webhook of Brevo"),
        (msgspec.structs.replace(webhook(event()), value=None), "Not a webhook of Brevo"),
    ],
)
def test_what_cannot_be_used_is_a_bad_record_without_anybodys_address(record: Input, message: str) -> None:
    with pytest.raises(BadRecord, match=message) as caught:
        run(FOLD, [record])
    assert ADA not in str(caught.value)


EVENTS = st.builds(
    event,
    st.sampled_from(["unsubscribe", "unsubscribed", "spam", "hard_bounce", "delivered"]),
    st.sampled_from([ADA, "ADA@example.com", BOB]),
    st.sampled_from([NOON, NOON + HOUR, NOON + 2 * HOUR]),
)
HISTORIES = st.lists(st.lists(EVENTS, min_size=1, max_size=3), max_size=6)


def contacts_after(webhooks: list[list[dict[str, Any]]]) -> tuple[dict[bytes, bytes], dict[bytes | None, bytes | None]]:
    """The contacts, and brevo.consent.v1 as compaction leaves it, once all is said."""
    heard = run(FOLD, [webhook(*events) for events in webhooks])
    log = [Input(topics.CONSENT, one.key or b"", one.value, NOON) for one in heard.outputs]
    fold, ran = ContactsFold(SETTINGS), Ran()
    for record in log:  # grows by what contacts answer
        ran = run(fold, [record], ran.states)
        log += [Input(topics.CONSENT, one.key or b"", one.value, NOON) for one in ran.to(topics.CONSENT)]
    return ran.states, {record.key: record.value for record in log}


@given(st.data())
def test_duplicates_and_any_order_give_the_same_contacts_and_the_same_consents(data: st.DataObject) -> None:
    history = data.draw(HISTORIES)
    again = data.draw(st.lists(st.sampled_from(history), max_size=4)) if history else []
    assert contacts_after(data.draw(st.permutations([*history, *again]))) == contacts_after(history)


@given(HISTORIES)
def test_a_batch_says_what_its_events_say_alone(history: list[list[dict[str, Any]]]) -> None:
    alone = run(FOLD, [webhook(event) for events in history for event in events])
    assert run(FOLD, [webhook(*events) for events in history]).outputs == alone.outputs


@given(HISTORIES)
def test_the_consents_hold_the_newest_opt_out_of_each(history: list[list[dict[str, Any]]]) -> None:
    _, consents = contacts_after(history)
    newest: dict[str, int] = {}
    for one in (one for events in history for one in events if one["event"] not in ("hard_bounce", "delivered")):
        newest[one["email"].lower()] = max(newest.get(one["email"].lower(), 0), one["ts_event"] * 1000)
    found = [msgspec.json.decode(value or b"", type=Consent) for value in consents.values()]
    assert {one.email: one.opted_out_at for one in found} == newest
