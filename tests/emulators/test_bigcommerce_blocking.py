"""Deliveries that fail too often: which domains are blocked, what is told of failures, and which hooks fall asleep."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from emulators.bigcommerce import BigCommerce
from emulators.bigcommerce.blocking import BLOCK_MS, FEWEST, WINDOW_MS
from emulators.bigcommerce.deliveries import RETRY_AFTER
from emulators.bigcommerce.hooks import EXCEPTIONS, IDLE_MS
from emulators.clock import StandingClock
from emulators.server import Server
from tests.emulators.bigcommerce_shop import (
    START,
    Receiver,
    bigcommerce,
    client,
    new_store,
    place,
)
from tests.emulators.test_bigcommerce_deliveries import hooked
from tests.openapi import validate_response

HOUR = 3_600_000
HOOKS = "bigcommerce/webhooks.v3.yml"


# --- blocked domains --------------------------------------------------------------------------------------------------


async def crowd(emulator: BigCommerce, count: int = FEWEST) -> None:
    """So many orders at one moment, and what became of their first attempts."""
    counters = emulator.deliveries.counters

    def ended() -> int:
        return counters.delivered + counters.failed + counters.held

    all_of_them = ended() + count
    for _ in range(count):
        place(emulator.store)
    while ended() < all_of_them:  # noqa: ASYNC110 - counters tell nobody
        await asyncio.sleep(0.001)


async def blocked_domains(emulator: BigCommerce) -> list[dict[str, object]]:
    async with client(emulator) as api:
        answer = await api.get("/v3/hooks/admin")
    validate_response(HOOKS, "get", "/hooks/admin", answer.status_code, answer.json())
    found: list[dict[str, object]] = answer.json()["data"]["blocked_domains"]
    return found


async def test_a_domain_that_takes_less_than_nine_in_ten_of_a_hundred_is_blocked_for_three_minutes() -> None:
    async with hooked("store/order/created", answer=lambda nth: 500 if nth < 11 else 200) as (
        emulator,
        receiver,
        clock,
    ):
        clock.limit = START + 1_000
        await crowd(emulator)
        (block,) = await blocked_domains(emulator)
        assert block == {
            "destination": emulator.hooks.all()[0].destination.removesuffix("/hook"),
            "time_left": BLOCK_MS // 1000,
            "reasons": [
                {
                    "failure_description": "Non-200 response received (500)",
                    "count": 11,
                    "timestamp": (START + 1_000) // 1000,
                }
            ],
        }
        clock.limit = None
        await clock.sleep_until(START + 1_000 + BLOCK_MS - 1)
        assert [each["time_left"] for each in await blocked_domains(emulator)] == [1]
        await emulator.deliveries.settled()
        assert await blocked_domains(emulator) == []
    assert emulator.deliveries.counters.blocks == 1
    assert len(receiver.arrivals) == 111
    # The repetitions of those that had failed fell into the block after a minute, and were made three minutes later.
    assert {arrival.at - START for arrival in receiver.arrivals[100:]} == {1_000 + 60_000 + 180_000}


async def test_what_happens_during_a_block_is_not_sent_and_follows_the_schedule_of_repetitions() -> None:
    async with hooked("store/order/created", answer=lambda nth: 500 if nth < FEWEST else 200) as (
        emulator,
        receiver,
        clock,
    ):
        clock.limit = START + 1_000
        await crowd(emulator)
        clock.limit = None
        await clock.sleep_until(START + 31_000)
        place(emulator.store)
        await emulator.deliveries.settled()
    (late,) = [arrival.at - START for arrival in receiver.arrivals if json.loads(arrival.body)["data"]["id"] == 200]
    assert late == 32_000 + 60_000 + 180_000  # held, held once more, taken
    assert emulator.deliveries.counters.held == 101 + 1


async def test_nine_in_ten_are_enough_and_less_than_a_hundred_are_too_few_to_judge() -> None:
    async with hooked("store/order/created", answer=lambda nth: 500 if nth < 10 else 200) as (emulator, _, clock):
        clock.limit = START + 1_000
        await crowd(emulator)
        assert emulator.deliveries.counters.failed == 10
        assert await blocked_domains(emulator) == []
    async with hooked("store/order/created", answer=lambda nth: 500) as (emulator, _, clock):
        clock.limit = START + 1_000
        await crowd(emulator, FEWEST - 1)
        assert emulator.deliveries.counters.failed == FEWEST - 1
        assert await blocked_domains(emulator) == []


async def test_only_the_last_two_minutes_count() -> None:
    async with hooked("store/order/created", answer=lambda nth: 500 if nth < 45 else 200) as (emulator, _, clock):
        clock.limit = START + 1_000
        await crowd(emulator, 45)
        clock.limit = None
        await clock.sleep_until(START + 1_000 + WINDOW_MS + 1_000)  # their repetitions were taken after a minute
        await crowd(emulator, 60)
        assert (emulator.deliveries.counters.failed, emulator.deliveries.counters.delivered) == (45, 45 + 60)
        assert emulator.deliveries.counters.blocks == 0


# --- what is told of failures -----------------------------------------------------------------------------------------


@asynccontextmanager
async def told_of(
    scope: str, answer: Callable[[int], int]
) -> AsyncIterator[tuple[BigCommerce, Callable[[], list[tuple[int, int, int]]], StandingClock]]:
    """A hook of ``scope`` whose receiver answers so, and a hook about it. What that was told: (time, hook, code)."""
    async with hooked(scope, answer=answer) as (emulator, _, clock):
        ear = Receiver(clock)
        async with Server(ear) as url:
            emulator.hooks.create({"scope": EXCEPTIONS, "destination": f"{url}/exceptions"})

            def told() -> list[tuple[int, int, int]]:
                found = []
                for arrival in ear.arrivals:
                    body = json.loads(arrival.body)
                    data = body["data"]
                    assert (body["scope"], data["type"]) == (EXCEPTIONS, "webhook")
                    found.append((arrival.at - START - 1_000, data["id"], data["error_code"]))
                return found

            yield emulator, told, clock


async def test_failures_are_told_at_most_every_ten_minutes_and_the_end_of_a_hook_is() -> None:
    async with told_of("store/order/created", lambda nth: 500) as (emulator, told, _):
        hook = emulator.hooks.all()[0]
        place(emulator.store)
        await emulator.deliveries.settled()
        failed = [sum(RETRY_AFTER[:attempt]) for attempt in range(12)]
        seldom = [0, 1140, *failed[5:11]]  # those after 60, 240 and 540 s fall into the first ten minutes
        expected = [(second * 1000 + 1_000, hook.id, 90_001) for second in seldom]
        assert told() == [*expected, (failed[11] * 1000 + 1_000, hook.id, 90_002)]
        assert not hook.is_active


async def test_a_block_is_told() -> None:
    async with told_of("store/order/created", lambda nth: 500 if nth < FEWEST else 200) as (emulator, told, clock):
        clock.limit = START + 2_000
        await crowd(emulator)
        clock.limit = None
        await emulator.deliveries.settled()
        assert sorted(code for _, _, code in told()) == [90_001, 90_003]


async def test_of_the_failures_of_the_hook_about_hooks_nothing_is_told() -> None:
    async with hooked("store/order/created", answer=lambda nth: 500) as (emulator, receiver, _):
        url = emulator.hooks.all()[0].destination.removesuffix("/hook")
        emulator.hooks.create({"scope": EXCEPTIONS, "destination": f"{url}/exceptions"})
        place(emulator.store)
        await emulator.deliveries.settled()
        scopes = Counter(json.loads(arrival.body)["scope"] for arrival in receiver.arrivals)
        # The hook about hooks falls asleep by its own failures, before all has been told of the other.
        assert scopes["store/order/created"] == 12
        assert emulator.deliveries.counters.told == 9
        assert [hook.is_active for hook in emulator.hooks.all()] == [False, False]


async def test_a_hook_without_events_for_ninety_days_falls_asleep() -> None:
    async with hooked("store/order/created", "store/customer/created") as (emulator, _, clock):
        place_at = START + IDLE_MS - 1_000
        await clock.sleep_until(place_at)
        place(emulator.store)
        await clock.sleep_until(START + IDLE_MS)
        assert {hook.scope: hook.is_active for hook in emulator.hooks.all()} == {
            "store/order/created": True,
            "store/customer/created": False,
        }
        async with client(emulator) as api:
            listed = (await api.get("/v3/hooks/admin", params={"is_active": "false"})).json()["data"]["hooks_list"]
        assert [hook["status"] for hook in listed] == ["deactivated"]


async def test_the_hook_about_hooks_is_one_and_has_its_destination_for_itself() -> None:
    clock = StandingClock(START)
    emulator = bigcommerce(new_store(clock), clock, allow_http=False)
    async with client(emulator) as api:

        async def status(scope: str, destination: str) -> int:
            answer = await api.post("/v3/hooks", json={"scope": scope, "destination": destination})
            validate_response(HOOKS, "post", "/hooks", answer.status_code, answer.json())
            return answer.status_code

        assert await status("store/order/created", "https://a.example/hook") == 200
        assert await status(EXCEPTIONS, "https://a.example/hook") == 422
        assert await status(EXCEPTIONS, "https://a.example/exceptions") == 200
        assert await status("store/order/updated", "https://a.example/exceptions") == 422
        assert await status(EXCEPTIONS, "https://a.example/another") == 422
        assert await status("store/order/updated", "https://a.example:8443/hook") == 422
        assert await status("store/order/updated", "https://a.example:443/hook") == 200
        nothing = await api.put(f"/v3/hooks/{emulator.hooks.all()[0].id}", json={})
        assert nothing.status_code == 422
