"""Every answer of the emulator fits BigCommerce's own OpenAPI descriptions."""

from typing import Any

import pytest

from emulators.clock import StandingClock
from emulators.shoppers.people import person
from tests.emulators.bigcommerce_shop import START, bigcommerce, client, lively_store, new_store
from tests.openapi import validate_request, validate_response

V2 = "bigcommerce/orders.v2.oas2.yml"
STORE = "bigcommerce/store_information.v2.yml"
V3_ORDERS = "bigcommerce/orders.v3.yml"
CUSTOMERS = "bigcommerce/customers.v3.yml"
SUBSCRIBERS = "bigcommerce/subscribers.v3.yml"
PRODUCTS = "bigcommerce/products_catalog.v3.yml"
VARIANTS = "bigcommerce/product-variants_catalog.v3.yml"
CATEGORIES = "bigcommerce/category-trees_catalog.v3.yml"
CARTS = "bigcommerce/carts.v3.yml"
CHANNELS = "bigcommerce/channels.v3.yml"
HOOKS = "bigcommerce/webhooks.v3.yml"

LINES = {"include": "consignments.line_items", "consignment_structure": "object"}

# specification, path in it, path asked for, parameters; each answers with something
READS: list[tuple[str, str, str, dict[str, str]]] = [
    (STORE, "/time", "/v2/time", {}),
    (STORE, "/store", "/v2/store", {}),
    (V2, "/orders", "/v2/orders", {"page": "1", "limit": "250", "sort": "id:asc"}),
    (V2, "/orders", "/v2/orders", {"min_date_modified": "1998-06-30T00:00:00Z", "sort": "date_modified:asc"}),
    (V2, "/orders", "/v2/orders", {**LINES, "min_id": "100", "max_id": "101", "status_id": "2"}),
    (V2, "/orders", "/v2/orders", {"customer_id": "1", "email": person(3).email}),
    (V2, "/orders/count", "/v2/orders/count", {"min_id": "101"}),
    (V2, "/orders/{order_id}", "/v2/orders/100", {}),
    (V2, "/orders/{order_id}", "/v2/orders/102", LINES),
    (V2, "/orders/{order_id}", "/v2/orders/102", {"include": "consignments", "consignment_structure": "object"}),
    (V2, "/orders/{order_id}/products", "/v2/orders/102/products", {}),
    (V2, "/order_statuses", "/v2/order_statuses", {}),
    (CUSTOMERS, "/customers", "/v3/customers", {"include": "addresses,storecredit,attributes,formfields"}),
    (CUSTOMERS, "/customers", "/v3/customers", {"id:in": "1,2", "date_modified:min": "1998-07-01T00:00:00Z"}),
    (CUSTOMERS, "/customers", "/v3/customers", {"email:in": person(3).email, "limit": "10", "page": "1"}),
    (CUSTOMERS, "/customers/addresses", "/v3/customers/addresses", {"customer_id:in": "1"}),
    (SUBSCRIBERS, "/customers/subscribers", "/v3/customers/subscribers", {"limit": "2"}),
    (SUBSCRIBERS, "/customers/subscribers", "/v3/customers/subscribers", {"email": "reader@example.com"}),
    (SUBSCRIBERS, "/customers/subscribers", "/v3/customers/subscribers", {"id:in": "1,2", "source": "order"}),
    (SUBSCRIBERS, "/customers/subscribers/{subscriber_id}", "/v3/customers/subscribers/1", {}),
    (PRODUCTS, "/catalog/products", "/v3/catalog/products", {"include": "variants,images,channels", "limit": "250"}),
    (PRODUCTS, "/catalog/products", "/v3/catalog/products", {"id:in": "101,102", "include": "options,modifiers"}),
    (PRODUCTS, "/catalog/products", "/v3/catalog/products", {"date_modified:min": "1998-06-01T00:00:00Z"}),
    (PRODUCTS, "/catalog/products/{product_id}", "/v3/catalog/products/103", {"include": "variants,primary_image"}),
    (VARIANTS, "/catalog/products/{product_id}/variants", "/v3/catalog/products/103/variants", {"limit": "250"}),
    (CATEGORIES, "/catalog/trees/categories", "/v3/catalog/trees/categories", {"category_id:in": "1,2"}),
    (V3_ORDERS, "/orders/{order_id}/payment_actions/refunds", "/v3/orders/101/payment_actions/refunds", {}),
    (V3_ORDERS, "/orders/payment_actions/refunds", "/v3/orders/payment_actions/refunds", {"order_id:in": "100,101"}),
    (CHANNELS, "/channels", "/v3/channels", {"limit": "50"}),
    (CHANNELS, "/channels/{channel_id}/site", "/v3/channels/1/site", {}),
]


@pytest.mark.parametrize(("spec", "template", "path", "query"), READS, ids=[f"{r[2]} {r[3]}" for r in READS])
async def test_what_is_read_is_as_described(spec: str, template: str, path: str, query: dict[str, str]) -> None:
    clock = StandingClock(START)
    validate_request(spec, "get", template, query=query)
    async with client(bigcommerce(lively_store(clock), clock)) as api:
        answer = await api.get(path, params=query)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    validate_response(spec, "get", template, 200, body)
    assert body["data"] if isinstance(body, dict) and "meta" in body else body


async def test_a_cart_is_as_described_and_not_there_once_it_became_an_order() -> None:
    clock = StandingClock(START)
    store = lively_store(clock)
    (cart,) = store.carts.open.values()
    async with client(bigcommerce(store, clock)) as api:
        answer = await api.get(f"/v3/carts/{cart.id}")
        validate_response(CARTS, "get", "/carts/{cartId}", 200, answer.json())
        assert [line["product_id"] for line in answer.json()["data"]["line_items"]["physical_items"]] == [101, 102]
        store.carts.convert(cart.id, 100)
        gone = await api.get(f"/v3/carts/{cart.id}")
    assert gone.status_code == 404


@pytest.mark.parametrize(
    ("spec", "template", "path"),
    [
        (SUBSCRIBERS, "/customers/subscribers/{subscriber_id}", "/v3/customers/subscribers/99"),
        (PRODUCTS, "/catalog/products/{product_id}", "/v3/catalog/products/99"),
        (VARIANTS, "/catalog/products/{product_id}/variants", "/v3/catalog/products/99/variants"),
        (HOOKS, "/hooks/{webhook_id}", "/v3/hooks/99"),
    ],
)
async def test_what_is_not_there_is_404_as_described(spec: str, template: str, path: str) -> None:
    clock = StandingClock(START)
    async with client(bigcommerce(new_store(clock), clock)) as api:
        answer = await api.get(path)
    assert answer.status_code == 404
    validate_response(spec, "get", template, 404, answer.json())


async def test_an_order_that_is_not_there_is_an_array_with_status_and_message() -> None:
    clock = StandingClock(START)
    async with client(bigcommerce(new_store(clock), clock)) as api:
        answer = await api.get("/v2/orders/4711")
    assert answer.status_code == 404
    assert answer.json() == [{"status": 404, "message": "The requested resource was not found."}]


async def test_hooks_are_made_read_changed_and_deleted_as_described() -> None:
    clock = StandingClock(START)
    wanted: dict[str, Any] = {"scope": "store/order/created", "destination": "https://a.example/x"}
    wanted["headers"] = {"x-secret": "s"}
    async with client(bigcommerce(new_store(clock), clock)) as api:
        empty = await api.get("/v3/hooks")
        validate_response(HOOKS, "get", "/hooks", 200, empty.json())
        validate_request(HOOKS, "post", "/hooks", body=wanted)
        made = await api.post("/v3/hooks", json=wanted)
        validate_response(HOOKS, "post", "/hooks", made.status_code, made.json())
        hook = made.json()["data"]
        assert (hook["is_active"], hook["headers"]) == (True, {"x-secret": "s"})
        listed = await api.get("/v3/hooks", params={"is_active": "true", "scope": wanted["scope"]})
        validate_response(HOOKS, "get", "/hooks", 200, listed.json())
        assert listed.json()["data"] == [hook]
        one = await api.get(f"/v3/hooks/{hook['id']}")
        validate_response(HOOKS, "get", "/hooks/{webhook_id}", 200, one.json())
        put = await api.put(f"/v3/hooks/{hook['id']}", json={"is_active": False})
        validate_response(HOOKS, "put", "/hooks/{webhook_id}", 200, put.json())
        admin = await api.get("/v3/hooks/admin")
        validate_response(HOOKS, "get", "/hooks/admin", 200, admin.json())
        assert [each["status"] for each in admin.json()["data"]["hooks_list"]] == ["inactive"]
        emails = await api.put("/v3/hooks/admin", json={"emails": ["ops@example.com"]})
        assert (emails.status_code, emails.content) == (204, b"")
        deleted = await api.delete(f"/v3/hooks/{hook['id']}")
        validate_response(HOOKS, "delete", "/hooks/{webhook_id}", 200, deleted.json())
        assert (await api.get("/v3/hooks")).json()["data"] == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"destination": "https://a.example/x"}, 422),
        ({"scope": "store/order/created"}, 422),
        ({"scope": "store/order/eaten", "destination": "https://a.example/x"}, 422),
        ({"scope": "store/order/created", "destination": "http://a.example/x"}, 422),
        ({"scope": "store/order/created", "destination": "https://a.example/x", "headers": {"a": 1}}, 422),
        (["store/order/created"], 400),
    ],
)
async def test_a_hook_that_cannot_be_is_refused_as_described(body: Any, status: int) -> None:
    clock = StandingClock(START)
    async with client(bigcommerce(new_store(clock), clock, allow_http=False)) as api:
        answer = await api.post("/v3/hooks", json=body)
        assert (await api.get("/v3/hooks")).json()["data"] == []
    assert answer.status_code == status
    validate_response(HOOKS, "post", "/hooks", status, answer.json())


async def test_ten_hooks_of_a_scope_are_the_most_and_one_destination_counts_once() -> None:
    clock = StandingClock(START)
    async with client(bigcommerce(new_store(clock), clock)) as api:
        for number in range(10):
            hook: dict[str, str] = {"scope": "store/order/created", "destination": f"https://a.example/{number}"}
            assert (await api.post("/v3/hooks", json=hook)).status_code == 200
        eleventh = await api.post("/v3/hooks", json={**hook, "destination": "https://a.example/10"})
        other_scope = await api.post("/v3/hooks", json={**hook, "scope": "store/order/updated"})
        again = await api.post("/v3/hooks", json={**hook, "scope": "store/order/updated"})
    assert [eleventh.status_code, other_scope.status_code, again.status_code] == [422, 200, 422]
