"""Every answer of the emulator fits the OpenAPI descriptions, but for the differences that are named here."""

from typing import Any

import pytest

from tests.emulators.brevo_account import ATTRIBUTES, Account, account
from tests.openapi import NotAsDescribed, validate_response

CONTACTS = "brevo/contacts.yml"
ATTRIBUTE = "brevo/contact-attributes.yml"
LISTS = "brevo/contact-lists.yml"
FOLDERS = "brevo/folders.yml"
IMPORT = "brevo/import.yml"
PRODUCTS = "brevo/products.yml"
CATEGORIES = "brevo/categories.yml"
ORDERS = "brevo/orders.yml"
WEBHOOKS = "brevo/webhooks.yml"

OUTDATED = "the file is a reduced and partly outdated rendering; brevo-python 5.1.0 has"
DIFFERENCES: dict[tuple[str, str, str, int], str] = {
    (CONTACTS, "post", "/contacts", 204): f"{OUTDATED} an empty 204 for an update",
    (CONTACTS, "post", "/contacts", 425): f"{OUTDATED} 425 Too Early",
    (CONTACTS, "delete", "/contacts/{identifier}", 405): f"{OUTDATED} 405 for the account's own address",
    (PRODUCTS, "post", "/products", 201): f"{OUTDATED} the id in the answer",
    (PRODUCTS, "post", "/products", 204): f"{OUTDATED} an empty 204 for an update",
    (PRODUCTS, "post", "/products/batch", 201): f"{OUTDATED} the two counts in the answer",
    (CATEGORIES, "post", "/categories", 201): f"{OUTDATED} the id in the answer",
    (CATEGORIES, "post", "/categories/batch", 201): f"{OUTDATED} the two counts in the answer",
    (ORDERS, "post", "/orders/status", 204): f"{OUTDATED} 204 in place of 201",
    (ORDERS, "post", "/orders/status/batch", 202): f"{OUTDATED} 202 with batch_id and count in place of 201",
    (ORDERS, "get", "/orders", 429): "no file describes 429, which every endpoint may answer",
}

ANN = {"email": "ann@shop.test", "attributes": {"FIRSTNAME": "Ann", "TOTAL_SPENT": 12.5}, "listIds": [40]}
ORDER = {
    "id": "shop:7",
    "createdAt": "2026-09-21T14:00:00Z",
    "updatedAt": "2026-09-21T14:10:00Z",
    "status": "Completed",
    "amount": 12.5,
    "products": [{"productId": "3", "price": 12.5, "quantity": 1, "variantId": "4"}],
    "identifiers": {"email_id": "ann@shop.test"},
}
PRODUCT = {"id": "3", "name": "Record", "url": "https://shop.test/3", "price": 12.5, "categories": ["9"]}
HOOK = {"url": "https://tajo.test/brevo", "type": "marketing", "events": ["unsubscribed"]}

# specification, method, path in it, path asked for, body, status; in this order
CALLS: list[tuple[str, str, str, str, Any, int]] = [
    (CONTACTS, "post", "/contacts", "/contacts", ANN, 201),
    (CONTACTS, "post", "/contacts", "/contacts", ANN, 400),
    (CONTACTS, "post", "/contacts", "/contacts", {**ANN, "updateEnabled": True}, 204),
    (CONTACTS, "get", "/contacts/{identifier}", "/contacts/ann%40shop.test", None, 200),
    (CONTACTS, "get", "/contacts/{identifier}", "/contacts/99", None, 404),
    (CONTACTS, "get", "/contacts", "/contacts?limit=10&modifiedSince=2026-01-01T00:00:00Z", None, 200),
    (CONTACTS, "get", "/contacts", "/contacts?limit=0", None, 400),
    (CONTACTS, "put", "/contacts/{identifier}", "/contacts/1", {"unlinkListIds": [40]}, 204),
    (CONTACTS, "put", "/contacts/{identifier}", "/contacts/1", {"listIds": [1]}, 400),
    (CONTACTS, "put", "/contacts/{identifier}", "/contacts/99", {}, 404),
    (
        ATTRIBUTE,
        "post",
        "/contacts/attributes/{attributeCategory}/{attributeName}",
        "/contacts/attributes/normal/A",
        {"type": "float"},
        201,
    ),
    (
        ATTRIBUTE,
        "post",
        "/contacts/attributes/{attributeCategory}/{attributeName}",
        "/contacts/attributes/normal/A",
        {"type": "float"},
        400,
    ),
    (ATTRIBUTE, "get", "/contacts/attributes", "/contacts/attributes", None, 200),
    (FOLDERS, "post", "/contacts/folders", "/contacts/folders", {"name": "Tajo"}, 201),
    (FOLDERS, "post", "/contacts/folders", "/contacts/folders", {}, 400),
    (FOLDERS, "get", "/contacts/folders", "/contacts/folders", None, 200),
    (LISTS, "post", "/contacts/lists", "/contacts/lists", {"name": "x", "folderId": 1}, 201),
    (LISTS, "post", "/contacts/lists", "/contacts/lists", {"name": "x"}, 400),
    (LISTS, "get", "/contacts/lists", "/contacts/lists?limit=50&offset=0", None, 200),
    (LISTS, "get", "/contacts/lists/{listId}", "/contacts/lists/40", None, 200),
    (LISTS, "get", "/contacts/lists/{listId}", "/contacts/lists/99", None, 404),
    (
        LISTS,
        "post",
        "/contacts/lists/{listId}/contacts/add",
        "/contacts/lists/41/contacts/add",
        {"emails": ["ann@shop.test"]},
        201,
    ),
    (LISTS, "post", "/contacts/lists/{listId}/contacts/add", "/contacts/lists/41/contacts/add", {"ids": [1]}, 400),
    (LISTS, "post", "/contacts/lists/{listId}/contacts/add", "/contacts/lists/99/contacts/add", {"ids": [1]}, 404),
    (
        LISTS,
        "post",
        "/contacts/lists/{listId}/contacts/remove",
        "/contacts/lists/41/contacts/remove",
        {"emails": ["ann@shop.test"]},
        201,
    ),
    (LISTS, "delete", "/contacts/lists/{listId}", "/contacts/lists/42", None, 204),
    (
        IMPORT,
        "post",
        "/contacts/import",
        "/contacts/import",
        {"jsonBody": [{"email": "bob@shop.test"}], "listIds": [40]},
        202,
    ),
    (IMPORT, "post", "/contacts/import", "/contacts/import", {"jsonBody": []}, 400),
    (CATEGORIES, "post", "/categories", "/categories", {"id": "9", "name": "Jazz"}, 201),
    (CATEGORIES, "post", "/categories", "/categories", {"id": "9", "name": "Jazz"}, 400),
    (CATEGORIES, "post", "/categories/batch", "/categories/batch", {"categories": [{"id": "8", "name": "Folk"}]}, 201),
    (CATEGORIES, "get", "/categories", "/categories?limit=100", None, 200),
    (PRODUCTS, "post", "/products", "/products", PRODUCT, 201),
    (PRODUCTS, "post", "/products", "/products", PRODUCT, 400),
    (PRODUCTS, "post", "/products", "/products", {**PRODUCT, "updateEnabled": True}, 204),
    (PRODUCTS, "post", "/products/batch", "/products/batch", {"products": [{"id": "4", "name": "Tape"}]}, 201),
    (PRODUCTS, "get", "/products", "/products?limit=1000&ids=3", None, 200),
    (PRODUCTS, "get", "/products/{productId}", "/products/3", None, 200),
    (PRODUCTS, "get", "/products/{productId}", "/products/99", None, 404),
    (ORDERS, "post", "/orders/status", "/orders/status", ORDER, 204),
    (ORDERS, "post", "/orders/status", "/orders/status", {}, 400),
    (ORDERS, "post", "/orders/status/batch", "/orders/status/batch", {"orders": [ORDER]}, 202),
    (ORDERS, "get", "/orders", "/orders", None, 200),
    (WEBHOOKS, "post", "/webhooks", "/webhooks", HOOK, 201),
    (WEBHOOKS, "post", "/webhooks", "/webhooks", {}, 400),
    (WEBHOOKS, "get", "/webhooks", "/webhooks?type=marketing", None, 200),
    (WEBHOOKS, "get", "/webhooks/{webhookId}", "/webhooks/1", None, 200),
    (WEBHOOKS, "put", "/webhooks/{webhookId}", "/webhooks/1", {"description": "opt-outs"}, 204),
    (WEBHOOKS, "delete", "/webhooks/{webhookId}", "/webhooks/1", None, 204),
    (WEBHOOKS, "get", "/webhooks/{webhookId}", "/webhooks/1", None, 404),
    (CONTACTS, "delete", "/contacts/{identifier}", "/contacts/1", None, 204),
    (CONTACTS, "delete", "/contacts/{identifier}", "/contacts/1", None, 404),
    (CONTACTS, "post", "/contacts", "/contacts", {"email": "owner@example.com"}, 201),
    (CONTACTS, "delete", "/contacts/{identifier}", "/contacts/owner%40example.com", None, 405),
]


async def call(brevo: Account, method: str, path: str, body: object, status: int) -> object:
    brevo.pass_time(1)
    answer = await brevo.http.request(method, path, json=body)
    assert answer.status_code == status, (method, path, answer.text)
    return answer.json() if answer.content else None


async def test_every_answer_is_as_described_or_one_of_the_differences() -> None:
    met = set()
    async with account() as brevo:
        for spec, method, template, path, body, status in CALLS:
            found = await call(brevo, method, path, body, status)
            key = (spec, method, template, status)
            if key in DIFFERENCES:
                met.add(key)
                with pytest.raises(NotAsDescribed):
                    validate_response(spec, method, template, status, found)
            else:
                validate_response(spec, method, template, status, found)
        for family, spec, method, template, status in (
            ("contacts", CONTACTS, "post", "/contacts", 425),
            ("other", ORDERS, "get", "/orders", 429),
        ):
            brevo.faults.answer(family, status)
            found = await call(brevo, method, template, ANN, status)
            met.add((spec, method, template, status))
            with pytest.raises(NotAsDescribed):
                validate_response(spec, method, template, status, found)
    assert met == DIFFERENCES.keys()


async def test_a_wrong_key_is_described_everywhere() -> None:
    async with account() as brevo:
        brevo.api_key = "another"
        for spec, method, template, path, body, _ in CALLS:
            validate_response(spec, method, template, 401, await call(brevo, method, path, body, 401))


async def test_types_that_came_later_are_not_described() -> None:
    async with account(attributes={**ATTRIBUTES, "COUNTRIES": "multiple-choice"}) as brevo:
        found = await call(brevo, "get", "/contacts/attributes", None, 200)
        with pytest.raises(NotAsDescribed, match="multiple-choice"):
            validate_response(ATTRIBUTE, "get", "/contacts/attributes", 200, found)
