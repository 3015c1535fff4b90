"""What becomes of orders after the checkout, and who orders without a cart."""

from decimal import Decimal

from emulators.bigcommerce.records import Order
from emulators.shoppers.people import Person, person
from emulators.shoppers.shop import Shop
from emulators.shoppers.stories import Chance, Story

# Status at the checkout, then (least minutes, most minutes, next status).
COURSES: dict[str, tuple[int, tuple[tuple[float, float, int], ...]]] = {
    "paid at once": (11, ((60, 240, 2), (120, 480, 10))),
    "through the payment page": (0, ((0.3, 1.5, 11), (60, 240, 2), (120, 480, 10))),
    "on invoice": (7, ((60, 180, 11), (60, 240, 2))),
    "pending": (1, ((10, 30, 11), (60, 240, 2))),
    "declined": (0, ((0.3, 1.5, 6),)),
    "cancelled": (11, ((20, 120, 5),)),
    "checked by hand": (12, ((30, 90, 11), (60, 120, 9), (30, 90, 2))),
    "disputed": (11, ((60, 120, 2), (120, 300, 13))),
    "never paid": (0, ()),
}
WEIGHTS = {
    "paid at once": 18,
    "through the payment page": 48,
    "on invoice": 11,
    "pending": 4,
    "declined": 6,
    "cancelled": 5,
    "checked by hand": 3,
    "disputed": 2,
    "never paid": 3,
}
SURE_TO_COUNT = {"paid at once": 1, "through the payment page": 3}
"""Courses that reach a counted status within two minutes, for orders on which something else depends."""

REFUND_EVERY = 16
"""Every 16th order is sent back; those near the day's end are not any more, so that some 5 of 100 are refunded."""


def course(shop: Shop, chance: Chance, order: Order, name: str) -> Story:
    """From the checkout on. One of ``REFUND_EVERY`` is refunded after it was shipped, in full or twice in part."""
    steps = COURSES[name][1]
    sent_back = order.id % REFUND_EVERY == 5 and any(status == 2 for _, _, status in steps)
    for least, most, status in steps:
        yield shop.now() + chance.minutes(least, most)
        shop.set_status(order, status)
        if sent_back and status == 2:
            yield from _sent_back(shop, chance, order)
            return


def _sent_back(shop: Shop, chance: Chance, order: Order) -> Story:
    yield shop.now() + chance.minutes(30, 120)
    if chance.of(50):
        shop.refund(order, Decimal(1))
        return
    shop.refund(order, Decimal(chance.number(20, 60)) / 100)
    if chance.of(30):
        yield shop.now() + chance.minutes(30, 90)
        shop.refund(order, Decimal(1))


def currency_of(shop: Shop, who: Person, chance: Chance) -> str:
    """Most German shoppers pay in euros, if the store takes them."""
    return "EUR" if who.country_code == "DE" and "EUR" in shop.store.rates and chance.of(70) else "USD"


def buyer(shop: Shop, chance: Chance, customer_id: int, when: int) -> Story:
    """A customer who orders without a cart of ours, one in five twice."""
    who = person(customer_id)
    for nth in range(2 if chance.of(20) else 1):
        yield when if not nth else shop.now() + chance.minutes(30, 240)
        name = chance.pick(WEIGHTS)
        items = [chance.item(shop) for _ in range(chance.number(1, 3))]
        currency = currency_of(shop, who, chance)
        order = shop.order(who, items, status_id=COURSES[name][0], customer_id=customer_id, currency=currency)
        yield from course(shop, chance, order, name)


def guest(shop: Shop, chance: Chance, number: int, when: int, *, registers: bool) -> Story:
    """Somebody without an account; ``registers``: who makes one later with the same e-mail."""
    who = person(number)
    yield when
    name = chance.pick(SURE_TO_COUNT if registers else WEIGHTS)
    items = [chance.item(shop) for _ in range(chance.number(1, 2))]
    currency = currency_of(shop, who, chance)
    order = shop.order(who, items, status_id=COURSES[name][0], currency=currency, opt_in=chance.of(15))
    if not registers:
        yield from course(shop, chance, order, name)
        return
    if order.status_id == 0:
        yield shop.now() + chance.minutes(0.3, 1.5)
        shop.set_status(order, 11)
    yield shop.now() + chance.minutes(30, 180)
    customer = shop.register(who)
    if chance.of(50):
        yield shop.now() + chance.minutes(10, 60)
        again = shop.order(who, [chance.item(shop)], status_id=11, customer_id=customer.id, currency=currency)
        yield from course(shop, chance, again, "paid at once")


def newcomer(shop: Shop, chance: Chance, number: int, when: int) -> Story:
    """Registers, one in three with the newsletter, and one in three orders soon."""
    who = person(number)
    yield when
    customer = shop.register(who)
    if chance.of(35):
        yield shop.now() + chance.minutes(6, 12)
        shop.subscribe(who.email, ("marketing_newsletter", *(("abandoned_cart",) if chance.of(50) else ())))
    if chance.of(35):
        yield shop.now() + chance.minutes(10, 90)
        name = chance.pick(WEIGHTS)
        items, currency = [chance.item(shop)], currency_of(shop, who, chance)
        order = shop.order(who, items, status_id=COURSES[name][0], customer_id=customer.id, currency=currency)
        yield from course(shop, chance, order, name)


def late_rush(shop: Shop, chance: Chance, buyers: list[int], when: int, every: int, enough: "Enough") -> Story:
    """Small orders one after the other until enough has happened on this day."""
    for customer_id in buyers:
        yield when
        if enough():
            return
        order = shop.order(person(customer_id), [chance.item(shop)], status_id=7, customer_id=customer_id)
        yield when + every // 2
        shop.set_status(order, 11)
        when += every


class Enough:
    """Counts what the store tells the world of the scopes that a connector listens to."""

    def __init__(self, shop: Shop, wanted: int) -> None:
        self.told = 0
        self._wanted = wanted
        self._listeners = shop.store.events.listeners
        self._listeners.append(self._heard)

    def stop(self) -> None:
        self._listeners.remove(self._heard)

    def _heard(self, scope: str, data: object) -> None:
        self.told += scope in LISTENED

    def __call__(self) -> bool:
        return self.told >= self._wanted


LISTENED = frozenset(
    f"store/{group}/{what}"
    for group, whats in {
        "cart": ("created", "updated", "deleted", "abandoned", "converted"),
        "customer": ("created", "updated", "deleted"),
        "customer/address": ("created", "updated"),
        "order": ("created", "updated", "statusUpdated"),
        "order/refund": ("created",),
        "product": ("updated",),
        "subscriber": ("created", "updated", "deleted"),
    }.items()
    for what in whats
)
