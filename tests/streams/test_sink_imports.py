"""History comes by imports: the end state is exact, and nobody in Brevo is blocklisted or resubscribed by it."""

from pathlib import Path
from typing import Any

import pytest

from schemas.commands import UpsertContact
from tests.connectors.brevo_stand import START
from tests.streams.sink_stand import IMPORTED_LIST, SinkStand, event, order, sink_stand, upsert

PATH = "/contacts/.*@.*"
IMPORT = "/contacts/import"


def email(number: int) -> str:
    return f"c{number}@shop.test"


def past(number: int, **fields: Any) -> UpsertContact:
    """One in three has opted in, one in three is in buyers, too."""
    wanted: dict[str, Any] = {
        "attributes": {"FIRSTNAME": f"Name {number}", "ORDER_COUNT": number},
        "lists": {"shop:all_customers": True, "shop:buyers": number % 3 == 1},
        "subscribed": True if number % 3 == 0 else None,
        "historical": True,
    }
    return upsert(email(number), **(wanted | fields))


def check(stand: SinkStand, numbers: range) -> None:
    contacts = stand.brevo.state.contacts
    for number in numbers:
        contact = contacts[email(number)]
        assert contact.attributes == {"FIRSTNAME": f"Name {number}", "ORDER_COUNT": number}
        assert contact.list_ids == ({40, 41} if number % 3 == 1 else {40})
        assert contact.blocklisted is (number % 3 != 0)


async def test_a_history_comes_by_a_few_requests(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        await stand.tell(*(past(number) for number in range(300)))
        await stand.settled()
        check(stand, range(300))
        assert not stand.front.requests.to("PUT", PATH)
        bodies = stand.front.requests.to("POST", IMPORT)
        assert [one["updateExistingContacts"] for one in bodies] == [False] * 3 + [True] * 2
        assert [one.get("emailBlacklist") for one in bodies[3:]] == [None, None]
        assert all(one.get("emailBlacklist") in (True, None) for one in bodies)
        assert len(stand.front.requests.seen) < 20
        assert {outcome for _, outcome in await stand.outcomes()} == {"done"}


async def test_contacts_that_are_there_already_keep_their_flags_and_get_the_rest(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        account = stand.front.account()
        for number in range(10):
            blocked = {"emailBlacklisted": True} if number % 2 else {}
            await account.create_contact({"email": email(number), **blocked})
        await account.close()
        await stand.start()
        await stand.tell(*(past(number) for number in range(40)))
        await stand.settled()
        contacts = stand.brevo.state.contacts
        for number in range(10):
            assert contacts[email(number)].blocklisted is bool(number % 2)
            assert len(contacts[email(number)].flags) == number % 2
            assert contacts[email(number)].attributes == {"FIRSTNAME": f"Name {number}", "ORDER_COUNT": number}
        check(stand, range(10, 40))


async def test_only_the_newest_of_a_contact_is_imported_and_its_orders_and_events_follow(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        commands: list[Any] = []
        for number in range(30):
            for count in range(3):
                attributes = {"FIRSTNAME": f"Name {number}", "ORDER_COUNT": number - 2 + count}
                commands += [
                    past(number, attributes=attributes),
                    order(email(number), 10 * number + count, historical=True),
                ]
            commands.append(event(email(number), number))
        await stand.tell(*commands)
        await stand.settled()
        check(stand, range(30))
        state = stand.brevo.state
        assert {one.email for one in state.orders.values()} == {email(number) for number in range(30)}
        assert len(state.orders) == 90
        assert all(one.contact_id is not None and one.historical for one in state.orders.values())
        assert all(one.contact_id is not None for one in state.events)
        assert len(state.events) == 30
        assert len(stand.front.requests.to("POST", "/orders/status/batch")) == 1


async def test_few_contacts_go_singly(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        await stand.tell(*(past(number) for number in range(5)))
        await stand.settled()
        check(stand, range(5))
        assert not stand.front.requests.to("POST", IMPORT)


async def test_rows_that_an_import_refuses_go_singly_without_their_phone(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        phone = "+49301234567"
        rows = [past(number) for number in range(30)]
        for number in (4, 9):
            rows[number].attributes["SMS"] = rows[number].phone = phone
        rows[20].email = "not an e-mail"
        await stand.tell(*rows)
        await stand.settled()
        contacts = stand.brevo.state.contacts
        assert [number for number in (4, 9) if "SMS" in contacts[email(number)].attributes] == [4]
        assert contacts[email(9)].attributes == {"FIRSTNAME": "Name 9", "ORDER_COUNT": 9}
        assert contacts[email(9)].list_ids == {40}
        assert not contacts[email(9)].blocklisted
        assert contacts.keys() == {email(number) for number in range(30) if number != 20}
        assert (20, "refused") in await stand.outcomes()
        assert [record.offset for record in await stand.dead()] == [0]


async def test_rows_without_a_list_are_imported_into_a_list_of_their_own(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        await stand.tell(*(past(number, lists={}) for number in range(25)))
        await stand.settled()
        assert [one.list_ids for one in stand.brevo.state.contacts.values()] == [{IMPORTED_LIST}] * 25
        assert not stand.front.requests.to("PUT", PATH)


async def test_what_an_import_cannot_say_is_said_singly(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        await stand.tell(*(past(number) for number in range(30)))
        await stand.settled()
        left = {"shop:all_customers": False, "shop:buyers": False}
        changed = [past(number, attributes={"FIRSTNAME": "New", "ORDER_COUNT": 1}) for number in range(22)]
        await stand.tell(
            *changed,
            past(22, lists=left),
            past(23, attributes={"FIRSTNAME": None, "ORDER_COUNT": 23}),
            past(24, subscribed=False, decided_at=START),
            past(25),
        )
        await stand.settled()
        contacts = stand.brevo.state.contacts
        assert contacts[email(22)].list_ids == set()
        assert contacts[email(23)].attributes == {"ORDER_COUNT": 23}
        assert contacts[email(24)].blocklisted
        assert all(contacts[email(number)].attributes["FIRSTNAME"] == "New" for number in range(22))
        assert len(stand.front.requests.to("PUT", PATH)) == 3
        assert (await stand.outcomes())[-4:].count((55, "equal")) <= 1
        assert (55, "equal") in await stand.outcomes()


async def test_a_live_change_does_not_wait_for_company(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        await stand.start()
        await stand.tell(*(past(number) for number in range(40)), upsert(email(3), attributes={"ORDER_COUNT": 9}))
        await stand.settled()
        assert stand.brevo.state.contacts[email(3)].attributes == {"ORDER_COUNT": 9}
        first = next(one for one in stand.front.requests.seen if one.method != "GET")
        assert (first.method, first.path) == ("PUT", f"/contacts/{email(3)}")


@pytest.mark.parametrize("fault", ["accept_then_hang", "hang", "500", "429"])
async def test_an_import_whose_answer_is_missing_is_sent_again_after_all_is_quiet(
    kafka: str, topic_prefix: str, tmp_path: Path, fault: str
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path, timeout=0.5) as stand:
        faults = stand.brevo.faults
        if fault in ("500", "429"):
            faults.answer("POST /contacts/import", int(fault))
        else:
            getattr(faults, fault)("POST /contacts/import")
        await stand.start()
        await stand.tell(*(past(number) for number in range(60)))
        await stand.settled()
        check(stand, range(60))


async def test_a_sink_that_dies_during_an_import_is_followed_by_one_that_waits_for_its_end(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path, timeout=1.0) as stand:
        hang = stand.brevo.faults.hang("GET /processes")
        await stand.start()
        await stand.tell(*(past(number) for number in range(60)))
        await hang.reached()
        await stand.kill()
        await hang.left()
        await stand.start()
        await stand.tell(
            upsert(email(3), attributes={"FIRSTNAME": "Live", "ORDER_COUNT": 3}, subscribed=True, decided_at=1)
        )
        await stand.settled()
        contacts = stand.brevo.state.contacts
        assert contacts[email(3)].attributes == {"FIRSTNAME": "Live", "ORDER_COUNT": 3}
        check(stand, range(4, 60))
        ends = max(process.ends for process in stand.brevo.state.processes.values())
        assert ends <= stand.front.clock.now()


async def test_new_contacts_go_by_import_when_single_requests_are_used_up(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path, bare_contacts="other") as stand:
        await stand.start()
        await stand.tell(*(past(number, historical=False, subscribed=number % 3 == 0) for number in range(260)))
        await stand.settled()
        check(stand, range(260))
        assert stand.front.refusals() == 0
        assert stand.front.requests.to("POST", IMPORT)
        assert stand.front.clock.now() < START + 3_600_000 * 2


async def test_an_opt_in_that_is_found_after_the_import_lifts_our_blocklisting_and_nobody_elses(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with sink_stand(kafka, topic_prefix, tmp_path) as stand:
        account = stand.front.account()
        for number in range(10):  # from before us: the odd ones have opted out there
            blocked = {"emailBlacklisted": True} if number % 2 else {}
            await account.create_contact({"email": email(number), **blocked})
        await account.close()
        stand.front.clock.advance(stand.front.clock.now() + 86_400_000)
        await stand.start()
        await stand.tell(*(past(number, subscribed=None) for number in range(40)))
        await stand.settled()
        contacts = stand.brevo.state.contacts
        assert all(contacts[email(number)].blocklisted for number in range(10, 40))
        await stand.tell(*(past(number, subscribed=True) for number in range(30)))
        await stand.settled()
        contacts = stand.brevo.state.contacts
        for number in range(10):
            assert contacts[email(number)].blocklisted is bool(number % 2)
            assert len(contacts[email(number)].flags) == number % 2, "nobody touched it"
        assert not any(contacts[email(number)].blocklisted for number in range(10, 30))
        assert all(contacts[email(number)].blocklisted for number in range(30, 40))
        asked = len(stand.front.requests.seen)
        await stand.tell(*(past(number, subscribed=True) for number in range(30)))
        await stand.settled()
        assert len(stand.front.requests.seen) == asked, "it is asked once"
