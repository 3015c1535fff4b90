"""What happens to carts and to the catalogue; see tests.chaos.stories.

Of one person there is one cart at a time that is announced: of two that are due at the same moment, the one that is
heard of first would be (docs/decisions/cart-series-at-the-contact.md).
"""

import uuid
from collections.abc import Sequence
from typing import Any, Final

from projections.times import iso
from tests.chaos.shop import BEGIN, DAY, HOUR, MINUTE, SETTINGS, TICK, Row, Shop
from tests.chaos.stories import NEWSLETTER, Person, Told
from tests.projections.carts_made import EMPTY, cart, line

CONSENTS: Final = (NEWSLETTER, "abandoned_cart")
STEPS: Final = next(iter(SETTINGS.stores.values())).carts.steps
PRODUCTS, CATEGORIES = 20, 5


class _Cart:
    """One cart, opened in a day. ``customer``: who is logged in, 0 for nobody; ``email``: left at the checkout."""

    def __init__(self, one: Person, day: int, *, customer: int = 0, email: str = "") -> None:
        self.one, self.customer, self.email, self._version = one, customer, email, 0
        self.id = str(uuid.UUID(int=one.chance.getrandbits(128), version=4))
        self.created_at = self.changed_at = one.shop.moment(day, hours=(0, 6))
        self._lines = [self._line()]

    def _line(self) -> Row:
        return line(self.one.chance.randrange(1, PRODUCTS), quantity=self.one.chance.randrange(1, 4))

    def row(self, **fields: Any) -> Row:
        """As it stands; BigCommerce counts versions."""
        self._version += 1
        row = cart(*self._lines, customer=self.customer, email=self.email, changed=self.changed_at)
        currency = {"code": self.one.shop.currency}
        created = iso(self.created_at)
        return {**row, "id": self.id, "created_time": created, "currency": currency, "version": self._version, **fields}

    def opens(self) -> Told:
        """Comes with a thing in it, and has more of it an hour later."""
        yield self.changed_at, self.one.shop.cart(self.row(), self.changed_at)
        for _ in range(self.one.chance.randrange(3)):
            self.changed_at += TICK
            self._lines.append(self._line())
            yield self.changed_at, self.one.shop.cart(self.row(), self.changed_at)

    def is_looked_at(self, steps: Sequence[int], consents: tuple[str, ...], since: int) -> Told:
        """The answers to the questions for ``steps`` (indices): right after the tick that asked them."""
        for step in steps:
            due = self.changed_at + STEPS[step]
            at = due - due % TICK + TICK + self.one.chance.randrange(1, 4) * MINUTE
            found = self.one.subscriber(since, *consents) if consents else None
            yield at, self.one.shop.answer(self.row(), at, due, found, since)

    def changes(self, at: int) -> Told:
        self.changed_at = at
        self._lines.append(self._line())
        yield at, self.one.shop.cart(self.row(), at)

    def is_emptied(self, at: int) -> Told:
        self.changed_at = at
        yield at, self.one.shop.cart(self.row(line_items=EMPTY), at)


def _away_from_ticks(at: int) -> int:
    return at - at % TICK + 11 * MINUTE


def abandoner(one: Person) -> Told:
    """Subscribes on the first day, leaves a cart on the second, is asked after its steps, and ends it in some way."""
    at, fact = one.subscribes(0, *CONSENTS)
    yield at, fact
    yield one.registers()
    left = _Cart(one, 1, customer=one.number)
    yield from left.opens()
    asked = one.chance.choice(((), (0,), (0, 1), (0, 1, 2), (1,)))
    consents = () if one.chance.random() < 0.2 else CONSENTS
    yield from left.is_looked_at(asked, consents, at)
    end = _away_from_ticks(left.changed_at + (STEPS[asked[-1]] if asked else 0) + 2 * HOUR)
    match one.chance.randrange(6):
        case 0:
            yield end, one.shop.cart_deleted(left.id, end)
        case 1:
            yield from left.is_emptied(end)
        case 2:
            yield from left.changes(end)
            yield from left.is_looked_at((0,), consents, at)
        case 3 | 4:
            yield from _buys(one, left, end)
        case _:
            return  # nobody touches it again: it expires


def _buys(one: Person, left: _Cart, at: int) -> Told:
    """The order is told of in the same day; the cart hears of it at ``at``."""
    yield from one.orders((at - BEGIN) // DAY, guest=not left.customer, cart_id=left.id)
    yield at, one.shop.cart_converted(left.id, one.number * 1000, at)


def guest_cart(one: Person) -> Told:
    """Somebody without an account, who left an e-mail at the checkout: buys, or registers and logs in."""
    at, fact = one.subscribes(0, *CONSENTS)
    yield at, fact
    left = _Cart(one, 1, email=one.email)
    yield from left.opens()
    yield from left.is_looked_at((0, 1), CONSENTS, at)
    if one.chance.random() < 0.5:
        yield from _buys(one, left, _away_from_ticks(left.changed_at + 8 * HOUR))
    else:
        yield one.registers(1)
        left.customer, login = one.number, one.shop.moment(2, hours=(0, 4))
        yield login, one.shop.cart(left.row(), login)


def forgotten_cart(one: Person) -> Told:
    """Nobody's; erased, and there again under the same id a day later: it is too old to be told of."""
    left = _Cart(one, 0)
    yield from left.opens()
    at = one.shop.moment(1, hours=(20, 23))
    yield at, one.shop.tombstone("cart", left.id, at)
    yield from left.changes(_away_from_ticks(at + 4 * HOUR))


# --- the catalogue ----------------------------------------------------------------------------------------------------


def product(shop: Shop, number: int, days: int) -> Told:
    """Its price moves, it is deleted and comes again."""
    for day in range(days):
        for _ in range(shop.chance.randrange(4)):
            at = shop.moment(day)
            yield at, shop.product(_product(shop, number), at)
        if shop.chance.random() < 0.2:
            at = shop.moment(day)
            yield at, shop.tombstone("product", number, at)


def _product(shop: Shop, number: int) -> Row:
    options = [{"id": 1, "label": "Blue", "option_id": 2, "option_display_name": "Colour"}]
    return {
        "id": number,
        "name": f"Cup {number}",
        "sku": f"CUP-{number}",
        "price": shop.chance.randrange(100, 9000) / 100,
        "categories": [number % CATEGORIES],
        "inventory_level": shop.chance.randrange(20),
        "inventory_tracking": "product",
        "custom_url": {"url": f"/cup-{number}/"},
        "images": [{"url_standard": f"https://cdn.example/{number}.jpg", "is_thumbnail": True}],
        "variants": [{"id": number * 10, "sku": f"CUP-{number}-B", "option_values": options}],
    }


def category(shop: Shop, number: int, days: int) -> Told:
    for day in range(days):
        at = shop.moment(day)
        if shop.chance.random() < 0.2:
            yield at, shop.tombstone("category", number, at)
        else:
            row = {"category_id": number, "name": f"Cups {day}", "url": {"path": f"/cups-{number}/"}}
            yield at, shop.category(row, at)
