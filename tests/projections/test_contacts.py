"""Who is a contact, what Brevo shall hold of it, and in which order it hears."""

from typing import Any

import msgspec
import pytest

from projections.consent import CARTS, NEWSLETTER
from projections.contacts import ContactsFold
from projections.fold import Input
from schemas import topics
from schemas.commands import DeleteContact
from schemas.errors import BadRecord
from schemas.inner import ContactInput, MovedAway
from tests.projections.carts_made import MINUTE, NOON, settings
from tests.projections.contacts_made import (
    ADA,
    SEVEN,
    commands,
    consent,
    contribution,
    event,
    events,
    guest,
    members,
    papers,
    profile,
    record,
    shapes,
    statement,
    to,
    upsert,
    upserts,
)
from tests.projections.running import Ran, run


def folded(*messages: ContactInput | Input, email: str = ADA, **store: Any) -> Ran:
    records = [message if isinstance(message, Input) else to(email, message) for message in messages]
    return run(ContactsFold(settings(**store)), records)


# --- who is a contact -------------------------------------------------------------------------------------------------


def test_a_registered_customer_is_a_contact() -> None:
    ran = folded(contribution())
    assert shapes(ran) == [("contact", ADA)]
    assert members(ran) == {"all_customers"}
    assert upsert(ran).id == f"contact:{ADA}"


def test_a_guest_is_one_only_with_an_order_that_is_not_incomplete() -> None:
    assert commands(folded(guest(known_orders=0))) == []
    assert upsert(folded(guest(known_orders=1))).lists == {
        "shop:all_customers": False,
        "shop:buyers": False,
        "shop:abandoned_cart": False,
    }


def test_a_subscriber_is_one_only_by_an_opt_in() -> None:
    assert commands(folded(statement())) == []
    ran = folded(statement(NEWSLETTER))
    assert (upsert(ran).subscribed, members(ran)) == (True, set())


def test_brevos_opt_out_alone_makes_no_contact() -> None:
    assert commands(folded(consent(ADA, NOON))) == []


def test_a_subscriber_who_opts_out_stays_a_contact_and_is_blocklisted() -> None:
    ran = folded(statement(NEWSLETTER), statement(at=NOON, withdrawn_at=NOON + MINUTE))
    assert [(one.subscribed, one.decided_at) for one in upserts(ran)] == [(True, NOON), (False, NOON + MINUTE)]
    assert not any(isinstance(command, DeleteContact) for command in commands(ran))


def test_the_same_state_is_told_once() -> None:
    assert len(upserts(folded(contribution(), contribution(), contribution(changed_at=NOON + MINUTE)))) == 1
    assert len(upserts(folded(contribution(), contribution(attributes=profile(FIRSTNAME="Augusta"))))) == 2


def test_what_an_import_says_may_wait_and_what_happens_now_may_not() -> None:
    assert upsert(folded(contribution(historical=True))).historical
    assert not upsert(folded(contribution(historical=True), contribution(orders=1, known_orders=1))).historical
    assert upsert(folded(statement(NEWSLETTER, at=NOON, live_since=NOON + 1))).historical


# --- consent ----------------------------------------------------------------------------------------------------------


def test_a_contact_without_any_decision_is_created_blocklisted_or_left() -> None:
    said = upsert(folded(contribution()))
    assert (said.subscribed, said.decided_at, said.blocklist_unknown) == (None, 0, True)
    assert not upsert(folded(contribution(), consent_unknown="leave")).blocklist_unknown


def test_an_opt_in_from_before_the_store_was_live_has_no_time() -> None:
    said = upsert(folded(contribution(), statement(NEWSLETTER, live_since=NOON + 1)))
    assert (said.subscribed, said.decided_at) == (True, 0)


def test_brevos_opt_out_stands_against_a_later_opt_in() -> None:
    ran = folded(statement(NEWSLETTER), consent(ADA, NOON + 1), statement(NEWSLETTER, CARTS, at=NOON + MINUTE))
    assert [one.subscribed for one in upserts(ran)] == [True, False]
    lifted = folded(
        statement(NEWSLETTER), consent(ADA, NOON + 1), statement(CARTS, at=NOON + MINUTE), account={"resubscribe": True}
    )
    assert [one.subscribed for one in upserts(lifted)] == [True, False, True]


def test_brevo_may_take_its_opt_out_back_and_erase_it() -> None:
    ran = folded(statement(NEWSLETTER), consent(ADA, NOON + 1), consent(ADA, None))
    assert [one.subscribed for one in upserts(ran)] == [True, False, True]
    erased = folded(
        statement(NEWSLETTER), consent(ADA, NOON + 1), msgspec.structs.replace(consent(ADA, NOON), value=None)
    )
    assert upsert(erased).subscribed is True


def test_an_orders_opt_in_box_is_an_opt_in_to_the_newsletter() -> None:
    said = upsert(folded(guest(opted_in_at=NOON, opted_in_live=True)))
    assert (said.subscribed, said.decided_at) == (True, NOON)
    assert upsert(folded(guest(opted_in_at=NOON))).decided_at == 0


def test_a_record_that_left_for_another_email_takes_its_opt_in_along() -> None:
    ran = folded(contribution(), statement(NEWSLETTER), statement(NEWSLETTER, gone=True, at=NOON + MINUTE))
    assert [one.subscribed for one in upserts(ran)] == [None, True, None]
    out = folded(contribution(), statement(withdrawn_at=NOON), statement(withdrawn_at=NOON, gone=True))
    assert [one.subscribed for one in upserts(out)] == [None, False]


# --- papers -----------------------------------------------------------------------------------------------------------


def test_the_contact_comes_before_its_order_record_and_that_before_its_events() -> None:
    ran = folded(papers(event(), record=record()), contribution())
    assert shapes(ran) == [("contact", ADA), ("order", ADA), ("event", ADA)]


def test_papers_of_a_contact_pass_at_once_in_their_order() -> None:
    told = papers(event("order_placed:shop:1"), event("order_status_changed:shop:1:x"))
    assert events(folded(contribution(), told)) == ["order_placed:shop:1", "order_status_changed:shop:1:x"]


def test_of_waiting_records_of_one_order_the_newest_is_told() -> None:
    waiting = [papers(event("a:1"), record=record(status="Pending")), papers(event("b:1"), record=record())]
    ran = folded(*waiting, contribution())
    told = [command.status for command in commands(ran) if hasattr(command, "status")]
    assert (told, events(ran)) == (["Completed"], ["a:1", "b:1"])


def test_papers_of_a_contact_without_any_source_left_pass_too() -> None:
    ran = folded(contribution(), contribution(deleted=True, attributes={}), papers(event(), record=record()))
    assert shapes(ran)[-2:] == [("order", ADA), ("event", ADA)]


def test_papers_of_somebody_who_is_no_contact_wait() -> None:
    ran = folded(papers(event()))
    assert (ran.outputs, len(ran.states)) == ([], 1)


def test_commands_are_public_records_of_the_account() -> None:
    (output,) = folded(contribution()).to(topics.COMMAND)
    headers = dict(output.headers)
    assert output.key == b"main"
    assert (headers["ce_type"], headers["ce_source"]) == (b"brevo.command.contact", b"tajo/contacts")
    assert headers["ce_id"].startswith(f"contact:{ADA}:".encode())
    assert msgspec.json.decode(output.value or b"")["kind"] == "contact"


def test_a_contact_of_whom_nothing_is_known_any_more_leaves_the_table() -> None:
    assert (
        folded(statement(), MovedAway(source=SEVEN, to="", at=NOON), consent(ADA, NOON), consent(ADA, None)).states
        == {}
    )


def test_a_contact_of_an_account_that_is_not_configured_is_refused() -> None:
    with pytest.raises(BadRecord, match="'other', which is not configured"):
        run(ContactsFold(settings()), [to(ADA, contribution(), account="other")])


def test_a_message_that_cannot_be_read_is_refused_before_anything_is_touched() -> None:
    fold = ContactsFold(settings())
    state = fold.load(b"main/a@b.c", None)
    with pytest.raises(BadRecord):
        fold.fold(state, Input("contacts", b"main/a@b.c", b"\x01", NOON))
    assert fold.dump(state) is None
