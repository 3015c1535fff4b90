"""Facts: the state of one entity as it was fetched, and what made us fetch it. Topics commerce.*.v1, JSON.

The entity is kept in full on the wire; the records here name only the fields that folds read (unknown ones are
ignored). Times named ``*_at`` are Unix milliseconds. Outside rules: the OpenAPI files of BigCommerce (orders v2;
customers, carts, subscribers, catalog v3).
"""

from typing import Literal

import msgspec

Origin = Literal["webhook", "import", "reconcile", "request"]


class Cause(msgspec.Struct, frozen=True, omit_defaults=True):
    """A delivery that was folded into this fetch. ``created_at`` has a resolution of one second."""

    scope: str
    hash: str
    created_at: int


class StatusChange(msgspec.Struct, frozen=True):
    """The pair of a `store/order/statusUpdated` delivery."""

    hash: str
    created_at: int
    previous: int
    new: int


class Fact(msgspec.Struct, kw_only=True):
    """The envelope. ``live_since``: since when this store's events are told (None: not yet)."""

    store: str
    id: str
    fetched_at: int
    origin: Origin = "webhook"
    live_since: int | None = None
    causes: list[Cause] = []
    causes_count: int = 0  # may exceed len(causes): at most 50 are kept
    store_currency: str = ""  # of GET /v2/store
    store_country: str = ""  # ISO 3166 alpha-2, of GET /v2/store


# --- orders -------------------------------------------------------------------------------------------------------


class OrderAddress(msgspec.Struct, kw_only=True, frozen=True):
    first_name: str = ""
    last_name: str = ""
    company: str = ""
    street_1: str = ""
    street_2: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = ""
    country_iso2: str = ""
    phone: str = ""
    email: str = ""


class OrderItem(msgspec.Struct, kw_only=True):
    """A line item of a consignment; prices are texts per unit."""

    id: int = 0
    product_id: int | None = 0
    variant_id: int | None = 0
    name: str = ""
    sku: str | None = ""
    quantity: int = 1
    price_inc_tax: str = "0"
    url: str = ""  # of the storefront, when known: orders v2 do not tell
    image_url: str = ""


class Consignment(msgspec.Struct, kw_only=True):
    line_items: list[OrderItem] = []


class Consignments(msgspec.Struct, kw_only=True):
    """With `include=consignments.line_items&consignment_structure=object` (orders v2)."""

    shipping: list[Consignment] = []
    pickups: list[Consignment] = []
    downloads: list[Consignment] = []
    email: msgspec.Raw = msgspec.Raw()


class Order(msgspec.Struct, kw_only=True):
    id: int
    customer_id: int
    status_id: int
    date_created: str  # RFC 2822
    date_modified: str
    total_inc_tax: str
    currency_code: str = ""
    default_currency_code: str = ""  # what the shopper paid
    store_default_currency_code: str = ""
    store_default_to_transactional_exchange_rate: str = ""
    billing_address: OrderAddress
    is_deleted: bool = False
    is_email_opt_in: bool = False
    channel_id: int = 1
    cart_id: str | None = None
    payment_method: str | None = None
    consignments: Consignments = msgspec.field(default_factory=Consignments)


class Refund(msgspec.Struct, kw_only=True):
    """Of `GET /v3/orders/{id}/payment_actions/refunds`."""

    id: int
    created: str = ""  # ISO 8601
    total_amount: str | float | int = 0


class OrderFact(Fact, kw_only=True):
    entity: Order
    refunds: list[Refund] = []
    status_changes: list[StatusChange] = []


# --- customers and subscribers --------------------------------------------------------------------------------------


class CustomerIdentity(msgspec.Struct, kw_only=True):
    """What folds read of a customer besides the mapped paths, which are looked up in the whole entity."""

    id: int
    email: str
    date_created: str = ""
    date_modified: str = ""
    phone: str = ""
    origin_channel_id: int | None = None


class CustomerFact(Fact, kw_only=True):
    entity: (
        msgspec.Raw
    )  # the whole customer, with addresses, attributes by name under `attributes`, group under `customer_group`


class Subscriber(msgspec.Struct, kw_only=True):
    id: int
    email: str
    consents: list[str] = []
    source: str = ""
    channel_id: int | None = None
    date_created: str = ""
    date_modified: str = ""


class SubscriberFact(Fact, kw_only=True):
    """``withdrawn_at``: when an earlier opt-in was found lost. A deleted record is a fact with its last known e-mail
    and no consents, since an opt-out outlives the record. ``opted_in_at``: since when the record has its consents, as
    far as the enricher knows (`date_modified` at first sight, kept while the consents stay): any edit moves
    `date_modified`, only this tells that a person decided. None: `date_modified` is taken."""

    entity: Subscriber
    withdrawn_at: int | None = None
    deleted: bool = False
    opted_in_at: int | None = None


# --- carts ----------------------------------------------------------------------------------------------------------


class CartLine(msgspec.Struct, kw_only=True):
    id: str = ""
    product_id: int = 0
    variant_id: int | None = None
    sku: str | None = ""
    name: str = ""
    url: str = ""
    quantity: int = 1
    image_url: str | None = ""
    list_price: float | int = 0
    sale_price: float | int = 0


class CartLines(msgspec.Struct, kw_only=True):
    physical_items: list[CartLine] = []
    digital_items: list[CartLine] = []
    custom_items: list[CartLine] = []
    gift_certificates: list[msgspec.Raw] = []


class CartCurrency(msgspec.Struct, kw_only=True):
    code: str = ""


class Cart(msgspec.Struct, kw_only=True):
    id: str
    customer_id: int = 0
    channel_id: int = 1
    email: str = ""
    currency: CartCurrency = msgspec.field(default_factory=CartCurrency)
    cart_amount: float | int = 0
    line_items: CartLines = msgspec.field(default_factory=CartLines)
    created_time: str = ""  # ISO 8601
    updated_time: str = ""
    version: int = 0


class CartFact(Fact, kw_only=True):
    """One of four kinds, all in the cart's partition.

    `cart`: as fetched. `converted`: an order took it (``order_id``). `deleted`: it is gone. `tick` (key `tick`): the
    time is ``fetched_at``; id and entity are empty.
    ``requested_due``: set when this fetch answers the question of a due cart: the due time asked about, with the
    shopper's subscriber record as it was at the same moment (None: there is none).
    """

    kind: Literal["cart", "converted", "deleted", "tick"]
    entity: Cart | None = None
    order_id: int | None = None
    requested_due: int | None = None
    subscriber: Subscriber | None = None
    subscriber_at: int | None = None  # as SubscriberFact.opted_in_at, of that record
    url: str = ""  # of the cart's storefront, leads /cart.php


class CartLifecycle(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Topic commerce.cart-lifecycle.v1, key as the cart's: what became of a cart, for figures. Nothing personal in it.

    ``at``: business time, Unix ms. ``total``: of the cart, in ``currency``, as decimal text. `emptied` is also what was
    deleted at BigCommerce; `recovered` is converted after a step was reached.
    """

    store: str
    cart_id: str
    stage: Literal["at risk", "abandoned", "recovered", "converted", "expired", "emptied"]
    at: int
    changed_at: int = 0
    step: int = 0
    order_id: int | None = None
    total: str = ""
    currency: str = ""
    channel: int = 1
    guest: bool = False  # its shopper is not logged in


# --- catalogue ------------------------------------------------------------------------------------------------------


class ProductFact(Fact, kw_only=True):
    entity: msgspec.Raw  # with variants and images
    url: str = ""  # of the storefront, leads custom_url.url


class CategoryFact(Fact, kw_only=True):
    entity: msgspec.Raw
    url: str = ""
