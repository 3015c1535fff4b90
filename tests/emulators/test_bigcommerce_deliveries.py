"""Deliveries: what is sent, how it is signed, and what becomes of it when it fails, doubles or overtakes."""

import asyncio
import base64
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from standardwebhooks import Webhook

from emulators.bigcommerce import BigCommerce
from emulators.bigcommerce.blocking import BLOCK_MS, FEWEST, WINDOW_MS
from emulators.bigcommerce.deliveries import COPY_AFTER_MS, RETRY_AFTER, signed_headers
from emulators.bigcommerce.hooks import EXCEPTIONS, IDLE_MS
from emulators.clock import StandingClock
from emulators.server import Server
from tests.emulators.bigcommerce_shop import (
    FIRST,
    SECRET,
    START,
    Receiver,
    bigcommerce,
    client,
    moving,
    new_store,
    place,
)
from tests.openapi import validate_response

HOUR = 3_600_000
HOOKS = "bigcommerce/webhooks.v3.yml"


@asynccontextmanager
async def hooked(
    *scopes: str, answer: Callable[[int], int] = lambda nth: 200, **given: object
) -> AsyncIterator[tuple[BigCommerce, Receiver, StandingClock]]:
    """An emulator with a hook for each scope, a receiver, and a clock that jumps while nobody works."""
    clock = StandingClock(START)
    given = {"duplicates": 0.0, "reorder": 0.0, **given}
    emulator = bigcommerce(new_store(clock), clock, **given)
    receiver = Receiver(clock, answer)
    async with Server(receiver) as url, emulator, moving(clock):
        for scope in scopes:
            hook = {"scope": scope, "destination": f"{url}/hook", "headers": {"x-connector-secret": "abc"}}
            emulator.hooks.create(hook)
        yield emulator, receiver, clock


async def test_a_delivery_has_the_body_and_headers_of_a_real_one() -> None:
    async with hooked("store/order/created") as (emulator, receiver, _):
        order_id = place(emulator.store)
        await emulator.deliveries.settled()
    (arrival,) = receiver.arrivals
    body = json.loads(arrival.body)
    assert body.pop("hash") == arrival.headers["webhook-id"]
    assert len(arrival.headers["webhook-id"]) == 40
    assert body == {
        "scope": "store/order/created",
        "store_id": "1003502318",
        "data": {"type": "order", "id": order_id},
        "created_at": START // 1000,
        "producer": f"stores/{emulator.store.store_hash}",
    }
    assert b" " not in arrival.body
    assert arrival.headers["x-connector-secret"] == "abc"
    assert arrival.headers["content-type"] == "application/json"
    assert arrival.headers["user-agent"] == "pekko-http/1.3.0"
    assert arrival.at == START + 1_000


async def test_the_signature_is_good_by_the_client_secret_and_by_no_other() -> None:
    async with hooked("store/order/created") as (emulator, receiver, _):
        place(emulator.store)
        await emulator.deliveries.settled()
    (arrival,) = receiver.arrivals
    Webhook(SECRET.encode()).verify(arrival.body, arrival.headers)
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(b"another").verify(arrival.body, arrival.headers)
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(SECRET.encode()).verify(arrival.body + b" ", arrival.headers)


def test_a_signature_that_was_computed_elsewhere_comes_out_again() -> None:
    body = (
        b'{"producer":"stores/8jbhprizry","hash":"64d346b71e4c02453da81c5d97cec8063a6e7a4d","created_at":1786447828,'
        b'"store_id":"1003502318","scope":"store/product/updated","data":{"type":"product","id":180}}'
    )
    identity, key = "64d346b71e4c02453da81c5d97cec8063a6e7a4d", b"test-client-secret-0123456789abcdef"
    headers = signed_headers(key, identity, body, lambda: 1786447831.9)
    assert headers["webhook-timestamp"] == "1786447831"
    assert headers["webhook-signature"] == "v1,wZqRKhyP9iGaEBPSMCMW6o1j66IcTorZPvgm5uB9Emw="
    assert len(base64.b64decode(headers["webhook-signature"].removeprefix("v1,"))) == 32


async def test_only_hooks_of_the_scope_are_called_and_inactive_ones_not() -> None:
    async with hooked("store/order/created", "store/customer/created") as (emulator, receiver, _):
        orders, customers = emulator.hooks.all()
        emulator.hooks.change(customers, {"is_active": False})
        place(emulator.store)
        emulator.store.customers.register(email="a@example.com", first_name="A", last_name="B")
        await emulator.deliveries.settled()
    assert [json.loads(arrival.body)["scope"] for arrival in receiver.arrivals] == [orders.scope]


async def test_key_order_varies_and_hashes_do_not_repeat() -> None:
    async with hooked("store/order/created") as (emulator, receiver, _):
        for _ in range(40):
            place(emulator.store)
        await emulator.deliveries.settled()
    assert len({tuple(json.loads(arrival.body)) for arrival in receiver.arrivals}) == 2
    assert len({arrival.headers["webhook-id"] for arrival in receiver.arrivals}) == 40


async def test_a_failed_delivery_comes_again_with_the_same_hash_until_it_is_taken() -> None:
    async with hooked("store/order/created", answer=lambda nth: 500 if nth < 2 else 204) as (emulator, receiver, _):
        place(emulator.store)
        await emulator.deliveries.settled()
        counters = emulator.deliveries.counters
        assert (counters.sent, counters.delivered, counters.failed, counters.retried) == (3, 1, 2, 2)
        assert emulator.hooks.all()[0].is_active
    assert len({(arrival.body, arrival.headers["webhook-id"]) for arrival in receiver.arrivals}) == 1
    waited = [later.at - earlier.at for earlier, later in pairwise(receiver.arrivals)]
    assert waited == [60_000, 180_000]


async def test_after_the_last_of_twelve_failures_the_hook_is_deactivated_until_it_is_put_active() -> None:
    async with hooked("store/order/created", answer=lambda nth: 500 if nth < 12 else 200) as (
        emulator,
        receiver,
        clock,
    ):
        place(emulator.store)
        await emulator.deliveries.settled()
        waited = [(later.at - earlier.at) // 1000 for earlier, later in pairwise(receiver.arrivals)]
        assert tuple(waited) == RETRY_AFTER
        async with client(emulator) as api:
            (hook,) = (await api.get("/v3/hooks/admin")).json()["data"]["hooks_list"]
            assert (hook["is_active"], hook["status"]) == (False, "deactivated")
            place(emulator.store)
            assert emulator.deliveries.pending == 0
            put = await api.put(f"/v3/hooks/{hook['id']}", json={"is_active": True})
            assert put.json()["data"]["is_active"]
            (hook,) = (await api.get("/v3/hooks/admin")).json()["data"]["hooks_list"]
            assert hook["status"] == "active"
        place(emulator.store)
        await emulator.deliveries.settled()
        assert emulator.deliveries.counters.delivered == 1
        assert clock.now() > START + 48 * HOUR


async def test_a_redirect_and_a_receiver_that_is_not_there_are_failures_too() -> None:
    async with hooked("store/order/created", answer=lambda nth: 302 if not nth else 200) as (emulator, _, _):
        place(emulator.store)
        await emulator.deliveries.settled()
        assert emulator.deliveries.counters.failed == 1
    clock = StandingClock(START)
    emulator = bigcommerce(new_store(clock), clock)
    emulator.hooks.create({"scope": "store/order/created", "destination": "http://127.0.0.1:9/hook"})
    async with emulator, moving(clock):
        place(emulator.store)
        await emulator.deliveries.settled()
    assert (emulator.deliveries.counters.sent, emulator.deliveries.counters.deactivated) == (12, 1)


async def test_deliveries_of_a_hook_that_was_deleted_are_dropped() -> None:
    async with hooked("store/order/created", answer=lambda nth: 500) as (emulator, receiver, _):
        place(emulator.store)
        await receiver.heard.wait()
        emulator.hooks.delete(emulator.hooks.all()[0])
        await emulator.deliveries.settled()
        assert emulator.deliveries.counters.dropped == 1
        assert emulator.deliveries.counters.deactivated == 0


async def test_some_are_doubled_and_some_overtaken_but_none_is_lost() -> None:
    async with hooked("store/order/created", duplicates=0.1, reorder=0.2, seed=3) as (emulator, receiver, clock):
        for _ in range(200):
            place(emulator.store)
            await clock.sleep_until(clock.now() + 1_000)
        await emulator.deliveries.settled()
        counters = emulator.deliveries.counters
    ids = [json.loads(arrival.body)["data"]["id"] for arrival in receiver.arrivals]
    assert set(ids) == set(range(100, 300))
    assert len(ids) == 200 + counters.duplicates
    assert 10 <= counters.duplicates <= 35
    assert 20 <= counters.reordered <= 65
    firsts = list(dict.fromkeys(ids))
    assert firsts != sorted(firsts)
    for id_, count in Counter(ids).items():
        copies = [arrival for arrival, each in zip(receiver.arrivals, ids, strict=True) if each == id_]
        assert len({copy.body for copy in copies}) == 1
        assert [later.at - earlier.at for earlier, later in pairwise(copies)] == [COPY_AFTER_MS] * (count - 1)


async def test_the_clock_stands_while_a_delivery_is_made() -> None:
    async with hooked("store/order/created", "store/subscriber/created", workers=1) as (emulator, receiver, _):
        for number in range(30):
            place(emulator.store, number=number + 1)
        await emulator.deliveries.settled()
    assert len(receiver.arrivals) == 60
    assert {arrival.at for arrival in receiver.arrivals} == {START + 1_000}


async def test_a_cart_left_alone_is_delivered_after_an_hour() -> None:
    async with hooked("store/cart/abandoned") as (emulator, receiver, _):
        cart = emulator.store.carts.create([FIRST])
        await receiver.heard.wait()
        await emulator.deliveries.settled()
    (arrival,) = receiver.arrivals
    assert json.loads(arrival.body)["data"] == {"type": "cart", "id": cart.id, "token": cart.token}
    assert arrival.at == START + HOUR + 1_000


async def test_what_happened_before_the_start_is_delivered_then() -> None:
    clock = StandingClock(START)
    emulator = bigcommerce(new_store(clock), clock)
    receiver = Receiver(clock)
    async with Server(receiver) as url:
        emulator.hooks.create({"scope": "store/order/created", "destination": f"{url}/hook"})
        place(emulator.store)
        assert emulator.deliveries.pending == 1
        async with emulator, moving(clock):
            await emulator.deliveries.settled()
    assert len(receiver.arrivals) == 1


async def test_stopping_leaves_nothing_running() -> None:
    async with hooked("store/order/created", answer=lambda nth: 500) as (emulator, receiver, _):
        place(emulator.store)
        await receiver.heard.wait()
        await emulator.stop()
        assert emulator.deliveries.pending == 0


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
