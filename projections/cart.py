"""The state of one cart, and what a fetch of it shows (BigCommerce, carts v3)."""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import NamedTuple

import msgspec

from projections.identity import customer_key, guest_key, normalise
from projections.reading import digest
from projections.times import milliseconds
from schemas.facts import Cart, CartFact, CartLine
from schemas.money import SCALE


class CartState(msgspec.Struct, array_like=True):
    """``owner``: the customer it belongs to; '' while nobody is known. ``content``: digest of the lines.

    ``changed_at``: when the content last changed, Unix ms. ``live``: that was after the store went live. ``fits``: its
    value and size are worth a message. ``step``: steps of the series that are behind; ``asks``: how often the fresh
    look for the next one was asked for, ``ask_at``: when it is asked for again. ``reached``: the last step that was
    told, of the series of ``reached_at``. ``ended``: '' while it is open, else converted, deleted, emptied or expired.
    """

    store: str = ""
    fetched_at: int = -1
    version: int = 0
    owner: str = ""
    email: str = ""
    content: str = ""
    changed_at: int = 0
    channel: int = 1
    total: int = 0
    currency: str = ""
    live: bool = False
    fits: bool = False
    step: int = 0
    asks: int = 0
    ask_at: int = 0
    reached: int = 0
    reached_at: int = 0
    created_told: bool = False
    updated_minute: int = 0
    ended: str = ""
    ended_at: int = 0
    order_id: int | None = None

    @property
    def known(self) -> bool:
        return self.fetched_at >= 0

    @property
    def guest(self) -> bool:
        return "guest:" in self.owner


class Line(NamedTuple):
    """``price`` of one piece in the cart's currency, 1/10,000."""

    product_id: str
    variant_id: str
    sku: str
    name: str
    quantity: int
    price: int
    url: str
    image: str


class Look(NamedTuple):
    """A cart as one fetch shows it. ``content``: digest of products, variants and quantities, '' without any line."""

    id: str
    owner: str
    email: str
    cart: Cart
    content: str
    pieces: int
    total: int
    currency: str
    channel: int
    created_at: int
    updated_at: int
    version: int

    def lines(self) -> list[Line]:
        """Made only for who is told of them: most fetches of a cart tell nobody anything."""
        certificates = [_certificate(raw) for raw in self.cart.line_items.gift_certificates]
        return [_line(line) for line in _bought(self.cart)] + certificates


def look(fact: CartFact, cart: Cart) -> Look:
    """Raises BadRecord for times that cannot be read."""
    created_at = milliseconds(cart.created_time)
    email = normalise(cart.email) if cart.email else ""
    if cart.customer_id:
        owner = customer_key(fact.store, cart.customer_id)
    else:
        owner = guest_key(fact.store, email) if email else ""
    content, pieces = _content(cart)
    return Look(
        cart.id,
        owner,
        email,
        cart,
        content,
        pieces,
        _amount(cart.cart_amount),
        cart.currency.code or fact.store_currency,
        cart.channel_id,
        created_at,
        milliseconds(cart.updated_time) or created_at or fact.fetched_at,
        cart.version,
    )


def _bought(cart: Cart) -> list[CartLine]:
    items = cart.line_items
    return [*items.physical_items, *items.digital_items, *items.custom_items]


def _line(line: CartLine) -> Line:
    return Line(
        product_id=str(line.product_id or ""),
        variant_id=str(line.variant_id or ""),
        sku=line.sku or "",
        name=line.name,
        quantity=line.quantity,
        price=_amount(line.sale_price or line.list_price),
        url=line.url,
        image=line.image_url or "",
    )


def _certificate(raw: msgspec.Raw) -> Line:
    """A gift certificate has no product, no quantity, and an `amount`."""
    item = msgspec.json.decode(raw)
    fields = item if isinstance(item, dict) else {}
    price = _amount(fields.get("amount") or 0)
    return Line("", "", "", str(fields.get("name") or "Gift certificate"), 1, price, "", "")


def _content(cart: Cart) -> tuple[str, int]:
    """Its digest, and the number of pieces.

    Names and prices may change under a cart that nobody touched; only what has no product id goes by its name.
    """
    lines: list[tuple[str | int, ...]] = []
    count = 0
    for line in _bought(cart):
        count += line.quantity
        product, variant = line.product_id, line.variant_id or 0
        if product:
            lines.append((product, variant, "", 0, line.quantity))
        else:
            lines.append((0, variant, line.name, _amount(line.sale_price or line.list_price), line.quantity))
    for raw in cart.line_items.gift_certificates:
        certificate = _certificate(raw)
        count += 1
        lines.append((0, 0, certificate.name, certificate.price, 1))
    if len(lines) > 1:
        lines.sort()
    return digest(lines) if lines else "", count


def _amount(number: float | int | str) -> int:
    """JSON numbers of carts may carry more decimals than money has: rounded half-even."""
    if isinstance(number, int):
        return number * SCALE
    if isinstance(number, float) and -1e11 < number < 1e11:
        scaled = number * SCALE
        near = round(scaled)
        if -0.25 < scaled - near < 0.25:  # no half is anywhere near: every way of rounding says the same
            return near
    return int((Decimal(str(number)) * SCALE).to_integral_value(ROUND_HALF_EVEN))
