import asyncio

import httpx
import pytest

from emulators.server import Server
from tests.emulators.brevo_account import account, refusal

EVENT = {"event_name": "ping", "identifiers": {"email_id": "ann@shop.test"}}


@pytest.mark.parametrize("status", [425, 429, 500, 503])
async def test_the_next_requests_of_a_family_are_refused_as_asked_and_change_nothing(status: int) -> None:
    async with account() as brevo:
        brevo.faults.answer("events", status, times=2)
        for _ in range(2):
            assert refusal(await brevo.http.post("/events", json=EVENT))[0] == status
        assert brevo.state.events == []
        assert (await brevo.http.get("/account")).status_code == 200
        assert (await brevo.http.post("/events", json=EVENT)).status_code == 204


async def test_refusals_that_are_withdrawn_leave_the_next_requests_alone() -> None:
    async with account() as brevo:
        refusals = brevo.faults.answer("events", 429, times=1_000)
        brevo.faults.answer("events", 503)
        assert refusal(await brevo.http.post("/events", json=EVENT))[0] == 429
        brevo.faults.withdraw(refusals)
        assert refusal(await brevo.http.post("/events", json=EVENT))[0] == 503
        assert (await brevo.http.post("/events", json=EVENT)).status_code == 204
        brevo.faults.withdraw(refusals)


async def test_a_429_on_request_says_how_long() -> None:
    async with account() as brevo:
        brevo.faults.answer("contacts", 429, reset=7)
        answer = await brevo.http.get("/contacts")
        assert answer.headers["x-sib-ratelimit-reset"] == "7"
        assert answer.headers["x-sib-ratelimit-remaining"] == "0"


async def test_a_fault_may_be_for_one_endpoint_or_for_all() -> None:
    async with account() as brevo:
        brevo.faults.answer("POST /events/batch", 500)
        assert (await brevo.http.post("/events", json=EVENT)).status_code == 204
        assert (await brevo.http.post("/events/batch", json={"events": [EVENT]})).status_code == 500
        brevo.faults.answer("*", 503)
        assert (await brevo.http.get("/contacts")).status_code == 503


async def test_garbage_is_a_page_of_html() -> None:
    async with account() as brevo:
        brevo.faults.garbage("events")
        answer = await brevo.http.post("/events", json=EVENT)
        assert answer.status_code == 502
        assert answer.headers["content-type"].startswith("text/html")
        assert answer.text.startswith("<!DOCTYPE html>")


async def test_a_partial_batch_fails_for_the_events_named_and_keeps_the_others() -> None:
    async with account() as brevo:
        brevo.faults.partial(0, 2)
        answer = await brevo.http.post("/events/batch", json={"events": [EVENT] * 3})
        assert answer.status_code == 207
        assert answer.json()["errors"][0]["eventIndex"] == [0, 2]
        assert len(brevo.state.events) == 1
        assert (await brevo.http.post("/events/batch", json={"events": [EVENT]})).status_code == 202


async def test_a_hanging_request_is_carried_out_after_the_release() -> None:
    async with account() as brevo:
        hang = brevo.faults.hang("events")
        waiting = asyncio.create_task(brevo.http.post("/events", json=EVENT))
        await hang.reached()
        assert brevo.state.events == []
        hang.release()
        assert (await waiting).status_code == 204
        assert len(brevo.state.events) == 1


async def test_accepted_and_hanging_is_carried_out_at_once() -> None:
    async with account() as brevo:
        hang = brevo.faults.accept_then_hang("events")
        waiting = asyncio.create_task(brevo.http.post("/events", json=EVENT))
        await hang.reached()
        assert (len(brevo.state.events), waiting.done()) == (1, False)
        hang.release()
        assert (await waiting).status_code == 204


async def give_up(url: str) -> None:
    """Sends an event and stops waiting for the answer after a moment."""
    async with httpx.AsyncClient(timeout=0.2, headers={"api-key": "xkeysib-test"}) as http:
        with pytest.raises(httpx.ReadTimeout):
            await http.post(f"{url}/v3/events", json=EVENT)


async def test_who_gives_up_on_a_hanging_request_was_never_heard() -> None:
    async with account() as brevo, Server(brevo.app) as url:
        hang = brevo.faults.hang("events")
        await give_up(url)
        await hang.left()
        hang.release()
    assert brevo.state.events == []
    assert brevo.state.requests_of("events", status=0) == 1


async def test_who_gives_up_on_an_accepted_request_was_heard() -> None:
    async with account() as brevo, Server(brevo.app) as url:
        brevo.faults.accept_then_hang("events")
        await give_up(url)
        assert len(brevo.state.events) == 1


async def test_a_server_that_ends_lets_hanging_requests_go() -> None:
    async with account() as brevo, httpx.AsyncClient(headers={"api-key": "xkeysib-test"}) as http:
        hang = brevo.faults.hang("events")
        async with Server(brevo.app) as url:
            waiting = asyncio.create_task(http.post(f"{url}/v3/events", json=EVENT))
            await hang.reached()
        assert (await waiting).status_code == 503
        assert (brevo.state.events, hang.waiting) == ([], 0)


async def test_latency_delays_answers_in_real_time_only() -> None:
    async with account(latency=0.001) as brevo:
        before = brevo.clock.now()
        assert (await brevo.http.get("/account")).status_code == 200
        assert brevo.latency == 0.001
        assert brevo.clock.now() == before
