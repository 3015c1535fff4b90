import httpx
import pytest

from emulators.brevo import Brevo
from emulators.brevo.limits import HOUR, Grant, Limits
from emulators.clock import StandingClock
from tests.emulators.brevo_account import Account, account, refusal

EVENT = {"event_name": "ping", "identifiers": {"email_id": "ann@shop.test"}}
PRODUCT = {"id": "1", "name": "x", "updateEnabled": True}


def left(answer: httpx.Response) -> tuple[int, int, int]:
    """Limit, remaining and reset of the headers."""
    names = ("limit", "remaining", "reset")
    limit, remaining, reset = (int(answer.headers[f"x-sib-ratelimit-{name}"]) for name in names)
    return limit, remaining, reset


async def spend(brevo: Account, path: str, times: int) -> list[int]:
    return [(await brevo.http.get(path)).status_code for _ in range(times)]


async def test_the_headers_tell_limit_remaining_and_the_seconds_left() -> None:
    async with account() as brevo:
        assert left(await brevo.http.post("/events", json=EVENT)) == (10, 9, 1)
        assert left(await brevo.http.get("/account")) == (100, 99, 3600)
        brevo.pass_time(1800.5)
        assert left(await brevo.http.get("/account")) == (100, 98, 1800)


async def test_ten_events_a_second_and_the_eleventh_is_429_and_not_kept() -> None:
    async with account() as brevo:
        for _ in range(10):
            assert (await brevo.http.post("/events", json=EVENT)).status_code == 204
        refused = await brevo.http.post("/events", json=EVENT)
        assert refusal(refused) == (429, "too_many_requests")
        assert left(refused) == (10, 0, 1)
        assert len(brevo.state.events) == 10
        brevo.pass_time(1)
        assert (await brevo.http.post("/events", json=EVENT)).status_code == 204


async def test_everything_else_shares_a_hundred_requests_an_hour() -> None:
    async with account() as brevo:
        paths = ("/account", "/processes", "/products", "/webhooks")
        answers = [(await brevo.http.get(paths[number % 4])).status_code for number in range(100)]
        assert set(answers) == {200}
        for path in ("/categories", "/events", "/orders"):
            assert (await brevo.http.get(path)).status_code == 429
        assert (await brevo.http.post("/products/batch", json={"products": [PRODUCT]})).status_code == 429
        assert (await brevo.http.get("/contacts/lists")).status_code == 200
        brevo.pass_time(3600)
        assert (await brevo.http.get("/categories")).status_code == 200


def test_a_family_may_have_nothing_but_a_limit_of_the_hour() -> None:
    clock = StandingClock(0)
    limits = Limits(clock, "extended")
    grants = [limits.take("products") for _ in range(21_601)]
    assert [grant.passes for grant in grants if grant] == [True] * 21_600 + [False]
    clock.advance(HOUR - 1)
    assert limits.take("products") == Grant(False, 21_600, 0, 1)
    clock.advance(HOUR)
    assert limits.take("products") == Grant(True, 21_600, 21_599, 3600)


@pytest.mark.parametrize(
    ("plan", "events", "other"), [("general", 10, 100), ("advanced", 20, 200), ("extended", 60, 600)]
)
async def test_a_larger_plan_allows_more(plan: str, events: int, other: int) -> None:
    async with account(plan=plan) as brevo:
        assert left(await brevo.http.post("/events", json=EVENT))[0] == events
        assert left(await brevo.http.get("/account"))[0] == other


async def test_an_unknown_plan_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="The plan is 'free', but one of general, advanced, extended is expected"):
        Brevo(StandingClock(0), api_key="key", plan="free")


async def test_the_bare_contacts_path_may_be_put_into_the_shared_bucket() -> None:
    async with account(bare_contacts="other") as brevo:
        assert left(await brevo.http.get("/contacts"))[0] == 100
        assert left(await brevo.http.get("/contacts/lists"))[0] == 10


async def test_the_tracker_has_no_limits() -> None:
    async with account() as brevo:
        body = {"email": "ann@shop.test", "event": "cart_updated"}
        for _ in range(300):
            answer = await brevo.http.post(
                "http://brevo.test/api/v2/trackEvent", json=body, headers={"ma-key": "tracker-key"}
            )
            assert answer.status_code == 204
        assert "x-sib-ratelimit-limit" not in answer.headers


async def test_answers_are_counted_by_family_endpoint_and_status() -> None:
    async with account() as brevo:
        await brevo.add()
        await spend(brevo, "/contacts/1", 2)
        await spend(brevo, "/contacts/9", 1)
        assert brevo.state.requests == {
            ("contacts", "POST /contacts", 201): 1,
            ("contacts", "GET /contacts/{identifier}", 200): 2,
            ("contacts", "GET /contacts/{identifier}", 404): 1,
        }
        assert brevo.state.requests_of("contacts") == 4
        assert brevo.state.requests_of(status=404) == 1
