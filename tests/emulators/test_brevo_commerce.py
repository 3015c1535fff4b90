import pytest

from tests.emulators.brevo_account import account, refusal

ORDER = {
    "id": "shop:7",
    "createdAt": "2026-09-21T14:00:00Z",
    "updatedAt": "2026-09-21T14:10:00Z",
    "status": "Completed",
    "amount": 12.5,
    "products": [{"productId": "3", "price": 12.5, "quantity": 1}],
    "identifiers": {"email_id": "ann@shop.test"},
}
PRODUCT = {"id": "3", "name": "Record", "price": 12.5, "categories": ["9"]}


def order(**changes: object) -> dict[str, object]:
    return {key: value for key, value in {**ORDER, **changes}.items() if value is not None}


async def test_an_order_is_204_and_a_second_call_updates_it() -> None:
    async with account() as brevo:
        number = await brevo.add()
        assert (await brevo.http.post("/orders/status", json=ORDER)).status_code == 204
        assert (await brevo.http.post("/orders/status", json=order(amount=2, products=[]))).status_code == 204
        kept = brevo.state.orders["shop:7"]
        assert (kept.record["amount"], kept.contact_id, kept.writes, kept.historical) == (2, number, 2, False)


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"id": 7},
        {"amount": "12.50"},
        {"status": None},
        {"createdAt": "2026-09-21T14:00:00+00:00"},
        {"updatedAt": None},
        {"products": None},
        {"products": [{"productId": "3", "price": 1}]},
        {"products": [{"productId": 3, "price": 1, "quantity": 1}]},
        {"products": [{"productId": "3", "price": "1", "quantity": 1}]},
        {"identifiers": {"email_id": "nobody"}},
        {"metaInfo": {f"key{number}": "x" for number in range(21)}},
        {"metaInfo": {"text": "x" * 20_001}},
        {"metaInfo": {"list": []}},
    ],
)
async def test_a_bad_order_is_refused(changes: dict[str, object]) -> None:
    async with account() as brevo:
        assert (await brevo.http.post("/orders/status", json=order(**changes))).status_code == 400
        assert brevo.state.orders == {}


async def test_decimal_quantities_have_a_field_of_their_own() -> None:
    async with account() as brevo:
        products = [{"productId": "3", "price": 1, "quantityFloat": 0.5}]
        assert (await brevo.http.post("/orders/status", json=order(products=products))).status_code == 204


async def test_a_batch_of_orders_is_historical_unless_said_otherwise() -> None:
    async with account() as brevo:
        orders = [order(id=f"shop:{number}") for number in range(3)]
        answer = await brevo.http.post("/orders/status/batch", json={"orders": orders})
        assert (answer.status_code, answer.json()) == (202, {"batch_id": 1, "count": 3})
        assert brevo.state.orders["shop:0"].historical is True
        live = {"orders": orders[:1], "historical": False, "notifyUrl": "https://tajo.test/"}
        assert (await brevo.http.post("/orders/status/batch", json=live)).json() == {"batch_id": 2, "count": 1}
        assert brevo.state.orders["shop:0"].historical is False
        listed = (await brevo.http.get("/orders?limit=2")).json()
        assert (listed["count"], [item["id"] for item in listed["orders"]]) == (3, ["shop:2", "shop:1"])


async def test_a_bad_order_in_a_batch_is_dropped_without_an_answer_about_it() -> None:
    async with account() as brevo:
        batch = {"orders": [ORDER, order(id="shop:8", amount="much")]}
        assert (await brevo.http.post("/orders/status/batch", json=batch)).json()["count"] == 2
        assert brevo.state.orders.keys() == {"shop:7"}
        assert brevo.state.refused_orders == [("shop:8", "orders[1].amount is a string, but a number is expected")]


async def test_no_more_than_a_thousand_orders_at_once() -> None:
    async with account() as brevo:
        answer = await brevo.http.post("/orders/status/batch", json={"orders": [ORDER] * 1001})
        assert refusal(answer) == (400, "out_of_range")


async def test_a_product_is_created_once_and_then_updated_only_when_enabled() -> None:
    async with account() as brevo:
        created = await brevo.http.post("/products", json=PRODUCT)
        assert (created.status_code, created.json()) == (201, {"id": "3"})
        assert refusal(await brevo.http.post("/products", json=PRODUCT)) == (400, "invalid_parameter")
        brevo.pass_time(1)
        change = {"id": "3", "stock": 4, "isDeleted": True, "updateEnabled": True}
        assert (await brevo.http.post("/products", json=change)).status_code == 204
        found = (await brevo.http.get("/products/3")).json()
        assert (found["name"], found["stock"], found["isDeleted"]) == ("Record", 4, True)
        assert refusal(await brevo.http.get("/products/4")) == (404, "document_not_found")


@pytest.mark.parametrize(
    "changes",
    [{"id": ""}, {"name": None}, {"price": "12.50"}, {"categories": [9]}, {"isDeleted": "yes"}, {"deletedAt": "now"}],
)
async def test_a_bad_product_is_refused(changes: dict[str, object]) -> None:
    async with account() as brevo:
        assert (await brevo.http.post("/products", json={**PRODUCT, **changes})).status_code == 400
        assert brevo.state.products == {}


async def test_a_batch_of_products_counts_what_it_made_and_changed() -> None:
    async with account() as brevo:
        await brevo.http.post("/products", json=PRODUCT)
        batch = {"products": [PRODUCT, {"id": "4", "name": "Tape"}], "updateEnabled": True}
        answer = await brevo.http.post("/products/batch", json=batch)
        assert (answer.status_code, answer.json()) == (201, {"createdCount": 1, "updatedCount": 1})
        assert brevo.state.products["3"].writes == 2


@pytest.mark.parametrize("bad", [{"id": "5"}, {"id": "4", "name": "again"}, {"id": "3", "name": "exists"}])
async def test_one_bad_product_refuses_the_whole_batch(bad: dict[str, object]) -> None:
    async with account() as brevo:
        await brevo.http.post("/products", json=PRODUCT)
        batch = {"products": [{"id": "4", "name": "Tape"}, bad]}
        assert (await brevo.http.post("/products/batch", json=batch)).status_code == 400
        assert brevo.state.products.keys() == {"3"}


async def test_no_more_than_a_hundred_at_once() -> None:
    async with account() as brevo:
        for plural in ("products", "categories"):
            records = [{"id": str(number), "name": "x"} for number in range(101)]
            answer = await brevo.http.post(f"/{plural}/batch", json={plural: records})
            assert refusal(answer) == (400, "out_of_range")


async def test_categories_behave_as_products_with_smaller_pages() -> None:
    async with account() as brevo:
        assert (await brevo.http.post("/categories", json={"id": "9", "name": "Jazz"})).status_code == 201
        batch = {"categories": [{"id": "9", "isDeleted": True}], "updateEnabled": True}
        answer = await brevo.http.post("/categories/batch", json=batch)
        assert answer.json() == {"createdCount": 0, "updatedCount": 1}
        listed = (await brevo.http.get("/categories?ids=9,10")).json()
        assert (listed["count"], listed["categories"][0]["isDeleted"]) == (1, True)
        assert refusal(await brevo.http.get("/categories?limit=101")) == (400, "out_of_range")
        assert (await brevo.http.get("/products?limit=1000")).status_code == 200


async def test_before_its_activation_commerce_is_403_and_some_minutes_after_it_works() -> None:
    async with account(ecommerce=False) as brevo:
        for path, body in (("/products", PRODUCT), ("/orders/status", ORDER), ("/categories", {"id": "9"})):
            assert refusal(await brevo.http.post(path, json=body)) == (403, "permission_denied")
        assert refusal(await brevo.http.get("/ecommerce/config/displayCurrency")) == (403, "permission_denied")
        assert (await brevo.http.post("/ecommerce/activate")).status_code == 200
        assert refusal(await brevo.http.post("/products", json=PRODUCT)) == (403, "permission_denied")
        brevo.pass_time(120)
        assert (await brevo.http.post("/products", json=PRODUCT)).status_code == 201


async def test_the_currency_of_reports_is_three_letters() -> None:
    async with account() as brevo:
        path = "/ecommerce/config/displayCurrency"
        assert (await brevo.http.post(path, json={"code": "EUR"})).json() == {"code": "EUR"}
        assert refusal(await brevo.http.post(path, json={"code": "euro"})) == (422, "unprocessable_entity")
        assert (await brevo.http.get(path)).json() == {"code": "EUR"}


async def test_a_wish_for_a_product_is_kept() -> None:
    async with account() as brevo:
        await brevo.http.post("/products", json=PRODUCT)
        wish = {"contactIdentifiers": {"email": "ann@shop.test"}}
        assert (await brevo.http.post("/products/3/alerts/back_in_stock", json=wish)).status_code == 204
        assert brevo.state.alerts == [("3", "back_in_stock", {"email": "ann@shop.test"})]
        unknown = await brevo.http.post("/products/4/alerts/back_in_stock", json=wish)
        assert refusal(unknown) == (404, "document_not_found")
        assert refusal(await brevo.http.post("/products/3/alerts/back_in_stock", json={})) == (400, "missing_parameter")
