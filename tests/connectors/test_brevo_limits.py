"""No request is refused for a limit, whatever the plan, and however many wait."""

import asyncio
from collections import defaultdict

import pytest

from connectors.brevo.account import POST_CONTACT, POST_EVENT, POST_EVENTS
from connectors.brevo.errors import RateLimited
from connectors.brevo.limits import GENERAL, HOUR, SECOND, Endpoint, Limiter
from emulators.clock import StandingClock
from tests.connectors.brevo_stand import START, brevo_stand

OTHER = Endpoint("GET /account", "other")
EVENT = {"event_name": "order_placed", "identifiers": {"email_id": "ann@shop.test"}}


def told(limit: int, remaining: int, reset: int) -> dict[str, str]:
    return {
        "x-sib-ratelimit-limit": str(limit),
        "x-sib-ratelimit-remaining": str(remaining),
        "x-sib-ratelimit-reset": str(reset),
    }


async def granted(clock: StandingClock, limiter: Limiter, endpoint: Endpoint, count: int, took: int = 0) -> list[int]:
    """The times at which so many requests pass, when each takes so many ms."""
    times: list[int] = []

    async def one() -> None:
        with await limiter.slot(endpoint):
            times.append(clock.now())
            await clock.sleep_until(clock.now() + took)

    running = asyncio.create_task(clock.run(lambda: True))
    await asyncio.gather(*(one() for _ in range(count)))
    running.cancel()
    return times


def most_in(times: list[int], window: int) -> int:
    return max(sum(time <= other < time + window for other in times) for time in times)


@pytest.mark.parametrize("took", [0, 130, 2_500])
@pytest.mark.parametrize("family", ["events", "orders", "products"])
async def test_no_window_ever_holds_more_than_the_limit(family: str, took: int) -> None:
    clock = StandingClock(START)
    endpoint = Endpoint("POST /something", family)  # type: ignore[arg-type]
    limit = GENERAL[endpoint.family][SECOND]
    times = await granted(clock, Limiter(clock), endpoint, 6 * limit, took)
    assert most_in(times, SECOND) == limit


async def test_everything_else_shares_a_hundred_requests_an_hour() -> None:
    clock = StandingClock(START)
    limiter = Limiter(clock)
    one = await granted(clock, limiter, OTHER, 60)
    other = await granted(clock, limiter, Endpoint("GET /processes", "other"), 150)
    assert most_in(one + other, HOUR) == 100
    assert clock.now() - START >= 2 * HOUR


async def test_an_endpoint_of_unknown_bucket_counts_in_both_until_an_answer_tells() -> None:
    clock = StandingClock(START)
    limiter = Limiter(clock)
    with await limiter.slot(POST_EVENTS):
        assert limiter.free(OTHER) == 99
        assert limiter.free(POST_EVENT) == 9
    limiter.learn(POST_EVENTS, told(100, 99, 3600))
    with await limiter.slot(POST_EVENTS):
        assert limiter.free(OTHER) == 98
        assert limiter.free(POST_EVENT) == 9
    limiter.learn(POST_CONTACT, told(36_000, 35_000, 3000))
    assert limiter.family(POST_CONTACT) == "contacts"
    assert limiter.family(POST_EVENTS) == "other"


@pytest.mark.parametrize(
    ("headers", "second", "hour"),
    [
        (told(20, 19, 1), 20, 36_000),
        (told(72_000, 71_000, 3100), 10, 72_000),
        (told(60, 59, 1), 60, 36_000),
        (told(36_000, 5, 1), 10, 36_000),
    ],
)
async def test_a_larger_plan_is_learned_from_the_answers(headers: dict[str, str], second: int, hour: int) -> None:
    clock = StandingClock(START)
    limiter = Limiter(clock)
    limiter.learn(POST_EVENT, headers)
    assert limiter.snapshot().limits.get("events", GENERAL["events"]) == {SECOND: second, HOUR: hour}


async def test_what_other_programs_use_up_is_respected() -> None:
    clock = StandingClock(START)
    limiter = Limiter(clock)
    limiter.learn(OTHER, told(100, 2, 1800))
    times = await granted(clock, limiter, OTHER, 3)
    assert times[:2] == [START, START]
    assert times[2] >= START + 1_800_000


@pytest.mark.parametrize(("reset", "wait"), [("7", 7_000), ("30000", 30_000), ("0", 1_000), ("99999999", HOUR)])
async def test_a_reset_may_be_in_seconds_or_milliseconds(reset: str, wait: int) -> None:
    clock = StandingClock(START)
    limiter = Limiter(clock)
    assert limiter.refused(POST_EVENT, {"x-sib-ratelimit-reset": reset}) == wait
    assert await granted(clock, limiter, POST_EVENT, 1) == [START + wait]


async def test_a_successor_goes_on_with_the_used_up_hour() -> None:
    clock = StandingClock(START)
    limiter = Limiter(clock)
    await granted(clock, limiter, OTHER, 90)
    limiter.learn(POST_CONTACT, told(36_000, 35_000, 3000))
    successor = Limiter(clock)
    successor.restore(limiter.snapshot())
    assert successor.free(OTHER) == 10
    assert successor.family(POST_CONTACT) == "contacts"


async def test_one_who_gives_up_waiting_takes_nothing_and_blocks_nobody() -> None:
    clock = StandingClock(START)
    limiter = Limiter(clock)
    limiter.learn(OTHER, told(100, 0, 60))
    waiting = asyncio.create_task(limiter.slot(OTHER))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert await granted(clock, limiter, OTHER, 1) == [START + 60_000]
    assert clock.next_wake_up() is None


async def test_who_waits_for_the_scarce_bucket_does_not_hold_up_the_plentiful_one() -> None:
    clock = StandingClock(START)
    limiter = Limiter(clock)
    limiter.learn(OTHER, told(100, 0, 3600))
    waiting = asyncio.create_task(limiter.slot(POST_CONTACT))
    await asyncio.sleep(0)
    times = await granted(clock, limiter, Endpoint("PUT /contacts/{identifier}", "contacts"), 30)
    assert times[-1] < START + 10 * SECOND
    assert not waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_a_used_up_hour_stays_used_up_whatever_a_late_answer_says_of_the_second() -> None:
    clock = StandingClock(START)
    limiter = Limiter(clock)
    limiter.learn(POST_EVENT, told(36_000, 0, 1200))
    limiter.learn(POST_EVENT, told(10, 7, 1))
    assert await granted(clock, limiter, POST_EVENT, 1) == [START + 1_200_000]


@pytest.mark.parametrize("plan", ["general", "advanced", "extended"])
async def test_the_account_never_refuses_a_request_for_its_limits(plan: str) -> None:
    async with brevo_stand(plan=plan) as stand:
        account = stand.account()
        await asyncio.gather(
            *(account.send_event(dict(EVENT)) for _ in range(150)),
            *(account.create_contact({"email": f"c{number}@shop.test"}) for number in range(60)),
            *(account.send_events([dict(EVENT)]) for _ in range(40)),
            *(
                account.put_products([{"id": str(number), "name": "x", "url": "https://x.test"}])
                for number in range(40)
            ),
            *(account.processes() for _ in range(40)),
        )
        await account.close()
        assert stand.refusals() == 0
        assert account.limiter.refusals == 0


async def test_a_429_all_the_same_closes_the_bucket_as_long_as_told() -> None:
    async with brevo_stand() as stand:
        stand.brevo.faults.answer("POST /events", 429, reset=9)
        account = stand.account()
        with pytest.raises(RateLimited) as caught:
            await account.send_event(dict(EVENT))
        assert caught.value.reset == 9_000
        await account.send_event(dict(EVENT))
        await account.close()
        assert stand.clock.now() >= START + 9_000
        assert len(stand.brevo.state.events) == 1


async def test_requests_are_counted_by_family() -> None:
    async with brevo_stand() as stand:
        account = stand.account()
        await account.create_contact({"email": "ann@shop.test"})
        await account.create_contact({"email": "bob@shop.test"})
        await account.send_event(dict(EVENT))
        await account.close()
        counted: defaultdict[str, int] = defaultdict(int)
        for (family, _, _), count in stand.brevo.state.requests.items():
            counted[family] += count
        assert account.requests["events"] == counted["events"] == 1
        assert sum(account.requests.values()) == sum(counted.values())
