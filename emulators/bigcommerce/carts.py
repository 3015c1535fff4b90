"""Open carts. A cart that was converted, emptied or deleted is gone: there is no list of carts, and no archive."""

import random
import uuid
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from emulators.bigcommerce.catalogue import Catalogue
from emulators.bigcommerce.events import Events, NoSuchThing
from emulators.bigcommerce.records import Cart, Line

ABANDONED_AFTER = 3_600_000
CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Item:
    product_id: int
    variant_id: int
    quantity: int = 1


class Carts:
    """``rates``: what one unit of the store's currency costs in each currency."""

    def __init__(
        self, events: Events, catalogue: Catalogue, rates: Mapping[str, Decimal], random_: random.Random
    ) -> None:
        self.open: dict[str, Cart] = {}
        self._events = events
        self._catalogue = catalogue
        self._rates = rates
        self._random = random_
        self._quiet: deque[tuple[int, str, int]] = deque()

    def get(self, cart_id: str) -> Cart:
        cart = self.open.get(cart_id)
        if cart is None:
            raise NoSuchThing(f"There is no open cart {cart_id}: it never was, or is converted, emptied or deleted.")
        return cart

    def create(
        self,
        items: Iterable[Item],
        *,
        customer_id: int = 0,
        currency: str = "USD",
        email: str = "",
        channel_id: int = 1,
    ) -> Cart:
        if currency not in self._rates:
            raise ValueError(f"The store has no rate for {currency}: it knows {', '.join(sorted(self._rates))}.")
        cart = Cart(
            id=self._uuid(),
            customer_id=customer_id,
            email=email,
            currency=currency,
            lines={},
            created=self._events.second(),
            updated=self._events.second(),
            changed=self._events.now(),
            token=f"{self._random.getrandbits(128):032x}",
            channel_id=channel_id,
        )
        lines = [self._line(item, currency) for item in items]
        cart.lines = {str(line.id): line for line in lines}
        if not lines:
            raise ValueError("A cart begins with an item: give at least one.")
        self.open[cart.id] = cart
        self._emit("created", cart.id)
        self._watch(cart)
        self._emit("updated", cart.id)
        for line in lines:
            self._emit_line("created", cart.id, str(line.id))
        return cart

    def add(self, cart_id: str, item: Item) -> Line:
        """Always a line of its own."""
        cart = self.get(cart_id)
        line = self._line(item, cart.currency)
        cart.lines[str(line.id)] = line
        self._changed(cart)
        self._emit_line("created", cart_id, str(line.id))
        return line

    def set_quantity(self, cart_id: str, line_id: str, quantity: int) -> None:
        """0 removes the line, and with the last one the cart goes."""
        cart = self.get(cart_id)
        if quantity:
            cart.lines[line_id] = replace(cart.lines[line_id], quantity=quantity)
        else:
            del cart.lines[line_id]
        self._changed(cart)
        self._emit_line("updated" if quantity else "deleted", cart_id, line_id)
        if not cart.lines:
            self.delete(cart_id)

    def empty(self, cart_id: str) -> None:
        """Removes line after line, as a shopper does."""
        for line_id in list(self.get(cart_id).lines):
            self.set_quantity(cart_id, line_id, 0)

    def set_email(self, cart_id: str, email: str) -> None:
        cart = self.get(cart_id)
        if cart.email != email:
            cart.email = email
            self._changed(cart)

    def sign_in(self, cart_id: str, customer_id: int) -> None:
        cart = self.get(cart_id)
        if cart.customer_id != customer_id:
            cart.customer_id = customer_id
            self._changed(cart)

    def delete(self, cart_id: str) -> None:
        self.get(cart_id)
        del self.open[cart_id]
        self._emit("deleted", cart_id)

    def convert(self, cart_id: str, order_id: int) -> Cart:
        cart = self.get(cart_id)
        del self.open[cart_id]
        self._events.emit("store/cart/converted", {"type": "cart", "id": cart_id, "orderId": order_id})
        return cart

    def next_abandonment(self) -> int | None:
        """When the next of the open carts will have been left alone for an hour, if nobody changes it before."""
        while self._quiet and not self._is_current(*self._quiet[0]):
            self._quiet.popleft()
        return self._quiet[0][0] if self._quiet else None

    def abandon_due(self) -> None:
        """Fires ``cart/abandoned`` for those left alone for an hour by now, once per change."""
        while (when := self.next_abandonment()) is not None and when <= self._events.now():
            cart = self.open[self._quiet.popleft()[1]]
            self._events.emit("store/cart/abandoned", {"type": "cart", "id": cart.id, "token": cart.token})

    def _is_current(self, when: int, cart_id: str, version: int) -> bool:
        cart = self.open.get(cart_id)
        return cart is not None and cart.version == version

    def _line(self, item: Item, currency: str) -> Line:
        product = self._catalogue.get(item.product_id)
        variant = self._catalogue.variant(item.product_id, item.variant_id)
        price = product.price_of(variant) * self._rates[currency]
        return Line(
            id=self._uuid(),
            product_id=product.id,
            variant_id=variant.id,
            name=product.name,
            sku=variant.sku,
            quantity=item.quantity,
            price=price.quantize(CENT),
        )

    def _changed(self, cart: Cart) -> None:
        cart.version += 1
        cart.updated, cart.changed = self._events.second(), self._events.now()
        self._watch(cart)
        self._emit("updated", cart.id)

    def _watch(self, cart: Cart) -> None:
        # A change is never earlier than the one before it, so the queue is in the order of the due times.
        self._quiet.append((cart.changed + ABANDONED_AFTER, cart.id, cart.version))

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def _emit(self, what: str, cart_id: str) -> None:
        self._events.emit(f"store/cart/{what}", {"type": "cart", "id": cart_id})

    def _emit_line(self, what: str, cart_id: str, line_id: str) -> None:
        data = {"type": "cart_line_item", "id": line_id, "cartId": cart_id}
        self._events.emit(f"store/cart/lineItem/{what}", data)
