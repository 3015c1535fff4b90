"""Paging, filters and the dialects of v2 and v3."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from emulators import cdnow
from emulators.bigcommerce import Store
from emulators.bigcommerce.records import Order
from emulators.clock import StandingClock
from emulators.shoppers.people import person
from tests.emulators.bigcommerce_shop import (
    START,
    bigcommerce,
    client,
    lively_store,
    new_store,
    place,
    register,
)
from tests.openapi import validate_response


async def test_an_empty_page_of_v2_is_204_without_a_body() -> None:
    clock = StandingClock(START)
    async with client(bigcommerce(lively_store(clock), clock)) as api:
        for path in ("/v2/orders?page=2", "/v2/orders?customer_id=99", "/v2/customer_groups?page=9"):
            answer = await api.get(path)
            assert (answer.status_code, answer.content) == (204, b"")
        validate_response("bigcommerce/orders.v2.oas2.yml", "get", "/orders", 204)
        empty = await api.get("/v3/customers?id:in=99")
    assert (empty.status_code, empty.json()["data"]) == (200, [])


async def test_a_limit_above_250_is_413_in_v2_and_250_in_v3() -> None:
    clock = StandingClock(START)
    async with client(bigcommerce(lively_store(clock), clock)) as api:
        refused = await api.get("/v2/orders?limit=251")
        assert (refused.status_code, refused.json()) == (413, {"max_limit": 250})
        validate_response("bigcommerce/orders.v2.oas2.yml", "get", "/orders", 413, refused.json())
        assert (await api.get("/v2/orders?limit=250")).status_code == 200
        page = await api.get("/v3/customers?limit=300")
    assert page.json()["meta"]["pagination"]["per_page"] == 250


async def test_dates_and_money_of_an_order_are_texts_and_refunded_amount_is_always_0() -> None:
    clock = StandingClock(START)
    store = new_store(clock)
    order_id = place(store, register(store), status_id=2, shipping=Decimal("4.50"))
    store.orders.refund(order_id, Decimal("1.01"))
    async with client(bigcommerce(store, clock)) as api:
        order = (await api.get(f"/v2/orders/{order_id}")).json()
    assert order["date_created"] == "Wed, 01 Jul 1998 00:00:00 +0000"
    assert order["date_shipped"] == ""
    assert (order["subtotal_inc_tax"], order["total_inc_tax"]) == ("15.9800", "20.4800")
    assert order["refunded_amount"] == "0.0000"
    assert (order["status_id"], order["payment_status"]) == (14, "partially refunded")
    assert order["products"] == {
        "url": f"https://api.bigcommerce.com/stores/{store.store_hash}/v2/orders/{order_id}/products",
        "resource": f"/orders/{order_id}/products",
    }


async def test_what_was_paid_in_another_currency_says_what_a_unit_of_the_store_cost() -> None:
    clock = StandingClock(START)
    store = new_store(clock)
    euros = place(store, currency="EUR")
    dollars = place(store)
    async with client(bigcommerce(store, clock)) as api:
        paid, own = [(await api.get(f"/v2/orders/{each}")).json() for each in (euros, dollars)]
    assert (paid["default_currency_code"], paid["total_inc_tax"]) == ("EUR", "14.7000")
    assert paid["store_default_currency_code"] == "USD"
    assert paid["store_default_to_transactional_exchange_rate"] == "0.9200000000"
    assert (own["default_currency_code"], own["store_default_currency_code"]) == ("USD", "")


async def test_v2_without_an_accept_header_for_json_is_xml() -> None:
    clock = StandingClock(START)
    async with client(bigcommerce(lively_store(clock), clock), accept="*/*") as api:
        answer = await api.get("/v2/orders/100")
    assert answer.headers["content-type"].startswith("application/xml")
    assert "<total_inc_tax>20.4800</total_inc_tax>" in answer.text


async def test_consignments_are_a_link_unless_the_object_is_asked_for() -> None:
    clock = StandingClock(START)
    async with client(bigcommerce(lively_store(clock), clock)) as api:
        link = (await api.get("/v2/orders/100?include=consignments.line_items")).json()["consignments"]
        whole = await api.get("/v2/orders/100?include=consignments.line_items&consignment_structure=object")
        products = (await api.get("/v2/orders/100/products")).json()
    assert set(link) == {"url", "resource"}
    assert whole.json()["consignments"]["shipping"][0]["line_items"] == products
    assert [(line["product_id"], line["quantity"], line["total_inc_tax"]) for line in products] == [(101, 2, "15.9800")]


async def test_paging_through_all_orders_by_id_and_by_date_meets_each_once() -> None:
    clock = StandingClock(cdnow.END)
    store = Store(clock)
    cdnow.fill(store)
    async with client(bigcommerce(store, clock)) as api:
        for sort in ("id:asc", "date_modified:asc", "id:desc", "date_created:asc"):
            met: list[int] = []
            page = 1
            while (answer := await api.get(f"/v2/orders?limit=250&page={page}&sort={sort}")).status_code == 200:
                met += [order["id"] for order in answer.json()]
                page += 1
            assert answer.status_code == 204
            assert len(met) == 6_919
            assert sorted(met) == [order.id for order in store.orders.table]
            assert met == sorted(met, key=_key(store, sort), reverse=sort.endswith("desc"))


def _key(store: Store, sort: str) -> Callable[[int], tuple[int, int]]:
    name = sort.split(":")[0]

    def key(order_id: int) -> tuple[int, int]:
        moment: int = getattr(store.orders.get(order_id), name)
        return moment, order_id

    return key


@pytest.mark.parametrize(
    "query",
    [
        {"min_date_modified": "Mon, 30 Mar 1998 00:00:00 +0000"},
        {"min_date_modified": "1998-01-01T00:00:00Z", "max_date_modified": "1998-02-01T00:00:00Z", "sort": "id:desc"},
        {"min_date_modified": "1998-01-01", "sort": "date_modified:desc", "status_id": "2"},
        {"min_id": "1000", "max_id": "1200", "status_id": "10"},
        {"min_id": "1000", "sort": "date_modified:asc", "min_date_modified": "1998-05-01T00:00:00Z"},
        {"customer_id": "21", "sort": "date_created:desc"},
        {"email": person(21).email.upper()},
        {"customer_id": "0"},
        {"min_date_created": "1998-06-01T00:00:00Z", "channel_id": "1"},
        {"cart_id": "none"},
    ],
)
async def test_filters_of_orders_give_what_a_plain_loop_gives(query: dict[str, str]) -> None:
    clock = StandingClock(cdnow.END)
    store = Store(clock)
    cdnow.fill(store)
    expected = [order.id for order in store.orders.table if _fits(order, query)]
    async with client(bigcommerce(store, clock)) as api:
        found = await api.get("/v2/orders", params={**query, "limit": "250"})
        count = (await api.get("/v2/orders/count", params=query)).json()["count"]
    met = [order["id"] for order in found.json()] if found.status_code == 200 else []
    assert count == len(expected)
    assert set(met) <= set(expected)
    assert len(met) == min(250, len(expected))


def _fits(order: Order, query: dict[str, str]) -> bool:
    moments = {
        "Mon, 30 Mar 1998 00:00:00 +0000": 891_216_000_000,
        "1998-01-01T00:00:00Z": 883_612_800_000,
        "1998-01-01": 883_612_800_000,
        "1998-02-01T00:00:00Z": 886_291_200_000,
        "1998-05-01T00:00:00Z": 893_980_800_000,
        "1998-06-01T00:00:00Z": 896_659_200_000,
    }
    tests: dict[str, Callable[[str], bool]] = {
        "min_date_modified": lambda value: order.date_modified >= moments[value],
        "max_date_modified": lambda value: order.date_modified <= moments[value],
        "min_date_created": lambda value: order.date_created >= moments[value],
        "min_id": lambda value: order.id >= int(value),
        "max_id": lambda value: order.id <= int(value),
        "status_id": lambda value: order.status_id == int(value),
        "customer_id": lambda value: order.customer_id == int(value),
        "channel_id": lambda value: order.channel_id == int(value),
        "email": lambda value: order.email == value.lower(),
        "cart_id": lambda value: order.cart_id == value,
        "sort": lambda value: True,
    }
    return all(tests[name](value) for name, value in query.items())


async def test_customers_are_paged_by_number_and_by_cursor() -> None:
    clock = StandingClock(cdnow.END)
    store = Store(clock)
    cdnow.fill(store)
    everybody = [customer.id for customer in store.customers.table]
    async with client(bigcommerce(store, clock)) as api:
        first = (await api.get("/v3/customers?limit=250")).json()
        met = [each["id"] for each in first["data"]]
        cursor = first["meta"]["cursor_pagination"]["end_cursor"]
        while True:
            page = (await api.get("/v3/customers", params={"limit": 250, "after": cursor})).json()
            if not page["data"]:
                break
            met += [each["id"] for each in page["data"]]
            cursor = page["meta"]["cursor_pagination"]["end_cursor"]
        tenth = (await api.get("/v3/customers?limit=250&page=10")).json()
    assert met == everybody
    assert [each["id"] for each in tenth["data"]] == everybody[2250:]
    assert "cursor_pagination" not in tenth["meta"]
    assert tenth["meta"]["pagination"]["total_pages"] == 10
    assert set(tenth["meta"]["pagination"]["links"]) == {"previous", "current"}


async def test_customers_by_id_leave_out_who_is_not_there() -> None:
    clock = StandingClock(START)
    store = new_store(clock)
    ids = [register(store, number) for number in range(1, 6)]
    store.customers.delete(ids[1])
    asked = ",".join(map(str, [*reversed(ids), 77]))
    async with client(bigcommerce(store, clock)) as api:
        found = (await api.get("/v3/customers", params={"id:in": asked, "include": "addresses"})).json()["data"]
        wrong = await api.get("/v3/customers?id:in=1,two")
    assert [each["id"] for each in found] == [ids[0], *ids[2:]]
    assert all(each["addresses"][0]["customer_id"] == each["id"] for each in found)
    assert (wrong.status_code, set(wrong.json()["errors"])) == (422, {"id:in"})


async def test_a_customer_carries_ten_addresses_and_the_rest_are_found_apart() -> None:
    clock = StandingClock(START)
    store = new_store(clock)
    customer_id = register(store)
    for move in range(11):
        store.customers.add_address(customer_id, person(3).address(move))
    async with client(bigcommerce(store, clock)) as api:
        (customer,) = (await api.get("/v3/customers?include=addresses")).json()["data"]
        apart = (await api.get(f"/v3/customers/addresses?customer_id:in={customer_id}")).json()["data"]
    assert (len(customer["addresses"]), customer["address_count"], len(apart)) == (10, 12, 12)


async def test_a_bare_date_is_given_the_present_time_of_day_by_the_catalogue() -> None:
    clock = StandingClock(START + 8 * 3_600_000)
    store = new_store(clock)
    store.catalogue.edit_product(101, price=Decimal(20))
    clock.advance(START + 9 * 3_600_000)
    store.catalogue.edit_product(102, price=Decimal(20))
    clock.advance(START + 8 * 3_600_000 + 86_400_000 - 1)
    async with client(bigcommerce(store, clock)) as api:
        bare = (await api.get("/v3/catalog/products?date_modified:min=1998-07-01")).json()["data"]
        whole = (await api.get("/v3/catalog/products?date_modified:min=1998-07-01T00:00:00Z")).json()["data"]
    assert [each["id"] for each in whole] == [101, 102]
    assert [each["id"] for each in bare] == [101, 102]
    clock.advance(START + 86_400_000 + 8 * 3_600_000 + 60_000)
    async with client(bigcommerce(store, clock)) as api:
        later = (await api.get("/v3/catalog/products?date_modified:min=1998-07-01")).json()["data"]
    assert [each["id"] for each in later] == [102]


async def test_products_with_options_come_ten_to_a_page() -> None:
    clock = StandingClock(START)
    async with client(bigcommerce(new_store(clock), clock)) as api:
        few = (await api.get("/v3/catalog/products?include=options&limit=250")).json()
        many = (await api.get("/v3/catalog/products?include=variants&limit=250")).json()
    assert (len(few["data"]), few["meta"]["pagination"]["total_pages"]) == (10, 6)
    assert len(many["data"]) == 60
    assert {len(each["variants"]) for each in many["data"]} == {1, 2, 3}


async def test_refunds_are_found_by_order() -> None:
    clock = StandingClock(START)
    store = new_store(clock)
    orders = [place(store) for _ in range(3)]
    for order_id, amount in zip(orders, ("1.10", "2.20", "3.30"), strict=True):
        store.orders.refund(order_id, Decimal(amount))
    async with client(bigcommerce(store, clock)) as api:
        path = "/v3/orders/payment_actions/refunds"
        found = (await api.get(f"{path}?order_id:in={orders[0]},{orders[2]}")).json()
        one = (await api.get(f"/v3/orders/{orders[1]}/payment_actions/refunds")).json()
    assert [(each["order_id"], each["total_amount"]) for each in found["data"]] == [(orders[0], 1.1), (orders[2], 3.3)]
    assert [each["total_amount"] for each in one["data"]] == [2.2]


async def test_a_date_with_a_plus_that_was_not_encoded_is_refused_by_name() -> None:
    clock = StandingClock(START)
    async with client(bigcommerce(lively_store(clock), clock)) as api:
        answer = await api.get("/v2/orders?min_date_modified=1998-06-30T00:00:00+02:00")
    assert answer.status_code == 400
    assert "min_date_modified" in answer.json()[0]["message"]
