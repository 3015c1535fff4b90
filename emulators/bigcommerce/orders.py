"""Orders, their statuses and refunds."""

from bisect import insort
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

from emulators.bigcommerce.carts import CENT, Carts, Item
from emulators.bigcommerce.catalogue import Catalogue
from emulators.bigcommerce.events import Events, NoSuchThing
from emulators.bigcommerce.records import NOTHING, Address, Line, Order, Refund
from emulators.bigcommerce.subscribers import Subscribers
from emulators.bigcommerce.table import Table

FIRST_ORDER = 100
SHIPPED, REFUNDED, PARTIALLY_REFUNDED = 2, 4, 14


class Orders:
    def __init__(
        self,
        events: Events,
        catalogue: Catalogue,
        carts: Carts,
        subscribers: Subscribers,
        rates: Mapping[str, Decimal],
    ) -> None:
        self.table: Table[Order] = Table()
        self.refunds: dict[int, Refund] = {}
        self._events = events
        self._catalogue = catalogue
        self._carts = carts
        self._subscribers = subscribers
        self._rates = rates
        self._of_customer: dict[int, list[int]] = {}
        self._of_email: dict[str, list[int]] = {}
        self._of_cart: dict[str, list[int]] = {}
        self._refunds_of: dict[int, list[int]] = {}
        self._next_line = 1

    def load(self, order: Order) -> None:
        """Puts an order of the past in place, and tells nobody."""
        order.lines = tuple(self._numbered(line) for line in order.lines)
        self.table.add(order)
        if order.customer_id:
            self._of_customer.setdefault(order.customer_id, []).append(order.id)
        self._of_email.setdefault(order.email.lower(), []).append(order.id)
        if order.cart_id is not None:
            self._of_cart.setdefault(order.cart_id, []).append(order.id)

    def get(self, order_id: int) -> Order:
        order = self.table.get(order_id)
        if order is None:
            raise NoSuchThing(f"There is no order {order_id}.")
        return order

    def of_customer(self, customer_id: int) -> list[int]:
        return self._of_customer.get(customer_id, [])

    def of_email(self, email: str) -> list[int]:
        return self._of_email.get(email.lower(), [])

    def of_cart(self, cart_id: str) -> list[int]:
        return self._of_cart.get(cart_id, [])

    def refunds_of(self, order_id: int) -> list[Refund]:
        return [self.refunds[refund_id] for refund_id in self._refunds_of.get(order_id, [])]

    def place(
        self,
        items: Iterable[Item] = (),
        *,
        email: str,
        billing: Address,
        customer_id: int = 0,
        cart_id: str | None = None,
        status_id: int = 11,
        currency: str = "USD",
        shipping: Decimal = NOTHING,
        opt_in: bool = False,
    ) -> Order:
        """Buys ``items``, or what lies in the cart, in whose currency it is then paid; the cart is converted and gone.

        Whoever checks out gets a subscriber record, without consents unless ``opt_in``. Tracked stock goes down.
        """
        cart = None if cart_id is None else self._carts.get(cart_id)
        currency = currency if cart is None else cart.currency
        lines = [self._line(item, currency) for item in items] if cart is None else list(cart.lines.values())
        if not lines:
            raise ValueError("An order needs something to buy: give items, or a cart that has some.")
        now = self._events.second()
        order = Order(
            id=self.table.next_id(FIRST_ORDER),
            customer_id=customer_id,
            status_id=status_id,
            billing=billing,
            email=email,
            lines=tuple(lines),
            date_created=now,
            date_modified=now,
            currency=currency,
            rate=self._rates[currency],
            shipping=shipping,
            channel_id=1 if cart is None else cart.channel_id,
            cart_id=cart_id,
            is_email_opt_in=opt_in,
        )
        self.load(order)
        self._emit("created", order.id)
        if cart_id is not None:
            self._carts.convert(cart_id, order.id)
        self._subscribers.seen_at_checkout(email, billing.first_name, billing.last_name, order.id, opt_in)
        for line in lines:
            self._catalogue.sold(line.product_id, line.variant_id, line.quantity)
        return order

    def change_status(self, order_id: int, status_id: int) -> None:
        """One of 0 to 14. The same status again is no change."""
        if not 0 <= status_id <= 14:
            raise ValueError(f"{status_id} is no order status: they go from 0 to 14.")
        order = self.get(order_id)
        if order.status_id != status_id:
            self._set_status(order, status_id)
            self._changed(order)

    def refund(self, order_id: int, amount: Decimal, *, reason: str = "") -> Refund:
        """Makes the refund; the status becomes 4 when nothing is left of the order, else 14."""
        order = self.get(order_id)
        if not NOTHING < amount <= order.total - order.refunded:
            left = order.total - order.refunded
            raise ValueError(f"Order {order_id} has {left} left to refund, not {amount}: give something in between.")
        refund = Refund(
            id=len(self.refunds) + 1, order_id=order_id, created=self._events.second(), amount=amount, reason=reason
        )
        self.refunds[refund.id] = refund
        insort(self._refunds_of.setdefault(order_id, []), refund.id)
        order.refunded += amount
        data = {"type": "order", "id": order_id, "refund": {"refund_id": refund.id}}
        self._events.emit("store/order/refund/created", data)
        new = REFUNDED if order.refunded == order.total else PARTIALLY_REFUNDED
        if order.status_id != new:
            self._set_status(order, new)
        self._changed(order)
        return refund

    def assign(self, order_id: int, customer_id: int) -> None:
        """Gives a guest's order to an account."""
        order = self.get(order_id)
        if order.customer_id:
            self._of_customer[order.customer_id].remove(order_id)
        order.customer_id = customer_id
        insort(self._of_customer.setdefault(customer_id, []), order_id)
        self._changed(order)

    def archive(self, order_id: int) -> None:
        order = self.get(order_id)
        if not order.is_deleted:
            order.is_deleted = True
            self.table.touch(order, self._events.second())
            self._emit("archived", order_id)

    def _set_status(self, order: Order, status_id: int) -> None:
        pair = {"previous_status_id": order.status_id, "new_status_id": status_id}
        order.status_id = status_id
        if status_id == SHIPPED:
            order.date_shipped = self._events.second()
        self._events.emit("store/order/statusUpdated", {"type": "order", "id": order.id, "status": pair})

    def _changed(self, order: Order) -> None:
        self.table.touch(order, self._events.second())
        self._emit("updated", order.id)

    def _line(self, item: Item, currency: str) -> Line:
        product = self._catalogue.get(item.product_id)
        variant = self._catalogue.variant(item.product_id, item.variant_id)
        return Line(
            product_id=product.id,
            variant_id=variant.id,
            name=product.name,
            sku=variant.sku,
            quantity=item.quantity,
            price=(product.price_of(variant) * self._rates[currency]).quantize(CENT),
        )

    def _numbered(self, line: Line) -> Line:
        numbered = replace(line, id=self._next_line)
        self._next_line += 1
        return numbered

    def _emit(self, what: str, order_id: int) -> None:
        self._events.emit(f"store/order/{what}", {"type": "order", "id": order_id})
