"""What truly happened in the shop: written by the shoppers as they act, read by the verdict.

Times are business times in Unix milliseconds; amounts are decimal texts as the shopper saw them; customer id
0 is a guest. Nothing in here knows how the connector works.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered(Happening):
    customer_id: int
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressChanged(Happening):
    customer_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailChanged(Happening):
    customer_id: int
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerDeleted(Happening):
    customer_id: int
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberChanged(Happening):
    """Consents as they are afterwards; ``deleted`` when the record itself went."""

    subscriber_id: int
    email: str
    consents: tuple[str, ...]
    deleted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPlaced(Happening):
    """``total`` in ``currency``, ``rate`` of which one unit of the store's currency costs ('1' for the store's own)."""

    order_id: int
    customer_id: int
    email: str
    status_id: int
    total: str
    currency: str
    rate: str = "1"
    cart_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderStatusChanged(Happening):
    order_id: int
    old: int
    new: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRefunded(Happening):
    """The order's status becomes ``new`` (4 refunded or 14 partially refunded) with it."""

    order_id: int
    refund_id: int
    amount: str
    new: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CartChanged(Happening):
    """A cart with at least one item, after the change. ``email`` is empty while nobody is known."""

    cart_id: str
    customer_id: int
    email: str
    items: int
    total: str
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CartGone(Happening):
    """Emptied or deleted by the shopper."""

    cart_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CartConverted(Happening):
    cart_id: str
    order_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductEdited(Happening):
    """By the merchant: price, name, visibility or stock."""

    product_id: int


@dataclass(slots=True)
class Ledger:
    """All happenings, in the order in which they happened."""

    happenings: list[Happening] = field(default_factory=list)

    def note(self, happening: Happening) -> None:
        self.happenings.append(happening)
