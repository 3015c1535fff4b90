"""Orders and refunds as the API shows them (orders.v2.oas2.yml, orders.v3.yml)."""

from typing import Any

from emulators.bigcommerce.answers import v2_date, v2_money, v3_date
from emulators.bigcommerce.records import NOTHING, Address, Line, Order, Refund
from emulators.bigcommerce.store import Store

API = "https://api.bigcommerce.com/stores"

STATUSES = {
    0: ("Incomplete", "A shopper reached the payment page, but did not complete the transaction."),
    1: ("Pending", "The shopper started the checkout, but did not complete it."),
    2: ("Shipped", "The order has been shipped, but its receipt has not been confirmed."),
    3: ("Partially Shipped", "Only some items of the order have been shipped."),
    4: ("Refunded", "The seller has refunded the order."),
    5: ("Cancelled", "The seller has cancelled the order."),
    6: ("Declined", "The seller has declined the order."),
    7: ("Awaiting Payment", "The checkout is completed, the payment has yet to be confirmed."),
    8: ("Awaiting Pickup", "The order has been pulled and awaits the shopper's pickup."),
    9: ("Awaiting Shipment", "The order has been pulled and packed and awaits the carrier."),
    10: ("Completed", "The order has been shipped or picked up, and its receipt is confirmed."),
    11: ("Awaiting Fulfillment", "The checkout is completed and the payment confirmed."),
    12: ("Manual Verification Required", "The order is on hold until something is confirmed by hand."),
    13: ("Disputed", "The shopper disputes the payment."),
    14: ("Partially Refunded", "The seller has refunded a part of the order."),
}
STATUS_ORDER = (0, 1, 7, 11, 9, 8, 3, 10, 2, 5, 6, 4, 13, 12, 14)
CURRENCY_IDS = {"USD": 1, "EUR": 2, "GBP": 3}
PAYMENT = {0: "", 1: "pending", 4: "refunded", 5: "void", 6: "declined", 7: "pending", 14: "partially refunded"}


def order(store: Store, record: Order, *, lines: bool, consignments: bool) -> dict[str, Any]:
    """``consignments`` puts them in as an object, ``lines`` puts the line items into it too."""
    name = STATUSES[record.status_id][0]
    own = record.currency == store.currency
    shown = {
        "id": record.id,
        "customer_id": record.customer_id,
        "date_created": v2_date(record.date_created),
        "date_modified": v2_date(record.date_modified),
        "date_shipped": v2_date(record.date_shipped),
        "status_id": record.status_id,
        "status": name,
        "custom_status": name,
        **_amounts(record),
        "is_tax_inclusive_pricing": False,
        "items_total": sum(line.quantity for line in record.lines),
        "items_shipped": sum(line.quantity for line in record.lines) if record.date_shipped else 0,
        "payment_method": "Credit Card",
        "payment_provider_id": "",
        "payment_status": PAYMENT.get(record.status_id, "captured"),
        "order_is_digital": False,
        "ip_address": "192.0.2.7",
        "ip_address_v6": "",
        "geoip_country": record.billing.country,
        "geoip_country_iso2": record.billing.country_code,
        "currency_id": CURRENCY_IDS.get(record.currency, 9),
        "currency_code": record.currency,
        "currency_exchange_rate": "1.0000000000",
        "default_currency_id": CURRENCY_IDS.get(record.currency, 9),
        "default_currency_code": record.currency,
        "store_default_currency_code": "" if own else store.currency,
        "store_default_to_transactional_exchange_rate": f"{record.rate:.10f}",
        "staff_notes": "",
        "customer_message": "",
        "shipping_address_count": 1,
        "ebay_order_id": "0",
        "cart_id": record.cart_id,
        "billing_address": _billing(record),
        "is_email_opt_in": record.is_email_opt_in,
        "is_deleted": record.is_deleted,
        "credit_card_type": None,
        "order_source": "www",
        "channel_id": record.channel_id,
        "external_source": None,
        "external_id": None,
        "external_merchant_id": None,
        "external_order_id": "",
        "tax_provider_id": "BasicTaxProvider",
        "customer_locale": "en",
        "products": _link(store, record.id, "products"),
        "shipping_addresses": _link(store, record.id, "shippingaddresses"),
        "coupons": _link(store, record.id, "coupons"),
        "fees": _link(store, record.id, "fees"),
        "consignments": _link(store, record.id, "consignments"),
    }
    if consignments:
        shown["consignments"] = _consignments(store, record, lines)
    return shown


def _amounts(record: Order) -> dict[str, Any]:
    """Prices are without tax in this store; ``refunded_amount`` is always 0, whatever was refunded."""
    subtotal, shipping, total = v2_money(record.subtotal), v2_money(record.shipping), v2_money(record.total)
    nothing = v2_money(NOTHING)
    return {
        "subtotal_ex_tax": subtotal,
        "subtotal_inc_tax": subtotal,
        "subtotal_tax": nothing,
        "base_shipping_cost": shipping,
        "shipping_cost_ex_tax": shipping,
        "shipping_cost_inc_tax": shipping,
        "shipping_cost_tax": nothing,
        "shipping_cost_tax_class_id": 0,
        **dict.fromkeys(("base_handling_cost", "handling_cost_ex_tax", "handling_cost_inc_tax"), nothing),
        "handling_cost_tax": nothing,
        "handling_cost_tax_class_id": 0,
        **dict.fromkeys(("base_wrapping_cost", "wrapping_cost_ex_tax", "wrapping_cost_inc_tax"), nothing),
        "wrapping_cost_tax": nothing,
        "wrapping_cost_tax_class_id": 0,
        "total_ex_tax": total,
        "total_inc_tax": total,
        "total_tax": nothing,
        "refunded_amount": nothing,
        "store_credit_amount": nothing,
        "gift_certificate_amount": nothing,
        "discount_amount": nothing,
        "coupon_discount": nothing,
    }


def _place(address: Address) -> dict[str, str]:
    return {
        "first_name": address.first_name,
        "last_name": address.last_name,
        "company": address.company,
        "street_1": address.street,
        "street_2": address.street_2,
        "city": address.city,
        "state": address.state,
        "zip": address.zip,
        "country": address.country,
        "country_iso2": address.country_code,
        "phone": address.phone,
    }


def _billing(record: Order) -> dict[str, Any]:
    return {**_place(record.billing), "email": record.email, "form_fields": []}


def _link(store: Store, order_id: int, part: str) -> dict[str, str]:
    return {
        "url": f"{API}/{store.store_hash}/v2/orders/{order_id}/{part}",
        "resource": f"/orders/{order_id}/{part}",
    }


def _consignments(store: Store, record: Order, lines: bool) -> dict[str, Any]:
    shipping = {
        "id": record.id,
        **_billing(record),
        "line_items": order_lines(record) if lines else [_link(store, record.id, "products")],
        "items_total": sum(line.quantity for line in record.lines),
        "items_shipped": 0,
        "shipping_method": "Flat Rate" if record.shipping else "Free Shipping",
        **dict.fromkeys(("base_cost", "cost_ex_tax", "cost_inc_tax"), float(record.shipping)),
        "cost_tax": 0,
        "cost_tax_class_id": 0,
        **dict.fromkeys(("base_handling_cost", "handling_cost_ex_tax", "handling_cost_inc_tax"), 0),
        "handling_cost_tax": 0,
        "handling_cost_tax_class_id": 0,
        "shipping_zone_id": 1,
        "shipping_zone_name": record.billing.country,
    }
    return {"pickups": [], "shipping": [shipping], "downloads": [], "email": {"gift_certificates": []}}


def order_lines(record: Order) -> list[dict[str, Any]]:
    return [_line(record, line) for line in record.lines]


def _line(record: Order, line: Line) -> dict[str, Any]:
    price, total, nothing = v2_money(line.price), v2_money(line.total), v2_money(NOTHING)
    return {
        "id": line.id,
        "order_id": record.id,
        "product_id": line.product_id,
        "variant_id": line.variant_id,
        "order_pickup_method_id": 0,
        "order_address_id": record.id,
        "name": line.name,
        "name_customer": line.name,
        "name_merchant": line.name,
        "sku": line.sku,
        "upc": "",
        "type": "physical",
        **dict.fromkeys(("base_price", "price_ex_tax", "price_inc_tax"), price),
        "price_tax": nothing,
        **dict.fromkeys(("base_total", "total_ex_tax", "total_inc_tax", "discounted_total_inc_tax"), total),
        "total_tax": nothing,
        "weight": "0.1000",
        **dict.fromkeys(("width", "height", "depth"), nothing),
        "quantity": line.quantity,
        **dict.fromkeys(("base_cost_price", "cost_price_inc_tax", "cost_price_ex_tax", "cost_price_tax"), nothing),
        "is_refunded": bool(record.refunded) and record.refunded == record.total,
        "quantity_refunded": 0,
        "refund_amount": nothing,
        "return_id": 0,
        "wrapping_id": 0,
        "wrapping_name": "",
        **dict.fromkeys(("base_wrapping_cost", "wrapping_cost_ex_tax", "wrapping_cost_inc_tax"), nothing),
        "wrapping_cost_tax": nothing,
        "wrapping_message": "",
        "quantity_shipped": line.quantity if record.date_shipped else 0,
        "event_name": None,
        "event_date": None,
        "fixed_shipping_cost": nothing,
        "ebay_item_id": "",
        "ebay_transaction_id": "",
        "option_set_id": None,
        "parent_order_product_id": None,
        "is_bundled_product": False,
        "bin_picking_number": "",
        "external_id": None,
        "brand": "",
        "applied_discounts": [],
        "product_options": [],
        "configurable_fields": [],
        "gift_certificate_id": None,
    }


def refund(record: Refund) -> dict[str, Any]:
    amount = float(record.amount)
    return {
        "id": record.id,
        "order_id": record.order_id,
        "user_id": 1,
        "created": v3_date(record.created),
        "reason": record.reason,
        "total_amount": amount,
        "total_tax": 0,
        "uses_merchant_override_values": True,
        "items": [
            {
                "item_type": "ORDER",
                "item_id": record.order_id,
                "reason": record.reason,
                "quantity": 1,
                "adjustments": [],
                "requested_amount": amount,
            }
        ],
        "payments": [
            {
                "id": record.id,
                "provider_id": "custom",
                "amount": amount,
                "offline": True,
                "is_declined": False,
                "declined_message": "",
                "transaction_id": "",
            }
        ],
    }


def status(status_id: int) -> dict[str, Any]:
    name, description = STATUSES[status_id]
    return {
        "id": status_id,
        "name": name,
        "system_label": name,
        "custom_label": name,
        "system_description": description,
    }
