"""Which entity each of BigCommerce's deliveries makes dirty."""

import json
import re
from contextlib import suppress
from hashlib import sha1
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.bigcommerce.scopes import Dirty, UnknownScope, WrongShape, entity_of, is_known
from tests.gateway.deliveries import CALLBACKS

_CART = "09346904-4175-44fd-be53-f7e598531b6c"
_EMPTY = {"store_app_uninstalled", "store_metafield_created"}

# The entity of every published sample, by its file's name, which is its true scope.
SAMPLES = {
    "store_cart_abandoned": Dirty("cart", _CART),
    "store_cart_converted": Dirty("cart", "d30016e2-23c0-4a90-884f-2e92ac135476", order_id=252),
    "store_cart_couponApplied": Dirty("cart", _CART),
    "store_cart_created": Dirty("cart", _CART),
    "store_cart_deleted": Dirty("cart", _CART),
    "store_cart_lineItem_created": Dirty("cart", "b0386708-fef3-45de-9d8b-fbe3031450a4"),
    "store_cart_lineItem_deleted": Dirty("cart", "b0386708-fef3-45de-9d8b-fbe3031450a4"),
    "store_cart_lineItem_updated": Dirty("cart", "b0386708-fef3-45de-9d8b-fbe3031450a4"),
    "store_cart_updated": Dirty("cart", _CART),
    "store_category_created": Dirty("category", "42"),
    "store_category_deleted": Dirty("category", "42"),
    "store_category_updated": Dirty("category", "42"),
    "store_customer_address_created": Dirty("customer", "32"),
    "store_customer_address_deleted": Dirty("customer", "32"),
    "store_customer_address_updated": Dirty("customer", "32"),
    "store_customer_created": Dirty("customer", "32"),
    "store_customer_deleted": Dirty("customer", "32"),
    "store_customer_payment_instrument_default_updated": Dirty("customer", "32"),
    "store_customer_updated": Dirty("customer", "32"),
    "store_information_updated": Dirty("store"),
    "store_order_archived": Dirty("order", "250"),
    "store_order_created": Dirty("order", "250"),
    "store_order_message_created": Dirty("order", "250"),
    "store_order_refund_created": Dirty("order", "250"),
    "store_order_statusUpdated": Dirty("order", "250", status=(0, 11)),
    "store_order_updated": Dirty("order", "250"),
    "store_product_created": Dirty("product", "205"),
    "store_product_deleted": Dirty("product", "205"),
    "store_product_inventory_order_updated": Dirty("product", "167"),
    "store_product_inventory_updated": Dirty("product", "167"),
    "store_product_updated": Dirty("product", "205"),
    "store_shipment_created": Dirty("order", "251"),
    "store_shipment_deleted": Dirty("order", "251"),
    "store_shipment_updated": Dirty("order", "251"),
    "store_sku_created": Dirty("product", "206"),
    "store_sku_deleted": Dirty("product", "206"),
    "store_sku_inventory_order_updated": Dirty("product", "206"),
    "store_sku_inventory_updated": Dirty("product", "206"),
    "store_sku_updated": Dirty("product", "206"),
    "store_subscriber_created": Dirty("subscriber", "5"),
    "store_subscriber_deleted": Dirty("subscriber", "5"),
    "store_subscriber_updated": Dirty("subscriber", "5"),
}


def corrected(name: str) -> dict[str, Any]:
    """A sample with what is known to be wrong in it put right: the scope of seven, the producer and hash of all."""
    sample: dict[str, Any] = json.loads((CALLBACKS / f"{name}.json").read_text())
    event = sha1(name.encode()).hexdigest()
    return sample | {"scope": name.replace("_", "/"), "producer": "stores/8jbhprizry", "hash": event}


def test_every_published_sample_is_in_the_table() -> None:
    assert {path.stem for path in CALLBACKS.glob("*.json")} == SAMPLES.keys() | _EMPTY
    assert all(not (CALLBACKS / f"{name}.json").read_text().strip() for name in _EMPTY)


def test_seven_samples_carry_the_scope_of_another() -> None:
    wrong = {name for name in SAMPLES if json.loads((CALLBACKS / f"{name}.json").read_text())["scope"]
             != corrected(name)["scope"]}  # fmt: skip
    assert wrong == {
        "store_customer_updated", "store_customer_deleted", "store_customer_address_updated",
        "store_subscriber_updated", "store_subscriber_deleted",
        "store_cart_lineItem_updated", "store_cart_lineItem_deleted",
    }  # fmt: skip


@pytest.mark.parametrize("name", SAMPLES)
def test_a_published_sample_makes_its_entity_dirty(name: str) -> None:
    delivery = corrected(name)
    assert is_known(delivery["scope"])
    assert entity_of(delivery["scope"], delivery["data"]) == SAMPLES[name]


@pytest.mark.parametrize(
    ("scope", "data", "dirty"),
    [
        # Documented, without a sample.
        ("store/customer/channel/login/access/updated", {"customer_id": 22, "channel_ids": [1]},
         Dirty("customer", "22")),
        ("store/order/statusUpdated", {"type": "order", "id": 250}, Dirty("order", "250")),
        (
            "store/order/transaction/created",
            {"type": "transaction", "order_id": "250", "transaction_id": "176342342"},
            Dirty("order", "250"),
        ),
        ("store/cart/abandoned", {"type": "cart", "id": _CART, "token": "1eed6d2d979776ff"}, Dirty("cart", _CART)),
        ("store/cart/lineItem/created", {"type": "cart", "id": "743bfd94", "cartId": _CART}, Dirty("cart", _CART)),
        (
            "store/product/updated",
            {"type": "product", "id": 205, "properties": ["warranty"], "context": {"channel_id": 2, "locale": "fr"}},
            Dirty("product", "205"),
        ),
        ("store/option/updated", {"type": "local_option", "id": 205, "affected_product_ids": [1, 2]},
         Dirty("product", "1", further=("2",))),
        ("store/modifier/updated", {"type": "shared_modifier", "id": 205, "affected_product_ids": []}, None),
        ("store/app/uninstalled", {"type": "store"}, Dirty("app")),
        ("store/channel/updated", {"type": "channel", "id": 2}, Dirty("channel", "2")),
        ("store/hook/deliveryException", {"type": "webhook", "id": 123, "error_code": 90001}, Dirty("hook", "123")),
        ("store/order/metafield/created", {"metafield_id": 14, "resource_id": "270"}, Dirty("order", "270")),
        ("store/cart/metafield/updated", {"metafield_id": 20, "resource_id": _CART}, Dirty("cart", _CART)),
        ("store/product/variant/metafield/created", {"metafield_id": 12, "resource_id": "118"}, None),
        ("store/brand/metafield/*", {"metafield_id": 16, "resource_id": "38"}, None),
        # Keys of channels.
        ("store/channel/1/cart/updated", {"cart_id": _CART}, Dirty("cart", _CART)),
        ("store/channel/1/cart/converted", {"cart_id": _CART}, Dirty("cart", _CART)),
        ("store/channel/1/cart/lineItem/deleted", {"cart_id": _CART, "cart_item_id": "af133539"}, Dirty("cart", _CART)),
        ("store/channel/1/cart/lineItems/created", {"cart_id": _CART, "cart_item_id": "af13"}, Dirty("cart", _CART)),
        ("store/channel/12/order/refund/created", {"order_id": 127}, Dirty("order", "127")),
        ("store/channel/1/category/created", {"category_id": 35, "tree_id": 1}, Dirty("category", "35")),
        ("store/channel/1/category/product/assigned", {"product_id": 127}, Dirty("product", "127")),
        ("store/channel/1/product/unassigned", {"product_id": 127}, Dirty("product", "127")),
        ("store/channel/1/settings/site/checkoutUrl/updated", {"site_id": 1001}, Dirty("store")),
        ("store/channel/1/theme/configuration/created", {"theme_id": "e3d82ce0"}, None),
        ("store/channel/1/socialMediaLinks/updated", {}, None),
        # Literal stars: of inventory, and of wildcards.
        (
            "store/channel/*/inventory/product/stock_changed",
            {"variant_id": 127, "product_id": 113, "location_id": 2},
            Dirty("product", "113"),
        ),
        ("store/cart/*", {"type": "cart", "id": _CART}, Dirty("cart", _CART)),
        ("store/cart/*", {"type": "cart_line_item", "id": "743bfd94", "cartId": _CART}, Dirty("cart", _CART)),
        ("store/cart/*", {"type": "cart", "id": _CART, "orderId": 252}, Dirty("cart", _CART, order_id=252)),
        ("store/customer/*", {"type": "customer", "id": 60, "address": {"customer_id": 32}}, Dirty("customer", "32")),
        ("store/order/*", {"type": "transaction", "order_id": "250"}, Dirty("order", "250")),
        # Arrays, and slashes at the end as the page writes them.
        ("store/priceList/records/updated/", [{"price_list_id": 1, "variant_id": 179, "currency": "USD"}], None),
    ],
)  # fmt: skip
def test_a_documented_shape_makes_its_entity_dirty(scope: str, data: Any, dirty: Dirty | None) -> None:
    assert is_known(scope)
    assert entity_of(scope, data) == dirty


def test_every_scope_of_the_api_description_is_known() -> None:
    description = (CALLBACKS.parent / "webhooks.v3.yml").read_text()
    scopes = set(re.findall(r"^      title: (store/\S+)$", description, re.MULTILINE))
    assert len(scopes) > 40
    assert {scope for scope in scopes if not is_known(scope)} == set()


@pytest.mark.parametrize(
    "scope",
    [
        "", "store", "store/", "store//", "store/order", "order/created", "store/order/exploded", "store/channel/1/",
        "store/channel/x/cart/created", "store/channel/1/settings/", "store/cart/created/more",
        "store/channel/٣/cart/created",
    ],
)  # fmt: skip
def test_any_other_scope_is_unknown(scope: str) -> None:
    assert not is_known(scope)
    with pytest.raises(UnknownScope, match="not a scope that BigCommerce documents"):
        entity_of(scope, {"id": 1})


@pytest.mark.parametrize(
    ("scope", "data", "said"),
    [
        ("store/order/created", {"type": "order"}, "hold type, expected is order_id or orderId or id"),
        ("store/order/created", {"id": None}, "hold id, expected is"),
        ("store/order/created", {"id": 0}, "a number that is no id as id, expected is a positive integer"),
        ("store/order/created", {"id": True}, "a boolean that is no id"),
        ("store/order/created", {"id": 1.0}, "a number that is no id"),
        ("store/order/created", {"id": "12/../13"}, "a text that is no id"),
        ("store/order/created", {"id": 10**400}, "a number that is no id"),
        ("store/order/created", {"id": [1, 2]}, "an array that is no id"),
        ("store/order/created", [], "hold an array, expected is an object"),
        ("store/order/created", None, "hold null, expected"),
        ("store/cart/created", {"id": "a/../../v2/customers"}, "expected is a UUID"),
        ("store/cart/converted", {"id": _CART, "orderId": "many"}, "as orderId"),
        ("store/cart/lineItem/created", {"type": "cart_line_item", "id": "743bfd94"}, "expected is cartId or cart_id"),
        ("store/customer/address/created", {"type": "customer", "id": 60}, "expected is address.customer_id"),
        ("store/customer/address/created", {"id": 60, "address": 32}, "expected is address.customer_id"),
        ("store/sku/updated", {"type": "sku", "id": 461}, "expected is sku.product_id"),
        ("store/shipment/created", {"type": "shipment", "id": 12}, "expected is orderId"),
        (
            "store/order/statusUpdated",
            {"id": 1, "status": {"previous_status_id": 1}},
            "expected is previous_status_id",
        ),
        ("store/order/statusUpdated", {"id": 1, "status": 11}, "a number that is no pair as status"),
    ],
)
def test_data_of_another_shape_are_refused_with_what_was_found_and_expected(scope: str, data: Any, said: str) -> None:
    with pytest.raises(WrongShape, match=re.escape(said)):
        entity_of(scope, data)


_KEYS = st.sampled_from(
    ["id", "orderId", "order_id", "cartId", "address", "customer_id", "sku", "product_id", "status"]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=8,
)


@given(st.sampled_from([name.replace("_", "/") for name in SAMPLES]), _JSON)
def test_whatever_the_data_are_there_is_an_entity_or_a_clear_error(scope: str, data: Any) -> None:
    with suppress(WrongShape):
        dirty = entity_of(scope, data)
        assert dirty is not None
        assert dirty.kind in ("store", "app") or dirty.id
