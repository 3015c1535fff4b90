"""Requests, retries and errors of the BigCommerce client, against the emulator."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import msgspec
import pytest

from connectors.bigcommerce.client import Client
from connectors.bigcommerce.errors import (
    BigCommerceError,
    Garbage,
    MissingScope,
    NotFound,
    RateLimited,
    Refused,
    Unauthorized,
    Unavailable,
)
from connectors.bigcommerce.limits import Priority
from connectors.bigcommerce.pages import page_v2_by_id
from connectors.bigcommerce.reads import Reads, Window
from tests.connectors.bigcommerce_shop import NOBODY, START, Shop, emulated_shop, item


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with emulated_shop() as shop:
        running = asyncio.create_task(shop.clock.run(lambda: True))
        yield shop
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def client(shop: Shop) -> AsyncIterator[Client]:
    client = shop.client()
    yield client
    await client.close()


@contextmanager
def fails(kind: type[BigCommerceError], says: str) -> Iterator[None]:
    with pytest.raises(kind, match=says):
        yield


async def test_an_empty_page_of_v2_is_204_and_becomes_an_empty_page(client: Client) -> None:
    answer = await client.get("/v2/orders", list[msgspec.Raw], scope="store_v2_orders")
    assert (answer.status, answer.data) == (204, None)
    page = await Reads(client).page("orders", "", Priority.LIVE)
    assert (page.rows, page.next) == ([], None)


async def test_a_wrong_token_says_to_replace_it(shop: Shop) -> None:
    client = shop.client(token="old")
    with fails(Unauthorized, "does not accept the access token.*replace the token"):
        await Reads(client).customers(["1"])
    assert len(shop.requests.seen) == 1  # asking again would not help
    await client.close()


async def test_a_missing_scope_is_named(shop: Shop, client: Client) -> None:
    shop.emulator.gate.missing.add("store_cart")
    with pytest.raises(MissingScope, match="lacks the OAuth scope store_cart") as raised:
        await Reads(client).cart("0b3c1a4e-0000-4000-8000-000000000000")
    assert raised.value.scope == "store_cart"


async def test_what_is_not_there_is_not_found(client: Client) -> None:
    with fails(NotFound, "nothing at GET /v2/orders/77"):
        await Reads(client).order("77")


async def test_a_page_that_is_too_large_is_refused_and_not_repeated(shop: Shop, client: Client) -> None:
    with fails(Refused, "413.*max_limit"):
        await page_v2_by_id(
            client, "/v2/orders", {}, place="", limit=251, scope="store_v2_orders", priority=Priority.LIVE
        )
    assert len(shop.requests.seen) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 423])
async def test_a_read_is_repeated_after_a_fault_of_the_server(shop: Shop, client: Client, status: int) -> None:
    shop.emulator.faults.fail(status, times=2)
    before = shop.clock.now()
    assert (await Reads(client).store()).currency == "USD"
    assert len(shop.requests.seen) == 3
    assert shop.clock.now() - before >= 3_000  # at least 1 s and 2 s, on the clock


async def test_a_read_that_keeps_failing_is_unavailable(shop: Shop, client: Client) -> None:
    shop.emulator.faults.fail(503, times=3)
    with fails(Unavailable, "503.*asked again later"):
        await Reads(client).store()
    assert shop.emulator.faults.met == 3


async def test_a_read_that_hangs_is_given_up_and_repeated(shop: Shop) -> None:
    client = shop.client(timeout=0.3)
    shop.emulator.faults.hang()
    assert (await Reads(client).store()).country_code == "US"
    assert len(shop.requests.seen) == 2
    await client.close()


async def test_nobody_there_is_unavailable(shop: Shop) -> None:
    client = Client("hash", "token", clock=shop.clock, base_url="http://127.0.0.1:1", retries=1)
    with fails(Unavailable, "no answer to GET /v2/store"):
        await Reads(client).store()
    assert client.requests == 2
    await client.close()


async def test_garbage_is_repeated_and_then_told(shop: Shop, client: Client) -> None:
    shop.emulator.faults.garble(times=2)
    assert (await Reads(client).store()).currency == "USD"
    shop.emulator.faults.garble(times=3)
    with fails(Garbage, "cannot be read"):
        await Reads(client).store()


async def test_429_is_waited_for_as_told(shop: Shop, client: Client) -> None:
    await Reads(client).store()
    shop.clock.advance(START + 10_000)
    shop.emulator.faults.limit()
    assert (await Reads(client).store()).currency == "USD"
    assert shop.clock.now() == START + 30_000  # the rest of the window
    assert client.limiter.usage.throttled == 1


async def test_429_without_headers_is_waited_for_longer_and_longer(shop: Shop, client: Client) -> None:
    shop.emulator.faults.limit(times=3, headers=False)
    assert (await Reads(client).store()).currency == "USD"
    assert 3_500 <= shop.clock.now() - START <= 7_000
    assert client.limiter.usage.throttled == 3


async def test_429_for_ever_is_told_in_the_end(shop: Shop, client: Client) -> None:
    shop.emulator.faults.limit(times=11)
    with fails(RateLimited, "refuses GET /v2/store for its quota"):
        await Reads(client).store()


async def test_customers_are_read_many_at_once_and_missing_ones_are_missing(shop: Shop, client: Client) -> None:
    ids = [
        shop.store.customers.register(email=f"c{n}@example.com", first_name="C", last_name=str(n)).id
        for n in range(250)
    ]
    shop.store.customers.delete(ids[7])
    found = await Reads(client).customers([str(id_) for id_ in ids])
    assert set(found.rows) == {str(id_) for id_ in ids} - {str(ids[7])}
    assert len(shop.requests.seen) == 1
    assert found.started_at == START


async def test_an_order_comes_with_its_lines_in_one_request(shop: Shop, client: Client) -> None:
    order = shop.store.orders.place([item()], email="ida@example.com", billing=NOBODY)
    row, _ = await Reads(client).order(str(order.id))
    lines = msgspec.json.decode(row)["consignments"]["shipping"][0]["line_items"]
    assert [line["product_id"] for line in lines] == [10]
    assert len(shop.requests.seen) == 1


async def test_refunds_of_many_orders_come_in_one_request(shop: Shop, client: Client) -> None:
    orders = [shop.store.orders.place([item()], email="ida@example.com", billing=NOBODY) for _ in range(3)]
    shop.store.orders.refund(orders[1].id, orders[1].total)
    found = await Reads(client).refunds_of([str(order.id) for order in orders], Priority.LIVE)
    assert {id_: len(rows) for id_, rows in found.items()} == {str(orders[1].id): 1}
    assert len(shop.requests.seen) == 1


async def test_lists_are_read_page_by_page_to_their_end(shop: Shop, client: Client) -> None:
    for n in range(260):
        shop.store.customers.register(email=f"c{n}@example.com", first_name="C", last_name=str(n))
        shop.store.subscribers.subscribe(f"c{n}@example.com", ())
        shop.store.orders.place([item()], email=f"c{n}@example.com", billing=NOBODY)
    for resource, expected in (
        ("customers", 260),
        ("subscribers", 260),
        ("orders", 260),
        ("products", 3),
        ("categories", 2),
    ):
        rows, place, pages = 0, "", 0
        while True:
            page = await Reads(client).page(resource, place, Priority.BACKGROUND)  # type: ignore[arg-type]
            rows, pages = rows + len(page.rows), pages + 1
            if page.next is None:
                break
            place = page.next
        assert (resource, rows, pages) == (resource, expected, 2 if expected > 250 else 1)


async def test_rows_that_go_while_a_list_is_read_hide_no_others(shop: Shop, client: Client) -> None:
    for n in range(260):
        shop.store.subscribers.subscribe(f"s{n}@example.com", ())
    first = await Reads(client).page("subscribers", "", Priority.LIVE)
    for n in range(3):
        shop.store.subscribers.delete(f"s{n}@example.com")
    seen = {bytes(row) for row in first.rows}
    place = first.next
    while place is not None:
        page = await Reads(client).page("subscribers", place, Priority.LIVE)
        seen |= set(page.rows)
        place = page.next
    assert {msgspec.json.decode(row)["email"] for row in seen} == {f"s{n}@example.com" for n in range(260)}


async def test_a_window_of_time_is_widened_to_whole_seconds(shop: Shop, client: Client) -> None:
    shop.store.customers.register(email="old@example.com", first_name="O", last_name="Ld")
    shop.store.orders.place([item()], email="old@example.com", billing=NOBODY)
    shop.clock.advance(START + 60_400)
    shop.store.customers.register(email="new@example.com", first_name="N", last_name="Ew")
    shop.store.orders.place([item()], email="new@example.com", billing=NOBODY)
    window = Window(START + 60_300, START + 60_500)
    customers = await Reads(client).page("customers", "", Priority.LIVE, window)
    orders = await Reads(client).page("orders", "", Priority.LIVE, window)
    assert [msgspec.json.decode(row)["email"] for row in customers.rows] == ["new@example.com"]
    assert [msgspec.json.decode(row)["billing_address"]["email"] for row in orders.rows] == ["new@example.com"]
