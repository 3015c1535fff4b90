"""Products, variants and categories as Brevo's catalogue takes them."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.catalogue import CategoriesFold, ProductsFold
from projections.fold import Input
from projections.mapping import CustomerMapping
from projections.order_papers import record as order_record
from projections.purchase import Purchase
from schemas import topics
from schemas.commands import Command, PutCategory, PutProduct
from schemas.errors import BadRecord
from schemas.facts import OrderFact
from tests.projections.carts_made import MINUTE, NOON, STORE, iso, settings
from tests.projections.orders_made import order
from tests.projections.running import Ran, run
from tests.projections.strategies_orders import compacted

URL = "https://shop.example"


def product(**fields: Any) -> dict[str, Any]:
    return {
        "id": 12,
        "name": "Cup",
        "sku": "CUP",
        "price": 34.92,
        "calculated_price": 29.5,
        "categories": [3, 4],
        "inventory_level": 9,
        "inventory_tracking": "product",
        "is_visible": True,
        "availability": "available",
        "custom_url": {"url": "/cup/", "is_customized": False},
        "images": [
            {"url_standard": "https://cdn.example/a.jpg", "is_thumbnail": False},
            {"url_standard": "https://cdn.example/b.jpg", "is_thumbnail": True},
        ],
        "variants": [{"id": 77, "sku": "CUP", "calculated_price": 29.5, "inventory_level": 9, "option_values": []}],
        **fields,
    }


def variant(number: int, label: str, **fields: Any) -> dict[str, Any]:
    options = [{"id": 1, "label": label, "option_id": 2, "option_display_name": "Colour"}]
    return {"id": number, "sku": f"CUP-{label}", "inventory_level": 2, "option_values": options, **fields}


def fact(topic: str, entity: dict[str, Any] | None, number: int = 12, url: str = URL, store: str = STORE) -> Input:
    key, at = f"{store}/{number}".encode(), NOON + MINUTE
    if entity is None:
        return Input(topic, key, None, at)
    body = {"store": store, "id": str(number), "fetched_at": at, "store_currency": "USD", "url": url, "entity": entity}
    return Input(topic, key, msgspec.json.encode(body), at)


def products(*entities: dict[str, Any] | None, **store: Any) -> Ran:
    return run(ProductsFold(settings(**store)), [fact(topics.PRODUCT, entity) for entity in entities])


def told(ran: Ran) -> list[PutProduct | PutCategory]:
    found = [msgspec.json.decode(output.value or b"", type=Command) for output in ran.to(topics.COMMAND)]
    assert all(isinstance(command, PutProduct | PutCategory) for command in found)
    return found  # type: ignore[return-value]


def test_a_product_is_put_with_what_brevo_takes_of_it() -> None:
    (put,) = told(products(product()))
    assert (put.id, put.deleted, put.at) == ("product:shop:12", False, NOON + MINUTE)
    assert put.document == {
        "id": "shop:12",
        "name": "Cup",
        "url": "https://shop.example/cup/",
        "imageUrl": "https://cdn.example/b.jpg",
        "sku": "CUP",
        "categories": ["shop:3", "shop:4"],
        "price": 29.5,
        "stock": 9,
        "metaInfo": {"store": "shop", "currency": "USD", "availability": "available", "visible": True},
        "isDeleted": False,
    }


def test_it_is_a_public_record_of_the_stores_account() -> None:
    (output,) = products(product()).to(topics.COMMAND)
    assert output.key == b"main"
    assert ("ce_type", b"brevo.command.product") in output.headers


def test_variants_are_products_with_a_parent_and_inherit_what_they_lack() -> None:
    both = [variant(78, "Red", calculated_price=31, image_url="https://cdn.example/red.jpg"), variant(79, "Blue")]
    parent, red, blue = told(products(product(inventory_tracking="variant", variants=both)))
    assert [put.id for put in (parent, red, blue)] == ["product:shop:12", "product:shop:12-78", "product:shop:12-79"]
    assert red.document == {
        **{key: parent.document[key] for key in ("url", "categories", "metaInfo", "isDeleted")},
        "id": "shop:12-78",
        "parentId": "shop:12",
        "name": "Cup (Red)",
        "sku": "CUP-Red",
        "imageUrl": "https://cdn.example/red.jpg",
        "price": 31,
        "stock": 2,
    }
    assert (blue.document["price"], blue.document["imageUrl"]) == (29.5, "https://cdn.example/b.jpg")


def test_ids_are_the_ones_that_order_records_name() -> None:
    configured = settings()
    body = {"store": STORE, "id": "100", "fetched_at": NOON, "entity": order()}
    bought = Purchase(
        msgspec.convert(body, OrderFact),
        configured.stores[STORE],
        configured.accounts["main"],
        CustomerMapping(()),
    )
    (line,) = order_record(bought).products
    parent, own = told(products(product(variants=[variant(77, "Red")])))
    assert (line.product_id, line.variant_id) == (parent.document["id"], own.document["id"])


def test_without_tracking_no_stock_is_told_and_a_negative_one_is_none() -> None:
    assert "stock" not in told(products(product(inventory_tracking="none")))[0].document
    assert told(products(product(inventory_level=-3)))[0].document["stock"] == 0
    own = told(products(product(variants=[variant(78, "Red")])))[1]
    assert "stock" not in own.document


def test_what_is_empty_is_left_out() -> None:
    bare = product(images=[], custom_url=None, sku="", categories=[], calculated_price=None)
    (put,) = told(products(bare))
    assert not put.document.keys() & {"imageUrl", "url", "sku", "categories"}
    assert put.document["price"] == 34.92


def test_without_a_storefront_there_is_no_url() -> None:
    ran = run(ProductsFold(settings()), [fact(topics.PRODUCT, product(), url="")])
    assert "url" not in told(ran)[0].document


def test_the_first_image_stands_in_for_a_missing_thumbnail() -> None:
    images = [{"url_standard": "https://cdn.example/a.jpg"}, {"url_standard": "https://cdn.example/b.jpg"}]
    assert told(products(product(images=images)))[0].document["imageUrl"] == "https://cdn.example/a.jpg"


def test_a_tombstone_deletes_and_a_later_fact_brings_back() -> None:
    put, gone, back = told(products(product(), None, product()))
    assert gone.deleted
    assert gone.document == {"id": "shop:12", "isDeleted": True, "deletedAt": iso(NOON + MINUTE)}
    assert (put.document, back.document["isDeleted"], back.deleted) == (back.document, False, False)


def test_a_category_is_put_with_its_url_and_deleted_by_its_key() -> None:
    entity = {"category_id": 3, "name": "Cups", "url": {"path": "/cups/", "is_customized": False}, "parent_id": 0}
    ran = run(CategoriesFold(settings()), [fact(topics.CATEGORY, entity, 3), fact(topics.CATEGORY, None, 3)])
    put, gone = told(ran)
    assert (put.id, put.document) == (
        "category:shop:3",
        {"id": "shop:3", "name": "Cups", "url": "https://shop.example/cups/"},
    )
    assert (gone.id, gone.deleted) == ("category:shop:3", True)


def test_nothing_is_kept_in_a_table() -> None:
    assert products(product(), None).states == {}


@pytest.mark.parametrize("fold", [ProductsFold(settings()), CategoriesFold(settings())])
def test_what_cannot_be_used_is_refused(fold: Any) -> None:
    with pytest.raises(BadRecord, match="is of store 'h9', which is not configured; add it to `stores`"):
        run(fold, [fact(fold.inputs[0], product(), store="h9")])
    with pytest.raises(BadRecord, match="cannot be read"):
        run(fold, [fact(fold.inputs[0], {"id": "twelve"})])


FACTS = st.lists(
    st.sampled_from([None, product(), product(name="Mug"), product(variants=[variant(78, "Red")])]), max_size=6
)


def newest(ran: Ran) -> dict[str, PutProduct | PutCategory]:
    return {put.id: put for put in told(ran)}


@given(FACTS)
def test_the_same_twice_leads_to_the_same_catalogue(entities: list[dict[str, Any] | None]) -> None:
    assert newest(products(*[each for each in entities for _ in range(2)])) == newest(products(*entities))


@given(FACTS)
def test_the_compacted_log_leads_to_the_same_products(entities: list[dict[str, Any] | None]) -> None:
    records = [fact(topics.PRODUCT, entity) for entity in entities]
    whole, rest = run(ProductsFold(settings()), records), run(ProductsFold(settings()), compacted(records))
    assert newest(rest).get("product:shop:12") == newest(whole).get("product:shop:12")
