"""The body of every scope that BigCommerce documents: it names the entity that was asked for, as BigCommerce would."""

import msgspec
import pytest

from connectors.bigcommerce import scopes
from connectors.bigcommerce.hooks import ALWAYS, NEEDED
from connectors.bigcommerce.scopes import Dirty, entity_of, is_known
from tajo.errors import SettingsError, exit_code
from tajo.trigger.bodies import Asked, data_of, make
from tests.openapi import load, validate_schema

WEBHOOKS = "bigcommerce/webhooks.v3.yml"
CART, STORE, NOW = "09346904-4175-44fd-be53-f7e598531b6c", "tj4kq1w9zc", 1_790_000_000_999
REGISTERED = [*(scope for needed in NEEDED.values() for scope in needed), *ALWAYS]
DOCUMENTED = [
    f"store/{channel}{family}/{event}"
    for channel, rules in (("", scopes._RULES), ("channel/2/", scopes._CHANNEL_RULES))
    for family, rule in rules.items()
    for event in rule.events.split()
]
DESCRIBED = load(WEBHOOKS)["components"]["schemas"].keys()
# Beside the scopes' own: what a body has to name is not `id`.
WANTED = {
    "store/customer/address/updated": Dirty("customer", "42"),
    "store/customer/channel/login/access/updated": Dirty("customer", "42"),
    "store/subscriber/deleted": Dirty("subscriber", "42"),
    "store/order/refund/created": Dirty("order", "42"),
    "store/order/transaction/created": Dirty("order", "42"),
    "store/shipment/created": Dirty("order", "42"),
    "store/sku/updated": Dirty("product", "42"),
    "store/sku/inventory/order/updated": Dirty("product", "42"),
    "store/product/inventory/updated": Dirty("product", "42"),
    "store/option/updated": Dirty("product", "42"),
    "store/category/created": Dirty("category", "42"),
    "store/product/metafield/updated": Dirty("product", "42"),
    "store/channel/updated": Dirty("channel", "42"),
    "store/hook/deliveryException": Dirty("hook", "42"),
    "store/information/updated": Dirty("store"),
    "store/cart/lineItem/deleted": Dirty("cart", CART),
    "store/cart/converted": Dirty("cart", CART, order_id=7),
    "store/order/statusUpdated": Dirty("order", "42", status=(11, 2)),
    "store/channel/2/order/created": Dirty("order", "42"),
    "store/channel/2/cart/lineItem/created": Dirty("cart", CART),
    "store/channel/2/category/product/assigned": Dirty("product", "42"),
    "store/channel/*/inventory/product/stock_changed": Dirty("product", "42"),
    "store/channel/2/settings/currency/updated": Dirty("store"),
    "store/priceList/records/created": None,
    "store/inventory/location/created": None,
}


def asked(scope: str) -> Asked:
    """For the scope what it needs."""
    cart = "cart/" in scope
    return Asked(
        scope,
        CART if cart else "42",
        order=7 if scope.endswith("cart/converted") else None,
        status=(11, 2) if scope == "store/order/statusUpdated" else None,
    )


@pytest.mark.parametrize("scope", WANTED)
def test_a_body_names_the_entity_that_is_fetched(scope: str) -> None:
    made = make(asked(scope), STORE, NOW)
    body = msgspec.json.decode(made.body)
    assert entity_of(scope, body["data"]) == made.dirty == WANTED[scope]
    assert (body["producer"], body["scope"], body["created_at"]) == (f"stores/{STORE}", scope, 1_790_000_000)
    assert body["hash"] == made.hash


@pytest.mark.parametrize("scope", sorted({*REGISTERED, *DOCUMENTED} - {"store/app/uninstalled"}))
def test_every_documented_scope_has_a_body_about_what_was_asked_for(scope: str) -> None:
    made = make(asked(scope), STORE, NOW)
    if made.dirty is not None and made.dirty.kind not in ("store", "app"):
        assert made.dirty.id == asked(scope).id
    assert is_known(scope)


@pytest.mark.parametrize("scope", [scope for scope in REGISTERED if scope.replace("/", "_") in DESCRIBED])
def test_a_registered_scopes_body_is_as_the_description_of_its_callback_says(scope: str) -> None:
    body = {"producer": f"stores/{STORE}", "hash": "0" * 40, "created_at": 1, "store_id": "0", "scope": scope}
    validate_schema(WEBHOOKS, scope.replace("/", "_"), body | {"data": data_of(asked(scope))})


def test_most_registered_scopes_are_described() -> None:
    missing = [scope for scope in REGISTERED if scope.replace("/", "_") not in DESCRIBED]
    assert missing == ["store/hook/deliveryException"], "its page alone describes it"


def test_two_deliveries_have_two_hashes_of_forty_hexadecimal_digits() -> None:
    hashes = {make(asked("store/order/created"), STORE, NOW).hash for _ in range(20)}
    assert len(hashes) == 20
    assert all(len(one) == 40 and set(one) <= set("0123456789abcdef") for one in hashes)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (Asked("store/customer/*", "4"), "SCOPE: 'store/customer/*' is a wildcard, and a delivery is of one event"),
        (Asked("store/custmer/update", "4"), "did you mean store/customer/updated?"),
        (Asked("store/customer/created"), "--id: '' cannot be meant by store/customer/created: give the id"),
        (Asked("store/customer/created", "0"), "--id: '0' cannot be meant by"),
        (Asked("store/customer/created", CART), "give the id, a positive integer"),
        (Asked("store/cart/updated", "../orders"), "give the cart's UUID."),
        (Asked("store/app/uninstalled"), "SCOPE: store/app/uninstalled is believed"),
        (Asked("store/cart/converted", CART), "--order: a conversion is believed"),
        (Asked("store/cart/updated", CART, order=7), "--order: store/cart/updated names no order"),
        (Asked("store/order/updated", "4", status=(1, 2)), "--status: store/order/updated carries no statuses"),
    ],
)
def test_what_cannot_be_made_is_told_in_a_sentence(wrong: Asked, sentence: str) -> None:
    with pytest.raises(SettingsError) as found:
        make(wrong, STORE, NOW)
    assert str(found.value).startswith("command line: ")
    assert sentence in str(found.value)
    assert exit_code(found.value) == 2


@pytest.mark.parametrize("scope", ["store/information/updated", "store/inventory/location/created"])
def test_what_is_about_no_entity_needs_no_id(scope: str) -> None:
    assert make(Asked(scope), STORE, NOW).body
