"""Which cart messages are due, decided moment by moment.

A step is due when the cart has stood still for its age. It is told if at that moment the cart has items (enough of
them, of enough value), is not older than ``max_age``, its shopper is known, is a contact, was not deleted and
consents to ``abandoned_cart``. Only changed content (items, total, currency) is a change; an e-mail given or a sign-in
is none. A change begins the steps anew, so the first may be told again (``Rules.steps_begin_anew``; without it each
step of a cart is told at most once).

**One series at a time.** The first step that is told starts the cart's series. From then on until its last step was
told no step of another cart of the same contact is told: one that falls due meanwhile is not made up for
afterwards, since it would come at a wrong age and perhaps right after a purchase; the other cart's later steps are
told if they fall due when nothing stands in their way. Of steps due in the same millisecond the one with the
smaller cart id comes first. When two contacts with series become one, only the series that started first tells
further steps. A cart belongs to the contact of its shopper as it is now.

The series ends when the cart is ordered, emptied or deleted, is ``max_age`` old, or its shopper withdraws the
consent, has none at a new address, or is deleted; a consent given again does not revive it. A change of the cart
does not end it, and neither does an order of something else. Until it ends, also after its last step, the contact
is in the list ``abandoned_cart``, and an order of the cart is told as ``cart_recovered``: the order with the cart's
id when it is not Incomplete (any more), or the conversion of the cart.
"""

import heapq
from dataclasses import dataclass, field
from decimal import Decimal

from emulators.ledger import CartChanged
from emulators.verdict.people import Book, Person, normalised
from emulators.verdict.rules import Rules

CART_CONSENT = "abandoned_cart"


@dataclass
class Cart:
    id: str
    customer_id: int
    email: str
    items: int
    total: Decimal
    currency: str
    changed_at: int
    open: bool = True
    told: set[int] = field(default_factory=set)
    last_told: int = 0
    running_since: int | None = None

    @property
    def content(self) -> tuple[int, Decimal, str]:
        return self.items, self.total, self.currency


class Carts:
    def __init__(self, rules: Rules, book: Book, people: dict[int, Person]) -> None:
        self.carts: dict[str, Cart] = {}
        self._rules = rules
        self._book = book
        self._people = people
        self._due: list[tuple[int, str, int, int]] = []
        self._running: dict[str, Cart] = {}

    def change(self, happening: CartChanged) -> None:
        cart = Cart(
            happening.cart_id,
            happening.customer_id,
            normalised(happening.email),
            happening.items,
            Decimal(happening.total),
            happening.currency,
            happening.at,
        )
        before = self.carts.get(cart.id)
        self.carts[cart.id] = cart
        if before is not None:
            cart.running_since, cart.last_told = before.running_since, before.last_told
            changed = not before.open or before.content != cart.content
            cart.told = set() if changed and self._rules.steps_begin_anew else before.told
            if cart.running_since is not None:
                self._running[cart.id] = cart
            if not changed:
                cart.changed_at = before.changed_at
                return
        for step, age in enumerate(self._rules.steps, 1):
            heapq.heappush(self._due, (cart.changed_at + age, cart.id, step, cart.changed_at))

    def next_due(self, before: int) -> tuple[int, Cart, int] | None:
        """The next (moment, cart, step) before a moment, of a cart that has not changed since."""
        while self._due and self._due[0][0] < before:
            at, cart_id, step, changed_at = heapq.heappop(self._due)
            cart = self.carts[cart_id]
            if cart.open and cart.changed_at == changed_at and step not in cart.told:
                return at, cart, step
        return None

    def may_tell(self, cart: Cart, at: int) -> bool:
        """Whether a step of this cart that is due now is told."""
        shopper = self.shopper(cart)
        return (
            cart.items >= self._rules.min_items
            and cart.total >= self._rules.min_value
            and at - cart.changed_at < self._rules.max_age
            and self._may_be_written_to(cart, at)
            and not any(
                other is not cart and self.shopper(other) == shopper and self._goes_before(other, cart)
                for other in self._running.values()
            )
        )

    def tell(self, cart: Cart, step: int, at: int) -> None:
        cart.told.add(step)
        cart.last_told = step
        if cart.running_since is None:
            cart.running_since = at
            self._running[cart.id] = cart

    def end(self, cart: Cart) -> bool:
        """Ends the cart; whether a series was running."""
        cart.open = False
        return self._stop(cart)

    def stop_series(self, at: int) -> None:
        """Ends the series that have no right to go on: too old, or nobody who may be written to."""
        for cart in list(self._running.values()):
            if at - cart.changed_at >= self._rules.max_age or not self._may_be_written_to(cart, at):
                self._stop(cart)

    def running(self) -> set[str]:
        """The contacts that are in a series."""
        return {self.shopper(cart) for cart in self._running.values()}

    def of(self, email: str) -> set[str]:
        """The ids of the carts of a contact."""
        return {cart.id for cart in self.carts.values() if self.shopper(cart) == email}

    def shopper(self, cart: Cart) -> str:
        """The e-mail of the contact to which the cart belongs; empty while nobody is known."""
        person = self._people.get(cart.customer_id)
        return person.email if person else cart.email

    def _may_be_written_to(self, cart: Cart, at: int) -> bool:
        email, person = self.shopper(cart), self._people.get(cart.customer_id)
        if email not in self._book.contacts or (person and person.deleted):
            return False
        if at >= self._rules.brevo_opt_outs.get(email, at + 1):
            return False
        consents = self._book.consents(email)
        return CART_CONSENT in consents if self._rules.require_consent else bool(consents)

    def _goes_before(self, other: Cart, cart: Cart) -> bool:
        if other.last_told >= len(self._rules.steps):
            return False
        return cart.running_since is None or (other.running_since or 0, other.id) < (cart.running_since, cart.id)

    def _stop(self, cart: Cart) -> bool:
        cart.running_since = None
        return self._running.pop(cart.id, None) is not None
