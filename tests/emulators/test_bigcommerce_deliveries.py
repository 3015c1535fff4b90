"""Deliveries: what is sent, how it is signed, and what becomes of it when it fails, doubles or overtakes."""

import base64
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from standardwebhooks import Webhook

from emulators.bigcommerce import BigCommerce
from emulators.bigcommerce.deliveries import COPY_AFTER_MS, RETRY_AFTER, signed_headers
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
