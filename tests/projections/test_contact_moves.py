"""E-mail changes: rename or merge, what moves along, and no order of arrival that makes a difference."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from projections.consent import CARTS, NEWSLETTER
from projections.contact import ContactState
from projections.contacts import ContactsFold
from projections.fold import Input
from schemas import topics
from schemas.commands import RenameContact
from schemas.inner import Consent, Contribution, HandOver
from tests.projections.carts_made import HOUR, MINUTE, NOON, settings
from tests.projections.contacts_made import (
    ADA,
    BOB,
    CART,
    CY,
    SEVEN,
    Network,
    brevo,
    cart,
    commands,
    consent,
    contribution,
    event,
    events,
    guest,
    hand_overs,
    moved,
    papers,
    record,
    shapes,
    statement,
    to,
    together,
    upserts,
)
from tests.projections.running import Ran

FOLD = ContactsFold(settings())
DELETING = ContactsFold(settings(on_customer_deleted="delete"))
MOVED_AT = NOON + MINUTE


def arrived(source: str = SEVEN, old: str = ADA, at: int = MOVED_AT, **fields: Any) -> Contribution:
    return contribution(source, moved_from=old, moved_at=at, **fields)


MOVE = [to(ADA, moved(BOB)), to(BOB, arrived())]


def settled(*batches: list[Input], fold: ContactsFold = FOLD) -> Ran:
    return together(fold, *batches)


def last_said(ran: Ran) -> dict[str, tuple[bool | None, set[str]]]:
    """What Brevo holds: e-mail -> (subscribed, lists)."""
    return {
        email: (one.subscribed, {name.removeprefix("shop:") for name, member in one.lists.items() if member})
        for email, one in brevo(ran).items()
    }


def state(ran: Ran, email: str) -> ContactState:
    return FOLD.load(b"", ran.states[f"main/{email}".encode()])


# --- rename -----------------------------------------------------------------------------------------------------------


def test_a_contact_that_is_left_empty_is_renamed() -> None:
    ran = settled([to(ADA, contribution())], MOVE)
    assert shapes(ran) == [("contact", ADA), ("rename", f"rename:{ADA}:{BOB}:{MOVED_AT}"), ("contact", BOB)]
    assert last_said(ran) == {BOB: (None, {"all_customers"})}


def test_the_rename_says_what_the_person_decided() -> None:
    ran = settled([to(ADA, contribution()), to(ADA, statement(withdrawn_at=NOON))], MOVE)
    (rename,) = [command for command in commands(ran) if isinstance(command, RenameContact)]
    assert (rename.email, rename.to, rename.subscribed, rename.at) == (ADA, BOB, False, MOVED_AT)


def test_a_hand_over_that_comes_before_the_contribution_leads_to_the_same() -> None:
    for choose in (lambda waiting: 0, lambda waiting: waiting - 1):
        network = Network(FOLD, choose)
        network.send("sources", [to(ADA, contribution())])
        network.settle()
        network.send("early", [MOVE[0]])
        network.send("late", [MOVE[1]])
        assert last_said(network.settle()) == {BOB: (None, {"all_customers"})}
    apart = settled([to(ADA, contribution())], [MOVE[0]], [MOVE[1]])
    assert shapes(apart) == [("contact", ADA), ("rename", f"rename:{ADA}:{BOB}:{MOVED_AT}"), ("contact", BOB)]


def test_nothing_is_said_of_the_new_contact_before_the_hand_over() -> None:
    ran = settled([to(ADA, contribution())], [MOVE[1], to(BOB, papers(event(), record=record()))])
    assert shapes(ran) == [("contact", ADA)]
    told = settled([to(ADA, contribution())], [MOVE[1], to(BOB, papers(event(), record=record()))], [MOVE[0]])
    assert [kind for kind, _ in shapes(told)] == ["contact", "rename", "contact", "order", "event"]


def test_after_a_rename_the_old_email_may_begin_anew() -> None:
    ran = settled([to(ADA, contribution())], MOVE, [to(ADA, guest())])
    assert last_said(ran) == {ADA: (None, set()), BOB: (None, {"all_customers"})}


def test_there_and_back_again_renames_twice() -> None:
    back = [to(BOB, moved(ADA, at=NOON + HOUR)), to(ADA, arrived(old=BOB, at=NOON + HOUR))]
    ran = settled([to(ADA, contribution())], MOVE, back)
    assert [kind for kind, _ in shapes(ran)] == ["contact", "rename", "contact", "rename", "contact"]
    assert last_said(ran) == {ADA: (None, {"all_customers"})}


def test_two_changes_in_a_row_are_followed_in_order() -> None:
    again = [to(BOB, moved(CY, at=NOON + HOUR)), to(CY, arrived(old=BOB, at=NOON + HOUR))]
    ran = settled([to(ADA, contribution())], [MOVE[1], *again], [MOVE[0]])
    assert last_said(ran) == {CY: (None, {"all_customers"})}
    assert [kind for kind, _ in shapes(ran)].count("rename") == 2


def test_a_contact_that_brevo_never_had_is_not_renamed() -> None:
    ran = settled([to(ADA, guest(known_orders=0))], [to(ADA, moved(BOB)), to(BOB, arrived())])
    assert shapes(ran) == [("contact", BOB)]


# --- merge ------------------------------------------------------------------------------------------------------------


def test_if_both_exist_the_old_one_leaves_our_lists_and_stays() -> None:
    ran = settled([to(ADA, contribution(orders=1)), to(BOB, contribution("h1/8"))], MOVE)
    assert last_said(ran) == {ADA: (None, set()), BOB: (None, {"all_customers"})}
    assert not any(isinstance(command, RenameContact) for command in commands(ran))


def test_with_delete_the_old_one_goes() -> None:
    ran = settled([to(ADA, contribution()), to(BOB, contribution("h1/8"))], MOVE, fold=DELETING)
    assert last_said(ran) == {BOB: (None, {"all_customers"})}
    assert [kind for kind, _ in shapes(ran)].count("delete") == 1


def test_another_customer_or_an_opted_in_subscriber_holds_the_old_contact() -> None:
    for holder in (contribution("h1/8"), statement(NEWSLETTER)):
        ran = settled([to(ADA, contribution()), to(ADA, holder)], MOVE)
        assert brevo(ran).keys() == {ADA, BOB}
        assert not any(isinstance(command, RenameContact) for command in commands(ran))


def test_while_it_is_unsettled_a_second_source_that_leaves_asks_for_no_rename() -> None:
    second = [to(ADA, contribution("h1/8")), to(ADA, moved(CY, "h1/8")), to(CY, arrived("h1/8"))]
    ran = settled([to(ADA, contribution())], [MOVE[0], *second, MOVE[1]])
    assert [one.existed for one in hand_overs(ran) if isinstance(one, HandOver)] == [True, False]
    assert last_said(ran) == {BOB: (None, {"all_customers"}), CY: (None, {"all_customers"})}


def test_two_customers_who_swap_their_emails_both_stay() -> None:
    swap = [
        to(ADA, moved(BOB)),
        to(BOB, arrived()),
        to(BOB, moved(ADA, source="h1/8")),
        to(ADA, arrived("h1/8", old=BOB)),
    ]
    ran = settled([to(ADA, contribution()), to(BOB, contribution("h1/8"))], swap)
    assert last_said(ran) == {ADA: (None, {"all_customers"}), BOB: (None, {"all_customers"})}
    assert state(ran, ADA).sources.keys() == {"h1/8"}
    assert not state(ran, ADA).waits
    assert not state(ran, BOB).waits


# --- consent ----------------------------------------------------------------------------------------------------------


def test_an_opt_out_moves_along_in_any_case_and_stays_behind_too() -> None:
    out = to(ADA, statement(withdrawn_at=NOON))
    renamed = settled([to(ADA, contribution()), out], MOVE)
    assert last_said(renamed) == {BOB: (False, {"all_customers"})}
    merged = settled([to(ADA, contribution()), out, to(BOB, contribution("h1/8"))], MOVE)
    assert last_said(merged) == {ADA: (False, set()), BOB: (False, {"all_customers"})}
    again = settled([to(ADA, contribution()), out], MOVE, [to(ADA, guest())])
    assert last_said(again)[ADA] == (False, set())


def test_an_opt_in_moves_only_with_a_rename() -> None:
    box = {"opted_in_at": NOON, "opted_in_live": True}
    came = [to(ADA, moved(BOB)), to(BOB, arrived(**box))]
    assert last_said(settled([to(ADA, contribution(**box))], came)) == {BOB: (True, {"all_customers"})}
    merged = settled([to(ADA, contribution(**box)), to(BOB, contribution("h1/8"))], came)
    assert last_said(merged)[BOB] == (None, {"all_customers"})
    held = settled([to(ADA, contribution()), to(ADA, statement(NEWSLETTER))], MOVE)
    assert last_said(held) == {ADA: (True, set()), BOB: (None, {"all_customers"})}


def test_an_opt_in_given_after_the_move_counts_at_the_new_email() -> None:
    later = arrived(opted_in_at=NOON + HOUR, opted_in_live=True)
    ran = settled([to(ADA, contribution()), to(BOB, contribution("h1/8"))], MOVE, [to(BOB, later)])
    assert last_said(ran)[BOB] == (True, {"all_customers"})


def test_a_newer_opt_in_of_the_new_contact_outweighs_the_opt_out_that_came() -> None:
    new = to(BOB, statement(NEWSLETTER, CARTS, source="h1/subscriber:6", at=NOON + 1))
    ran = settled([to(ADA, contribution()), to(ADA, statement(withdrawn_at=NOON)), new], MOVE)
    assert last_said(ran)[BOB][0] is True


def test_brevos_opt_out_moves_along_and_is_put_on_record_there() -> None:
    ran = settled([to(ADA, contribution()), consent(ADA, NOON)], MOVE)
    assert last_said(ran) == {BOB: (False, {"all_customers"})}
    (written,) = ran.to(topics.CONSENT)
    assert written.key == f"main/{BOB}".encode()
    assert msgspec.json.decode(written.value or b"", type=Consent) == Consent(
        account="main", email=BOB, opted_out_at=NOON, reason="unsubscribed"
    )


def test_an_opt_out_of_the_shop_is_not_put_on_record_as_brevos() -> None:
    ran = settled([to(ADA, contribution()), to(ADA, statement(withdrawn_at=NOON))], MOVE)
    assert ran.to(topics.CONSENT) == []


def test_brevos_own_opt_out_of_the_new_contact_is_not_written_over() -> None:
    ran = settled([to(ADA, contribution()), consent(ADA, NOON), consent(BOB, NOON + 5)], MOVE)
    assert ran.to(topics.CONSENT) == []
    assert state(ran, BOB).opted_out_at == NOON + 5


# --- series and papers ------------------------------------------------------------------------------------------------

CONSENTING = [to(ADA, contribution()), to(BOB, statement(CARTS, source="h1/subscriber:6"))]
DUE = to(ADA, cart("due", at=NOON + HOUR, step=1))


def test_a_running_series_moves_along_and_is_ended_there() -> None:
    order = to(BOB, cart("converted", at=NOON + 3 * HOUR, step=1))
    known = [*CONSENTING, to(ADA, statement(CARTS)), DUE]
    ran = settled(known, MOVE, [order])
    assert events(ran) == [f"cart_abandoned:shop:{CART}:{NOON}:1", f"cart_recovered:shop:{CART}:{NOON}"]
    assert last_said(settled(known, MOVE))[BOB] == (True, {"all_customers", "abandoned_cart"})
    assert state(settled(known, MOVE), ADA).carts == {}


def test_a_series_that_moves_to_an_email_without_consent_leaves_the_list() -> None:
    ran = settled([to(ADA, contribution()), to(ADA, statement(CARTS)), DUE], MOVE)
    assert last_said(ran)[BOB] == (None, {"all_customers"})


def test_a_recovery_that_overtakes_the_hand_over_waits_for_it() -> None:
    order = to(BOB, cart("converted", at=NOON + 3 * HOUR, step=1))
    ran = settled([*CONSENTING, to(ADA, statement(CARTS)), DUE], [MOVE[1], order], [MOVE[0]])
    assert events(ran)[-1] == f"cart_recovered:shop:{CART}:{NOON}"


def test_papers_that_waited_at_the_old_email_move_before_those_that_came_later() -> None:
    waiting = to(ADA, papers(event("a:1"), record=record(status="Pending")))
    later = to(BOB, papers(event("a:2"), record=record(status="Completed")))
    ran = settled([waiting], [MOVE[1], later], [MOVE[0]])
    assert events(ran) == ["a:1", "a:2"]
    assert {command.email for command in commands(ran) if hasattr(command, "email")} == {BOB}
    assert [command.status for command in commands(ran) if hasattr(command, "status")] == ["Completed"]


# --- any order of arrival ---------------------------------------------------------------------------------------------


def life(draw: st.DrawFn, source: str) -> list[Input]:
    """One customer's messages as the fold `customers` tells them, with e-mail changes, papers and deletions."""
    email, told, moved_from, moved_at = draw(st.sampled_from([ADA, BOB])), list[Input](), "", 0
    for step in range(draw(st.integers(1, 4))):
        now = NOON + step * HOUR
        what = draw(st.sampled_from(["move", "move", "papers", "order", "delete"]))
        fields: dict[str, Any] = {"moved_from": moved_from, "moved_at": moved_at, "orders": step, "known_orders": step}
        if what == "move":
            old, email = email, draw(st.sampled_from([each for each in (ADA, BOB, CY) if each != email]))
            if told:
                moved_from, moved_at = old, now
                fields |= {"moved_from": old, "moved_at": now}
                told.append(to(old, moved(email, source, now)))
        if what == "delete":
            fields |= {"deleted": True, "attributes": {}, "changed_at": now}
        told.append(to(email, contribution(source, **fields)))
        if what == "papers":
            told.append(to(email, papers(event(f"{source}:{step}", now), record=record(step), source=source)))
    return told


@st.composite
def lives(draw: st.DrawFn) -> list[tuple[str, list[Input]]]:
    sources = [(source, life(draw, source)) for source in ("h1/7", "h1/8")]
    if draw(st.booleans()):
        out = statement(at=NOON, withdrawn_at=NOON + MINUTE)
        sources.append(("subscriber", [to(ADA, statement(NEWSLETTER)), to(ADA, out)]))
    return sources


def arrived_in(order: st.DataObject, sources: list[tuple[str, list[Input]]]) -> Ran:
    network = Network(FOLD, lambda waiting: order.draw(st.integers(0, waiting - 1)))
    for source, records in sources:
        network.send(source, records)
    return network.settle()


def places(ran: Ran) -> dict[str, tuple[set[str], bool]]:
    """Where each source is, and whether anything still waits."""
    found = {}
    for key, stored in ran.states.items():
        contact = FOLD.load(key, stored)
        if contact.sources:
            found[key.decode()] = (set(contact.sources), is_waiting(contact))
    return found


def is_waiting(contact: ContactState) -> bool:
    return contact.waits or bool(contact.queued or contact.held)


def last_upserts(ran: Ran) -> dict[str, tuple[dict[str, Any], dict[str, bool]]]:
    """Of the contacts that are in any of our lists."""
    last = {one.email: (dict(one.attributes), one.lists) for one in upserts(ran)}
    return {email: said for email, said in last.items() if any(said[1].values()) and email in brevo(ran)}


@given(st.data())
def test_whatever_arrives_when_everybody_ends_in_the_same_place(data: st.DataObject) -> None:
    sources = data.draw(lives())
    one, other = arrived_in(data, sources), arrived_in(data, sources)
    assert places(one) == places(other)
    assert last_upserts(one) == last_upserts(other)
    assert sorted(events(one)) == sorted(events(other))


@given(st.data())
def test_nobody_waits_for_ever_and_brevo_has_whom_we_say_it_has(data: st.DataObject) -> None:
    ran = arrived_in(data, data.draw(lives()))
    for key, stored in ran.states.items():
        contact = FOLD.load(key, stored)
        assert not is_waiting(contact)
        assert (key.decode().removeprefix("main/") in brevo(ran)) == contact.told


def test_the_last_upsert_of_the_new_contact_carries_everything() -> None:
    fields = {"orders": 2, "reporting": 30_000}
    ran = settled([to(ADA, contribution(**fields))], [to(ADA, moved(BOB)), to(BOB, arrived(**fields))])
    last = upserts(ran)[-1]
    assert (last.email, last.attributes["ORDER_COUNT"], last.attributes["TOTAL_SPENT"]) == (BOB, 2, 3)
