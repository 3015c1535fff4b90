"""Products, variants and categories as v3 shows them: numbers for money, unlike orders."""

import uuid
from collections.abc import Collection
from typing import Any

from emulators.bigcommerce.answers import moment
from emulators.bigcommerce.records import Category, Image, Product, Variant
from emulators.bigcommerce.store import Store

EMPTY_PARTS = {"bulk_pricing_rules", "custom_fields", "modifiers", "parent_relations", "reviews", "videos"}
PARTS = EMPTY_PARTS | {"variants", "images", "primary_image", "options", "channels"}


def image_url(store: Store, product_id: int, image: Image, size: str) -> str:
    root = f"https://cdn11.bigcommerce.com/s-{store.store_hash}/products/{product_id}/images/{image.id}"
    return f"{root}/{image.file}.{size}.jpg"


def product(store: Store, record: Product, include: Collection[str]) -> dict[str, Any]:
    shown = _product_base(record)
    if "variants" in include:
        shown["variants"] = [variant(record, each) for each in record.variants]
    if "images" in include:
        shown["images"] = [_image(store, record.id, each) for each in record.images]
    if "primary_image" in include:
        primary = next((each for each in record.images if each.is_thumbnail), None)
        if primary is not None:
            shown["primary_image"] = _image(store, record.id, primary)
    if "options" in include:
        shown["options"] = [_option(record)] if len(record.variants) > 1 else []
    if "channels" in include:
        shown["channels"] = [channel.id for channel in store.channels]
    shown.update({name: [] for name in EMPTY_PARTS & set(include)})
    return shown


def _product_base(record: Product) -> dict[str, Any]:
    return {
        "id": record.id,
        "name": record.name,
        "type": "physical",
        "sku": record.sku,
        "description": record.description,
        "weight": 0.1,
        **dict.fromkeys(("width", "depth", "height"), 0),
        "price": float(record.price),
        "cost_price": 0,
        "retail_price": 0,
        "sale_price": float(record.sale_price),
        "map_price": 0,
        "calculated_price": float(record.calculated_price),
        "tax_class_id": 0,
        "product_tax_code": "",
        "categories": record.categories,
        "brand_id": 0,
        "inventory_level": record.stock,
        "inventory_warning_level": 0,
        "inventory_tracking": record.tracking,
        "fixed_cost_shipping_price": 0,
        "is_free_shipping": False,
        "is_visible": record.is_visible,
        "is_featured": False,
        "related_products": [-1],
        "warranty": "",
        "bin_picking_number": "",
        "layout_file": "product.html",
        "upc": "",
        "mpn": record.mpn,
        "gtin": "",
        "search_keywords": "",
        "availability": record.availability,
        "availability_description": "",
        "gift_wrapping_options_type": "any",
        "gift_wrapping_options_list": [],
        "sort_order": 0,
        "condition": "New",
        "is_condition_shown": False,
        "order_quantity_minimum": 0,
        "order_quantity_maximum": 0,
        "page_title": "",
        "meta_keywords": [],
        "meta_description": "",
        "date_created": _catalogue_date(record.date_created),
        "date_modified": _catalogue_date(record.date_modified),
        "view_count": 0,
        "preorder_release_date": None,
        "preorder_message": "",
        "is_preorder_only": False,
        "is_price_hidden": False,
        "price_hidden_label": "",
        "custom_url": {"url": record.path, "is_customized": False},
        "base_variant_id": record.variants[0].id if len(record.variants) == 1 else None,
        "open_graph_type": "product",
        "open_graph_title": "",
        "open_graph_description": "",
        "open_graph_use_meta_description": True,
        "open_graph_use_product_name": True,
        "open_graph_use_image": True,
        "reviews_rating_sum": 0,
        "reviews_count": 0,
        "total_sold": 0,
        "option_set_id": None,
        "option_set_display": "right",
    }


def _catalogue_date(ms: int) -> str:
    return moment(ms).isoformat(timespec="seconds")


def variant(record: Product, each: Variant) -> dict[str, Any]:
    price = None if each.price is None else float(each.price)
    return {
        "id": each.id,
        "product_id": record.id,
        "sku": each.sku,
        "sku_id": each.sku_id,
        "price": price,
        "calculated_price": float(record.price_of(each)),
        "sale_price": None,
        "retail_price": None,
        "cost_price": 0,
        "weight": None,
        "calculated_weight": 0.1,
        **dict.fromkeys(("width", "height", "depth"), None),
        "is_free_shipping": False,
        "fixed_cost_shipping_price": None,
        "purchasing_disabled": False,
        "purchasing_disabled_message": "",
        "image_url": "",
        "upc": "",
        "mpn": each.mpn,
        "gtin": "",
        "inventory_level": each.stock,
        "inventory_warning_level": 0,
        "bin_picking_number": "",
        "option_values": [_chosen(record, each)] if len(record.variants) > 1 else [],
    }


def _chosen(record: Product, each: Variant) -> dict[str, Any]:
    return {"id": each.id, "option_id": record.id, "option_display_name": record.option, "label": each.label}


def _option(record: Product) -> dict[str, Any]:
    values = [
        {"id": each.id, "label": each.label, "sort_order": place, "is_default": not place, "value_data": None}
        for place, each in enumerate(record.variants)
    ]
    return {
        "id": record.id,
        "product_id": record.id,
        "name": f"{record.option}-{record.id}",
        "display_name": record.option,
        "type": "rectangles",
        "sort_order": 0,
        "config": {},
        "option_values": values,
    }


def _image(store: Store, product_id: int, image: Image) -> dict[str, Any]:
    return {
        "id": image.id,
        "product_id": product_id,
        "is_thumbnail": image.is_thumbnail,
        "sort_order": 0,
        "description": "",
        "image_file": f"{image.file}.jpg",
        **{
            f"url_{size}": image_url(store, product_id, image, size)
            for size in ("zoom", "standard", "thumbnail", "tiny")
        },
        "date_modified": _catalogue_date(image.date_modified),
    }


def category(record: Category) -> dict[str, Any]:
    slug = record.name.lower().replace(" ", "-")
    return {
        "category_id": record.id,
        "category_uuid": str(uuid.uuid5(uuid.NAMESPACE_URL, f"category/{record.id}")),
        "parent_id": record.parent_id,
        "tree_id": 1,
        "name": record.name,
        "description": "",
        "views": 0,
        "sort_order": record.id,
        "page_title": "",
        "meta_keywords": [],
        "meta_description": "",
        "layout_file": "category.html",
        "image_url": "",
        "is_visible": record.is_visible,
        "search_keywords": "",
        "default_product_sort": "use_store_settings",
        "url": {"path": f"/{slug}/", "is_customized": False},
    }
