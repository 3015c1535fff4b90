"""What a store holds, in memory. Times are Unix ms in whole seconds, as at BigCommerce; money is exact."""

from dataclasses import dataclass, field
from decimal import Decimal

NOTHING = Decimal(0)


@dataclass(slots=True, kw_only=True)
class Address:
    """``id`` 0 for addresses that belong to an order or have not been stored yet."""

    first_name: str
    last_name: str
    street: str
    city: str
    state: str
    zip: str
    country: str
    country_code: str
    phone: str = ""
    company: str = ""
    street_2: str = ""
    id: int = 0
    customer_id: int = 0


@dataclass(slots=True, kw_only=True)
class Customer:
    id: int
    email: str
    first_name: str
    last_name: str
    date_created: int
    date_modified: int
    company: str = ""
    phone: str = ""
    notes: str = ""
    customer_group_id: int = 0
    accepts_abandoned_cart_emails: bool = False
    store_credit: Decimal = NOTHING
    origin_channel_id: int = 1
    channel_ids: list[int] | None = None
    addresses: list[Address] = field(default_factory=list)
    form_fields: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Subscriber:
    """``consents`` holds ``marketing_newsletter``, ``abandoned_cart``, both or none: the record alone is no consent."""

    id: int
    email: str
    first_name: str
    last_name: str
    source: str
    date_created: int
    date_modified: int
    order_id: int | None = None
    channel_id: int = 1
    consents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """``price`` is what one piece costs, in the currency of its cart or order."""

    product_id: int
    variant_id: int
    name: str
    sku: str
    quantity: int
    price: Decimal
    id: str | int = 0

    @property
    def total(self) -> Decimal:
        return self.price * self.quantity


@dataclass(slots=True, kw_only=True)
class Order:
    """``rate`` is what one unit of the store's currency costs in ``currency``."""

    id: int
    customer_id: int
    status_id: int
    billing: Address
    email: str
    lines: tuple[Line, ...]
    date_created: int
    date_modified: int
    currency: str
    rate: Decimal = Decimal(1)
    shipping: Decimal = NOTHING
    channel_id: int = 1
    cart_id: str | None = None
    date_shipped: int | None = None
    is_deleted: bool = False
    is_email_opt_in: bool = False
    refunded: Decimal = NOTHING

    @property
    def subtotal(self) -> Decimal:
        return sum((line.total for line in self.lines), NOTHING)

    @property
    def total(self) -> Decimal:
        return self.subtotal + self.shipping


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    id: int
    order_id: int
    created: int
    amount: Decimal
    reason: str


@dataclass(slots=True, kw_only=True)
class Cart:
    """``email`` is the billing e-mail, which also a logged-in shopper's cart has only once the checkout asked for it.

    ``changed`` is the exact moment of the last change, ``updated`` what the API shows of it.
    """

    id: str
    customer_id: int
    email: str
    currency: str
    lines: dict[str, Line]
    created: int
    updated: int
    changed: int
    token: str
    channel_id: int = 1
    version: int = 1

    @property
    def amount(self) -> Decimal:
        return sum((line.total for line in self.lines.values()), NOTHING)

    @property
    def items(self) -> int:
        return sum(line.quantity for line in self.lines.values())


@dataclass(slots=True, kw_only=True)
class Variant:
    """``price`` None: the product's price applies."""

    id: int
    product_id: int
    sku: str
    sku_id: int | None
    label: str
    price: Decimal | None = None
    stock: int = 0
    mpn: str = ""


@dataclass(slots=True, kw_only=True)
class Image:
    id: int
    file: str
    is_thumbnail: bool
    date_modified: int


@dataclass(slots=True, kw_only=True)
class Product:
    """``tracking`` none, product or variant; with none ``stock`` means nothing."""

    id: int
    name: str
    sku: str
    price: Decimal
    categories: list[int]
    date_created: int
    date_modified: int
    description: str = ""
    sale_price: Decimal = NOTHING
    tracking: str = "none"
    stock: int = 0
    is_visible: bool = True
    availability: str = "available"
    path: str = "/"
    mpn: str = ""
    option: str = "Format"
    variants: list[Variant] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)

    @property
    def calculated_price(self) -> Decimal:
        return self.sale_price or self.price

    def price_of(self, variant: Variant) -> Decimal:
        return self.calculated_price if variant.price is None else variant.price


@dataclass(slots=True, kw_only=True)
class Category:
    id: int
    name: str
    parent_id: int = 0
    is_visible: bool = True


@dataclass(slots=True, kw_only=True)
class Channel:
    id: int
    name: str
    url: str
    type: str = "storefront"
    platform: str = "bigcommerce"
    status: str = "active"
    date_created: int = 0
