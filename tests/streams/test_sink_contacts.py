"""Contacts reach Brevo as they are wanted: no more is said than has changed, and nobody's decision is overruled."""

from pathlib import Path

import pytest

from schemas.commands import DeleteContact, RenameContact
from tests.connectors.brevo_stand import START
from tests.streams.sink_stand import event, sink_stand, upsert

ANN, BOB = "ann@shop.test", "bob@shop.test"
PATH = "/contacts/.*"


async def test_a_new_contact_without_an_opt_in_is_created_blocklisted(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        await stand.tell(
            upsert(ANN),
            upsert(BOB, subscribed=True, decided_at=START),
            upsert("cid@shop.test", subscribed=False, decided_at=START, blocklist_unknown=False),
            upsert("dan@shop.test", blocklist_unknown=False),
        )
        await stand.settled()
        contacts = stand.brevo.state.contacts
        assert {email: one.blocklisted for email, one in contacts.items()} == {
            ANN: True,
            BOB: False,
            "cid@shop.test": True,
            "dan@shop.test": False,
        }
        assert not contacts[BOB].flags  # false is never said of a new contact
        assert contacts[ANN].list_ids == {40}
        assert contacts[ANN].attributes == {"FIRSTNAME": "Ann", "ORDER_COUNT": 1}


async def test_the_flag_of_a_contact_that_is_there_already_is_not_touched(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        account = stand.front.account()
        await account.create_contact({"email": ANN, "listIds": [41, 42]})
        await account.create_contact({"email": BOB, "emailBlacklisted": True})
        await account.close()
        await stand.start()
        await stand.tell(upsert(ANN), upsert(BOB))
        await stand.settled()
        contacts = stand.brevo.state.contacts
        assert contacts[ANN].flags == []
        assert contacts[BOB].blocklisted
        assert contacts[ANN].list_ids == {40, 42}  # of our lists it is in buyers no more; others are not ours


async def test_only_a_newer_decision_moves_the_flag(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        flags = []
        for subscribed, decided_at in (
            (True, START),
            (False, START + 5),
            (True, START + 3),
            (None, 0),
            (True, START + 9),
        ):
            await stand.tell(upsert(ANN, subscribed=subscribed, decided_at=decided_at))
            await stand.settled()
            flags.append(stand.brevo.state.contacts[ANN].blocklisted)
        assert flags == [False, True, True, True, False]
        assert len(stand.brevo.state.contacts[ANN].flags) == 2


async def test_a_decision_that_was_sent_does_not_undo_what_the_recipient_did_at_brevo(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        await stand.tell(upsert(ANN, subscribed=True, decided_at=START))
        await stand.settled()
        stand.brevo.unsubscribe(ANN)
        await stand.tell(upsert(ANN, subscribed=True, decided_at=START, attributes={"FIRSTNAME": "Anna"}))
        await stand.settled()
        assert stand.brevo.state.contacts[ANN].blocklisted
        assert stand.brevo.state.contacts[ANN].attributes["FIRSTNAME"] == "Anna"


async def test_what_brevo_has_is_not_sent_again(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        await stand.tell(upsert(ANN))
        await stand.settled()
        sent = len(stand.front.requests.seen)
        await stand.tell(upsert(ANN), upsert(ANN))
        await stand.settled()
        assert len(stand.front.requests.seen) == sent
        assert [outcome for _, outcome in await stand.outcomes()] == ["done", "superseded", "equal"]
        assert stand.destination is not None
        assert stand.destination.counters.saved == {"equal": 1, "superseded": 1}


async def test_only_what_changed_is_sent(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        await stand.tell(upsert(ANN, attributes={"FIRSTNAME": "Ann", "LASTNAME": "Lee", "ORDER_COUNT": 1}))
        await stand.settled()
        lists = {"shop:all_customers": False, "shop:buyers": True}
        await stand.tell(upsert(ANN, attributes={"FIRSTNAME": "Ann", "LASTNAME": None, "ORDER_COUNT": 2}, lists=lists))
        await stand.settled()
        *_, last = stand.front.requests.to("PUT", PATH)
        assert last == {"attributes": {"LASTNAME": "", "ORDER_COUNT": 2}, "listIds": [41], "unlinkListIds": [40]}
        assert stand.brevo.state.contacts[ANN].attributes == {"FIRSTNAME": "Ann", "ORDER_COUNT": 2}
        assert stand.brevo.state.contacts[ANN].list_ids == {41}


async def test_what_brevo_holds_of_others_is_not_emptied(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        account = stand.front.account()
        await account.create_contact({"email": ANN, "attributes": {"LASTNAME": "Typed by hand"}})
        await account.close()
        await stand.start()
        await stand.tell(upsert(ANN, attributes={"FIRSTNAME": "Ann", "LASTNAME": None}))
        await stand.settled()
        assert stand.brevo.state.contacts[ANN].attributes == {"FIRSTNAME": "Ann", "LASTNAME": "Typed by hand"}


async def test_of_two_contacts_with_one_phone_the_first_keeps_it(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        phone, own = "+49301234567", "+49309999999"

        def with_phone(email: str, number: str, count: int) -> object:
            return upsert(email, phone=number, attributes={"SMS": number, "ORDER_COUNT": count})

        for command in (with_phone(ANN, phone, 1), with_phone(BOB, own, 1), with_phone(BOB, phone, 2)):
            await stand.tell(command)  # type: ignore[arg-type]
            await stand.settled()
        contacts = stand.brevo.state.contacts
        assert contacts[ANN].attributes["SMS"] == phone[1:]
        assert contacts[BOB].attributes == {"ORDER_COUNT": 2}  # its old number is not its own any more
        assert "without the phone" in (await stand.receipts())[-1].message
        tries = len(stand.front.requests.seen)
        await stand.tell(with_phone(BOB, phone, 3))  # type: ignore[arg-type]
        await stand.settled()
        assert len(stand.front.requests.seen) == tries + 1  # it is not tried again
        assert contacts[BOB].attributes == {"ORDER_COUNT": 3}
        await stand.tell(with_phone(BOB, own, 3))  # type: ignore[arg-type]
        await stand.settled()
        assert contacts[BOB].attributes["SMS"] == own[1:]


async def test_a_phone_that_is_none_does_not_keep_the_contact_out(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        await stand.tell(upsert(ANN, phone="+00", attributes={"SMS": "+00", "FIRSTNAME": "Ann"}))
        await stand.settled()
        assert stand.brevo.state.contacts[ANN].attributes == {"FIRSTNAME": "Ann"}


async def test_a_contact_that_was_deleted_in_brevo_is_made_again_whole(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        await stand.tell(upsert(ANN))
        await stand.settled()
        await stand.accounts[0].delete_contact(ANN)
        await stand.tell(upsert(ANN, attributes={"FIRSTNAME": "Ann", "ORDER_COUNT": 2}))
        await stand.settled()
        contact = stand.brevo.state.contacts[ANN]
        assert contact.attributes == {"FIRSTNAME": "Ann", "ORDER_COUNT": 2}
        assert contact.list_ids == {40}
        assert contact.blocklisted


@pytest.mark.parametrize("blocklisted", [True, False])
async def test_a_rename_keeps_the_blocklisting_and_what_we_know(
    kafka: str, topic_prefix: str, tmp_path: Path, blocklisted: bool
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        await stand.tell(upsert(ANN, subscribed=not blocklisted, decided_at=START))
        await stand.settled()
        number = stand.brevo.state.contacts[ANN].id
        await stand.tell(RenameContact(id="rename:1", email=ANN, to=BOB), upsert(BOB, attributes={"FIRSTNAME": "Ann"}))
        await stand.settled()
        contacts = stand.brevo.state.contacts
        assert contacts.keys() == {BOB}
        assert contacts[BOB].id == number
        assert contacts[BOB].blocklisted is blocklisted
        assert [outcome for _, outcome in await stand.outcomes()][-2:] == ["done", "equal"]


@pytest.mark.parametrize(("old_goes", "opted_out"), [(False, False), (False, True), (True, True)])
async def test_a_rename_to_a_contact_that_exists_leaves_the_new_one_in_our_lists(
    kafka: str, topic_prefix: str, tmp_path: Path, old_goes: bool, opted_out: bool
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        rename = RenameContact(id="rename:1", email=ANN, to=BOB, old_goes=old_goes)
        members = {"shop:all_customers": True}
        said = {"subscribed": False, "decided_at": START} if opted_out else {}
        await stand.tell(upsert(ANN, lists=members, **said), upsert(BOB, lists=members, subscribed=True), rename)
        await stand.settled()
        contacts = stand.brevo.state.contacts
        assert contacts.keys() == ({BOB} if old_goes else {ANN, BOB})
        assert contacts[BOB].list_ids
        assert contacts[BOB].blocklisted is opted_out, "an opt-out goes along, our own blocklisting does not"
        assert old_goes or not contacts[ANN].list_ids
        assert (2, "refused") in await stand.outcomes()
        assert await stand.dead() == []


async def test_a_rename_whose_answer_was_lost_is_not_lost(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path, timeout=0.4) as stand:
        await stand.start()
        await stand.tell(upsert(ANN))
        await stand.settled()
        hang = stand.brevo.faults.accept_then_hang("PUT /contacts/{identifier}")
        await stand.tell(RenameContact(id="rename:1", email=ANN, to=BOB), upsert(BOB, attributes={"FIRSTNAME": "Ann"}))
        await stand.settled()
        hang.release()
        assert stand.brevo.state.contacts.keys() == {BOB}
        assert stand.brevo.state.contacts[BOB].blocklisted


async def test_a_deleted_contact_is_gone_and_gone_is_gone(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path, owner_email=BOB) as stand:
        await stand.start()
        await stand.tell(upsert(ANN), upsert(BOB))
        await stand.settled()
        deletions = [DeleteContact(id=f"delete:{one}", email=one) for one in (ANN, "nobody@shop.test", BOB)]
        await stand.tell(*deletions, upsert(ANN))
        await stand.settled()
        told = dict(await stand.outcomes())
        assert [told[offset] for offset in range(2, 6)] == ["done", "done", "refused", "done"]
        assert stand.brevo.state.contacts[ANN].attributes == {"FIRSTNAME": "Ann", "ORDER_COUNT": 1}
        assert len(await stand.dead()) == 1


async def test_pending_upserts_become_one_in_place_of_the_oldest_but_never_across_a_rename(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        counted = [upsert(ANN, attributes={"ORDER_COUNT": count}) for count in (1, 2, 3)]
        await stand.start()
        stand.owner.lease = lambda: False  # nothing goes out while they gather
        await stand.tell(
            counted[0], event(ANN, 1), counted[1], counted[2], RenameContact(id="r", email=ANN, to=BOB), upsert(ANN)
        )
        stand.owner.lease = lambda: True
        await stand.settled()
        told = dict(await stand.outcomes())
        assert [told[offset] for offset in range(6)] == ["superseded", "done", "superseded", "done", "done", "done"]
        assert stand.brevo.state.contacts[BOB].attributes["ORDER_COUNT"] == 3
        assert stand.brevo.state.contacts[ANN].attributes["ORDER_COUNT"] == 1
        assert len(stand.brevo.state.events) == 1


async def test_a_value_that_went_and_came_back_while_in_doubt_is_sent(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path, timeout=0.4) as stand:
        await stand.start()
        await stand.tell(upsert(ANN, attributes={"ORDER_COUNT": 1}))
        await stand.settled()
        hang = stand.brevo.faults.accept_then_hang("PUT /contacts/{identifier}")
        await stand.tell(upsert(ANN, attributes={"ORDER_COUNT": 2}))
        await hang.reached()
        await stand.tell(upsert(ANN, attributes={"ORDER_COUNT": 1}))
        await stand.settled()
        hang.release()
        assert stand.brevo.state.contacts[ANN].attributes == {"ORDER_COUNT": 1}
