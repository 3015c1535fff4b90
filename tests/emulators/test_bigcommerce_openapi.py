"""The check against the descriptions finds what is wrong."""

import copy
from typing import Any

import pytest

from emulators.clock import StandingClock
from tests.contradictions import UNDESCRIBED
from tests.emulators.bigcommerce_shop import START, bigcommerce, client, lively_store
from tests.openapi import SPECS, NotAsDescribed, load, validate_request, validate_response

CUSTOMERS = "bigcommerce/customers.v3.yml"
V2 = "bigcommerce/orders.v2.oas2.yml"
HOOKS = "bigcommerce/webhooks.v3.yml"


async def answered(path: str) -> Any:
    clock = StandingClock(START)
    async with client(bigcommerce(lively_store(clock), clock)) as api:
        return (await api.get(path)).json()


@pytest.mark.parametrize(
    ("field", "value"), [("email", 7), ("email", None), ("id", "1"), ("addresses", [{"id": 1}]), ("phone", "0" * 51)]
)
async def test_a_field_of_a_customer_with_a_wrong_value_is_found(field: str, value: object) -> None:
    body = await answered("/v3/customers?include=addresses")
    validate_response(CUSTOMERS, "get", "/customers", 200, body)
    body["data"][0][field] = value
    with pytest.raises(NotAsDescribed, match=rf"\$\.data\[0\]\.{field}"):
        validate_response(CUSTOMERS, "get", "/customers", 200, body)


async def test_money_as_a_number_and_a_line_with_a_field_too_many_are_found_in_an_order() -> None:
    body = await answered("/v2/orders/100?include=consignments.line_items&consignment_structure=object")
    number, extra = copy.deepcopy(body), copy.deepcopy(body)
    number["total_inc_tax"] = 20.48
    extra["consignments"]["shipping"][0]["line_items"][0]["colour"] = "red"
    validate_response(V2, "get", "/orders/{order_id}", 200, body)
    for wrong in (number, extra):
        with pytest.raises(NotAsDescribed):
            validate_response(V2, "get", "/orders/{order_id}", 200, wrong)


def test_a_status_or_an_operation_that_is_not_described_is_found() -> None:
    with pytest.raises(NotAsDescribed, match="only 200, 422 are"):
        validate_response(CUSTOMERS, "get", "/customers", 418, {})
    with pytest.raises(NotAsDescribed, match="no such operation"):
        validate_response(CUSTOMERS, "patch", "/customers", 200, {})


def test_query_parameters_are_checked_by_name_and_value() -> None:
    validate_request(CUSTOMERS, "get", "/customers", query={"id:in": "1,2", "include": "addresses,formfields"})
    for query in ({"ids": "1"}, {"id:in": "1,two"}, {"include": "adresses"}):
        with pytest.raises(NotAsDescribed, match=next(iter(query))):
            validate_request(CUSTOMERS, "get", "/customers", query=query)


def test_the_body_of_a_request_is_checked() -> None:
    hook: dict[str, Any] = {"scope": "store/order/created", "destination": "https://a.example/", "headers": {"a": "b"}}
    validate_request(HOOKS, "post", "/hooks", body=hook)
    for wrong in ({**hook, "headers": {"a": 1}}, {"scope": "store/order/created"}, None):
        with pytest.raises(NotAsDescribed):
            validate_request(HOOKS, "post", "/hooks", body=wrong)


def test_every_description_can_be_loaded_and_every_exception_is_of_one_that_exists() -> None:
    files = {str(path.relative_to(SPECS)) for path in SPECS.rglob("*.yml")}
    assert {spec for spec, *_ in UNDESCRIBED} <= files
    for spec, method, path, status in UNDESCRIBED:
        assert str(status) not in load(spec)["paths"][path][method]["responses"], "described by now: change the table"
    assert all(load(each)["paths"] for each in files if each.startswith("bigcommerce/"))
