"""The plain loop: history, then every happening in its order, with the carts' due moments between them."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal

from emulators.ledger import (
    AddressChanged,
    CartChanged,
    CartConverted,
    CartGone,
    CustomerDeleted,
    EmailChanged,
    Happening,
    Ledger,
    OrderPlaced,
    OrderRefunded,
    OrderStatusChanged,
    ProductEdited,
    Registered,
    SubscriberChanged,
)
from emulators.verdict.carts import Cart, Carts
from emulators.verdict.expected import Due, Expected, Key, Owed
from emulators.verdict.orders import COMPLETED, INCOMPLETE, Order
from emulators.verdict.people import PURPOSES, Book, Person, is_address, normalised
from emulators.verdict.purchases import Customer, Purchase, Subscriber
from emulators.verdict.rules import Rules


class Story:
    """``seen``: the events that Brevo was told, for the steps in doubt."""

    def __init__(
        self,
        customers: Mapping[int, Customer],
        subscribers: Mapping[int, Subscriber],
        rules: Rules,
        seen: Counter[Key],
    ) -> None:
        self.people: dict[int, Person] = {}
        self.orders: dict[int | str, Order] = {}
        self.book = Book(rules.settling)
        self.carts = Carts(rules, self.book, self.people)
        self.expected = Expected()
        self._rules = rules
        self._seen = seen
        self._subscribers: dict[int, tuple[str, set[str]]] = {}
        self._happenings: list[Happening] = []
        self._owed: list[Owed] = []
        for number, customer in customers.items():
            self._register(number, customer.email, customer.created_at)
        for number, record in subscribers.items():
            self._subscribe(number, record.email, set(record.consents), record.since)

    def tell(self, purchases: Iterable[Purchase], ledger: Ledger) -> None:
        for number, purchase in enumerate(purchases):
            if purchase.customer_id not in self.people:
                raise ValueError(f"A purchase is of customer {purchase.customer_id}, who is not among the customers.")
            order = Order(purchase.customer_id, "", COMPLETED, purchase.total, told=True, historic=True)
            self.orders[f"historic {number}" if purchase.order_id is None else purchase.order_id] = order
        self._happenings = sorted(ledger.happenings, key=lambda happening: happening.at)
        for happening in self._happenings:
            self._until(happening.at)
            self.carts.stop_series(happening.at)
            self._take(happening)
            self.carts.stop_series(happening.at)
        self._until(self._rules.end + 1)
        self.carts.stop_series(self._rules.end)
        for owed in self._owed:
            person = self.people.get(owed.customer_id)
            addresses = person.emails_since(owed.at) if person else {owed.email}
            statuses = set(owed.order.statuses[owed.nth_status :]) if owed.order else set[int]()
            self.expected.events[owed.key].append(Due(addresses, statuses))

    def _until(self, moment: int) -> None:
        """Carts that are due before a moment: what happens in the same millisecond comes before the step."""
        while due := self.carts.next_due(moment):
            at, cart, step = due
            self.carts.stop_series(at)
            told = self.carts.may_tell(cart, at)
            key = ("cart_abandoned", cart.id, str(step))
            if self._is_doubtful(cart, at):
                self.expected.in_doubt += 1
                told = self._seen[key] > sum(owed.key == key for owed in self._owed)
            if told:
                self.carts.tell(cart, step, at)
                self._owe(Owed(key, cart.customer_id, cart.email, at), ("cart", cart.id))

    def _is_doubtful(self, cart: Cart, at: int) -> bool:
        first = bisect_right(self._happenings, at, key=lambda happening: happening.at)
        email = self.carts.shopper(cart)
        for happening in self._happenings[first:]:
            if happening.at > at + self._rules.grace:
                return False
            if _touches(happening, cart.customer_id, email, self.carts.of(email) | {cart.id}):
                return True
        return False

    def _take(self, happening: Happening) -> None:
        at = happening.at
        match happening:
            case Registered(customer_id=number, email=email):
                self._register(number, email, at)
            case EmailChanged(customer_id=number, new=new):
                self._change_email(number, normalised(new), at)
            case CustomerDeleted(customer_id=number):
                self._person(number).deleted = True
            case SubscriberChanged(subscriber_id=number, email=email):
                self._subscribe(number, email, set() if happening.deleted else set(happening.consents), at)
            case OrderPlaced():
                self._place(happening)
            case OrderStatusChanged(order_id=number, old=old, new=new):
                self._change_status(number, old, new, at)
            case OrderRefunded(order_id=number, amount=amount):
                order = self._order(number)
                order.refunds.append(Decimal(amount))
                order.become(happening.new)
                self._enter(number, order, at)
                self._owe_order(("order_refunded", str(number), str(happening.refund_id)), order, at)
            case CartChanged():
                self.carts.change(happening)
            case CartGone(cart_id=cart_id):
                if cart_id in self.carts.carts:
                    self.carts.end(self.carts.carts[cart_id])
            case CartConverted(cart_id=cart_id, order_id=number):
                self._convert(cart_id, number, at)
            case AddressChanged() | ProductEdited():
                pass
            case _:
                raise ValueError(f"The ledger holds a {type(happening).__name__}, of which the judge knows nothing.")

    def _register(self, number: int, email: str, at: int) -> None:
        self.people[number] = Person(at, [(at, normalised(email))])
        self.book.gain(normalised(email), ("customer", number), at)

    def _change_email(self, number: int, new: str, at: int) -> None:
        person = self._person(number)
        if new != person.email:
            self.book.move(person.email, new, ("customer", number), at)
            person.addresses.append((at, new))

    def _subscribe(self, number: int, address: str, consents: set[str], at: int) -> None:
        email, after = normalised(address), consents & set(PURPOSES)
        before_email, before = self._subscribers.get(number, (email, set()))
        reason = ("subscriber", number)
        if before_email != email and before:
            self.book.move(before_email, email, reason, at)
            self.book.record_left(before_email, before)
        self.book.record_changed(email, before, after, at)
        if after:
            self.book.gain(email, reason, at)
        else:
            self.book.lose(email, reason, at)
        self._subscribers[number] = (email, after)

    def _place(self, happening: OrderPlaced) -> None:
        order = Order(
            happening.customer_id,
            normalised(happening.email),
            happening.status_id,
            Decimal(happening.total),
            Decimal(happening.rate),
            happening.cart_id,
        )
        if order.customer_id:
            self._person(order.customer_id)
        order.statuses.append(order.status)
        self.orders[happening.order_id] = order
        self._enter(happening.order_id, order, happening.at)

    def _change_status(self, number: int, old: int, new: int, at: int) -> None:
        order = self._order(number)
        if order.status != old and not order.historic:
            raise ValueError(f"The ledger changes order {number} from status {old}, but it had {order.status}.")
        order.become(new)
        if not self._enter(number, order, at) and order.told:
            key = ("order_status_changed", str(number), str(old))
            self._owe_order(key, order, at, ("order", str(number)))

    def _enter(self, number: int, order: Order, at: int) -> bool:
        """What a status brings about; whether the order is placed with it."""
        if order.status != INCOMPLETE:
            if not order.customer_id and is_address(order.email):
                self.book.gain(order.email, ("guest", number), at)
            if order.cart_id is not None:
                self._convert(order.cart_id, number, at)
        if order.told or not order.counted:
            return False
        order.told = True
        self._owe_order(("order_placed", str(number)), order, at, ("order", str(number)))
        return True

    def _convert(self, cart_id: str, number: int, at: int) -> None:
        cart = self.carts.carts.get(cart_id)
        if cart is not None and cart.open and self.carts.end(cart):
            key = ("cart_recovered", cart_id, str(number))
            self._owe(Owed(key, cart.customer_id, cart.email, at), ("cart", cart_id))

    def _owe_order(self, key: Key, order: Order, at: int, subject: Key | None = None) -> None:
        if order.customer_id or is_address(order.email):
            self._owe(Owed(key, order.customer_id, order.email, at, order, len(order.statuses) - 1), subject)

    def _owe(self, owed: Owed, subject: Key | None) -> None:
        if owed.at < self._rules.live_since:
            return
        self._owed.append(owed)
        if subject is not None:
            self.expected.sequences[subject].append(owed.key)

    def _person(self, number: int) -> Person:
        if number not in self.people:
            raise ValueError(f"The ledger speaks of customer {number}, who never registered.")
        return self.people[number]

    def _order(self, number: int) -> Order:
        if number not in self.orders:
            raise ValueError(f"The ledger speaks of order {number}, which was never placed.")
        return self.orders[number]


def _touches(happening: Happening, customer_id: int, email: str, cart_ids: set[str]) -> bool:
    """Whether it may change what is decided about a cart of this shopper."""
    match happening:
        case CartChanged(cart_id=cart_id) | CartGone(cart_id=cart_id) | CartConverted(cart_id=cart_id):
            return cart_id in cart_ids
        case OrderPlaced():
            return happening.cart_id in cart_ids
        case EmailChanged(old=old, new=new):
            return email in (normalised(old), normalised(new))
        case SubscriberChanged(email=other) | CustomerDeleted(email=other) | Registered(email=other):
            return normalised(other) == email
    return False
