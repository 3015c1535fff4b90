"""What the failure of a request means, for every way in which one can fail."""

import asyncio

import httpx
import pytest

from connectors.brevo.account import Account
from connectors.brevo.errors import (
    AccountPaused,
    BrevoError,
    Clash,
    InDoubt,
    NotAccepted,
    NotAllowed,
    NotFound,
    RateLimited,
    Refused,
    StreamPaused,
    of_response,
    without_personal_data,
)
from emulators.clock import StandingClock
from tests.connectors.brevo_stand import START, Stand, brevo_stand

ANN = {"email": "ann@shop.test", "attributes": {"FIRSTNAME": "Ann", "SMS": "+49301234567"}, "updateEnabled": False}
EVENT = {
    "event_name": "order_placed",
    "identifiers": {"email_id": "ann@shop.test"},
    "event_properties": {"tajo_id": "1"},
}


async def failure(stand: Stand, account: Account) -> BrevoError:
    with pytest.raises(BrevoError) as caught:
        await account.send_event(dict(EVENT))
    assert "ann@shop.test" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Refused),
        (401, AccountPaused),
        (402, Refused),
        (403, StreamPaused),
        (404, NotFound),
        (405, NotAllowed),
        (409, NotAccepted),
        (422, Refused),
        (425, NotAccepted),
        (429, RateLimited),
        (500, InDoubt),
        (502, InDoubt),
        (503, InDoubt),
    ],
)
async def test_each_status_says_whether_the_request_may_be_sent_again(status: int, kind: type[BrevoError]) -> None:
    async with brevo_stand() as stand:
        stand.brevo.faults.answer("POST /events", status)
        account = stand.account()
        error = await failure(stand, account)
        await account.close()
        assert type(error) is kind
        assert error.status == status
        assert error.request == "POST /events"
        assert error.request_id


async def test_a_page_of_html_leaves_the_request_in_doubt() -> None:
    async with brevo_stand() as stand:
        stand.brevo.faults.garbage("POST /events")
        account = stand.account()
        error = await failure(stand, account)
        await account.close()
        assert type(error) is InDoubt
        assert "text/html" in str(error)


async def test_an_answer_of_200_that_is_no_json_leaves_the_request_in_doubt() -> None:
    async with brevo_stand() as stand:
        stand.brevo.faults.garbage("POST /events/batch", status=200)
        account = stand.account()
        with pytest.raises(InDoubt):
            await account.send_events([dict(EVENT)])
        await account.close()


@pytest.mark.parametrize("accepted", [True, False])
async def test_a_request_without_an_answer_is_in_doubt(accepted: bool) -> None:
    async with brevo_stand() as stand:
        hang = (stand.brevo.faults.accept_then_hang if accepted else stand.brevo.faults.hang)("POST /events")
        account = stand.account(timeout=0.3)
        error = await failure(stand, account)
        await account.close()
        hang.release()
        assert type(error) is InDoubt
        assert error.status == 0
        assert len(stand.brevo.state.events) == (1 if accepted else 0)


async def test_a_refused_connection_is_surely_not_accepted() -> None:
    async with brevo_stand() as stand:
        url = stand.url
    account = Account(api_key="k", clock=StandingClock(START), base_url=f"{url}/v3")
    with pytest.raises(NotAccepted) as caught:
        await account.send_event(dict(EVENT))
    await account.close()
    assert type(caught.value) is NotAccepted


async def test_a_connection_that_breaks_after_sending_is_in_doubt() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        account = Account(api_key="k", clock=StandingClock(START), base_url=f"http://127.0.0.1:{port}")
        with pytest.raises(InDoubt):
            await account.send_event(dict(EVENT))
        await account.close()


async def test_an_unknown_key_and_an_unknown_address_name_their_cures() -> None:
    async with brevo_stand() as stand:
        account = stand.account(key="wrong")
        error = await failure(stand, account)
        assert type(error) is AccountPaused
        assert "brevo.api_key" in str(error)
        stand.brevo.faults.unrecognised_address = True
        assert "https://app.brevo.com/security/authorised_ips" in str(await failure(stand, account))
        await account.close()


@pytest.mark.parametrize("code", ["duplicate_parameter", "invalid_parameter"])
async def test_a_phone_of_another_contact_is_a_clash_whatever_the_code(code: str) -> None:
    async with brevo_stand(clash_code=code) as stand:
        account = stand.account()
        await account.create_contact(dict(ANN))
        with pytest.raises(Clash) as caught:
            await account.create_contact({**ANN, "email": "bob@shop.test"})
        assert caught.value.identifiers == ("SMS",)
        with pytest.raises(Clash) as caught:
            await account.create_contact({**ANN, "attributes": {}})
        assert "EMAIL" in caught.value.identifiers
        await account.close()


@pytest.mark.parametrize(
    ("message", "identifiers"),
    [
        ("Unable to update contact, SMS is already associated with another Contact", ("SMS",)),
        ("Unable to create contact, email is already associated with another Contact", ("EMAIL",)),
        ("Contact already exist", ("EMAIL",)),
        ("Invalid phone number", ("SMS",)),
    ],
)
def test_a_clash_without_metadata_is_known_by_its_text(message: str, identifiers: tuple[str, ...]) -> None:
    answer = httpx.Response(400, json={"code": "invalid_parameter", "message": message})
    error = of_response(answer, "PUT /contacts/{identifier}")
    assert isinstance(error, Clash)
    assert error.identifiers == identifiers


def test_an_account_in_process_is_surely_not_accepted() -> None:
    answer = httpx.Response(400, json={"code": "account_in_process", "message": "wait"})
    assert type(of_response(answer, "POST /contacts")) is NotAccepted


def test_messages_lose_mails_and_phones() -> None:
    text = "ann.o'neil+x@shop.test (ann%40shop.test) has +49301234567 and 0301234567"
    assert without_personal_data(text) == "<e-mail> (<e-mail>) has <number> and <number>"


async def test_a_partial_batch_names_the_failed_places() -> None:
    async with brevo_stand() as stand:
        stand.brevo.faults.partial(1)
        account = stand.account()
        events = [{**EVENT, "event_properties": {"tajo_id": str(number)}} for number in range(3)]
        assert set(await account.send_events(list(events))) == {1}
        assert [event.properties["tajo_id"] for event in stand.brevo.state.events] == ["0", "2"]
        assert set(await account.send_events([{"event_name": "?"}, {"event_name": "!"}])) == {0, 1}
        await account.close()


async def test_lists_are_read_to_the_last_page() -> None:
    async with brevo_stand(lists={number: f"list {number}" for number in range(1, 124)}) as stand:
        account = stand.account()
        assert sorted(one.id for one in await account.lists()) == list(range(1, 124))
        await account.close()


async def test_an_email_with_odd_characters_is_one_path_segment() -> None:
    async with brevo_stand() as stand:
        account = stand.account()
        for email in ("o'neil/x+y?z#1@shop.test", "50%off@shop.test"):
            await account.create_contact({"email": email})
            assert (await account.contact(email)).email == email
        await account.close()


async def test_a_write_waits_for_what_is_set_before_it_and_a_read_does_not() -> None:
    async with brevo_stand() as stand:
        account = stand.account()
        asked = []

        async def before() -> None:
            asked.append(len(stand.requests.seen))

        account.before_write = before
        await account.attributes()
        await account.create_contact(dict(ANN))
        await account.close()
        assert asked == [1]
