"""Customers, subscribers, carts and channels as v3 shows them: ISO dates, and numbers for money."""

from collections.abc import Collection
from typing import Any

from emulators.bigcommerce.answers import moment, v3_date
from emulators.bigcommerce.catalogue_shapes import image_url
from emulators.bigcommerce.records import Address, Cart, Channel, Customer, Line, Subscriber
from emulators.bigcommerce.store import Store

# A customer object carries at most ten of its addresses; the rest are found under /customers/addresses.
INLINE_ADDRESSES = 10


def customer(record: Customer, include: Collection[str]) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": record.id,
        "email": record.email,
        "first_name": record.first_name,
        "last_name": record.last_name,
        "company": record.company,
        "phone": record.phone,
        "notes": record.notes,
        "registration_ip_address": "",
        "tax_exempt_category": "",
        "customer_group_id": record.customer_group_id,
        "date_created": v3_date(record.date_created),
        "date_modified": v3_date(record.date_modified),
        "address_count": len(record.addresses),
        "attribute_count": 0,
        "authentication": {"force_password_reset": False},
        "accepts_product_review_abandoned_cart_emails": record.accepts_abandoned_cart_emails,
        "origin_channel_id": record.origin_channel_id,
        "channel_ids": record.channel_ids,
    }
    if "addresses" in include:
        shown["addresses"] = [address(each) for each in record.addresses[:INLINE_ADDRESSES]]
    if "storecredit" in include:
        shown["store_credit_amounts"] = [{"amount": float(record.store_credit)}]
    if "attributes" in include:
        shown["attributes"] = []
    if "formfields" in include:
        shown["form_fields"] = [
            {"name": name, "value": value, "customer_id": record.id} for name, value in record.form_fields.items()
        ]
    return shown


def address(record: Address) -> dict[str, Any]:
    return {
        "id": record.id,
        "customer_id": record.customer_id,
        "first_name": record.first_name,
        "last_name": record.last_name,
        "company": record.company,
        "address1": record.street,
        "address2": record.street_2,
        "city": record.city,
        "state_or_province": record.state,
        "postal_code": record.zip,
        "country_code": record.country_code,
        "country": record.country,
        "phone": record.phone,
        "address_type": "residential",
    }


def subscriber(record: Subscriber) -> dict[str, Any]:
    return {
        "id": record.id,
        "email": record.email,
        "first_name": record.first_name,
        "last_name": record.last_name,
        "source": record.source,
        "order_id": record.order_id,
        "channel_id": record.channel_id,
        "consents": list(record.consents),
        "date_created": v3_date(record.date_created),
        "date_modified": v3_date(record.date_modified),
    }


def cart(store: Store, record: Cart) -> dict[str, Any]:
    amount = float(record.amount)
    return {
        "id": record.id,
        "customer_id": record.customer_id,
        "channel_id": record.channel_id,
        "email": record.email,
        "currency": {"code": record.currency},
        "tax_included": False,
        "base_amount": amount,
        "discount_amount": 0,
        "manual_discount_amount": 0,
        "cart_amount": amount,
        "coupons": [],
        "discounts": [],
        "line_items": {
            "physical_items": [cart_line(store, line) for line in record.lines.values()],
            "digital_items": [],
            "gift_certificates": [],
            "custom_items": [],
        },
        "created_time": _cart_date(record.created),
        "updated_time": _cart_date(record.updated),
        "locale": "en",
        "version": record.version,
    }


def _cart_date(ms: int) -> str:
    return moment(ms).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def cart_line(store: Store, line: Line) -> dict[str, Any]:
    product = store.catalogue.products.get(line.product_id)
    image = product.images[0] if product is not None and product.images else None
    price = float(line.price)
    return {
        "id": line.id,
        "parent_id": None,
        "variant_id": line.variant_id,
        "product_id": line.product_id,
        "sku": line.sku,
        "name": line.name,
        "url": f"https://{store.domain}{'/' if product is None else product.path}",
        "quantity": line.quantity,
        "taxable": True,
        "image_url": "" if image is None else image_url(store, line.product_id, image, "standard"),
        "discounts": [],
        "coupons": [],
        "discount_amount": 0,
        "coupon_amount": 0,
        "original_price": price,
        "list_price": price,
        "sale_price": price,
        "extended_list_price": float(line.total),
        "extended_sale_price": float(line.total),
        "is_require_shipping": True,
        "is_mutable": True,
        "added_by_promotion": False,
    }


def channel(record: Channel) -> dict[str, Any]:
    return {
        "id": record.id,
        "name": record.name,
        "external_id": "",
        "type": record.type,
        "platform": record.platform,
        "status": record.status,
        "is_listable_from_ui": True,
        "is_visible": True,
        "icon_url": "https://cdn11.bigcommerce.com/icon.svg",
        "date_created": v3_date(record.date_created),
        "date_modified": v3_date(record.date_created),
    }


def site(record: Channel) -> dict[str, Any]:
    return {
        "id": 999 + record.id,
        "url": record.url,
        "channel_id": record.id,
        "ssl_status": "dedicated",
        "urls": [{"url": record.url, "type": "primary"}],
        "is_checkout_url_customized": False,
    }
