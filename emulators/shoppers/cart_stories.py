"""What becomes of carts. Every act keeps well away from the moments at which a cart of an hour, or a day, is due."""

from collections.abc import Mapping
from dataclasses import dataclass

from emulators.bigcommerce.records import Cart
from emulators.shoppers.order_stories import COURSES, SURE_TO_COUNT, course, currency_of
from emulators.shoppers.people import Person, person
from emulators.shoppers.shop import Shop
from emulators.shoppers.stories import Chance, Story

FATES = {
    "bought": 34,
    "left": 28,
    "came back and bought": 17,
    "changed after it was left": 4,
    "emptied": 6,
    "deleted": 4,
    "opted out before it was due": 4,
    "opted in before it was due": 3,
}
GUEST_FATES = {"bought": 40, "left": 40, "came back and bought": 15, "emptied": 5}

# In minutes since the cart's last change. It is due after 60, so nothing is done between 45 and 65.
SOON = (2, 40)
BEFORE_DUE = (20, 45)
AFTER_DUE = (66, 300)


@dataclass(frozen=True, slots=True)
class Shopper:
    """``customer_id`` 0: a guest, who is known only when an e-mail is given to the cart."""

    who: Person
    customer_id: int
    gives_email: bool = False


def shopper(
    shop: Shop,
    chance: Chance,
    customer_id: int,
    when: int,
    fate: str,
    *,
    guest_number: int = 0,
    gives_email: bool = False,
) -> Story:
    who = Shopper(person(customer_id or guest_number), customer_id, gives_email)
    yield when
    items = [chance.item(shop) for _ in range(chance.number(1, 2))]
    cart = shop.fill_cart(items, customer_id, currency_of(shop, who.who, chance))
    if gives_email:
        yield from _tell_email(shop, chance, cart, who)
    yield from _changes(shop, chance, cart, chance.number(1, 4))
    yield from _end(shop, chance, cart, who, fate)


def _tell_email(shop: Shop, chance: Chance, cart: Cart, who: Shopper) -> Story:
    """At the checkout; two of three guests tick the box for reminders there."""
    yield shop.now() + chance.minutes(1, 10)
    shop.give_email(cart, who.who.email)
    if not who.customer_id and chance.of(66):
        shop.subscribe(who.who.email, ("abandoned_cart",))


def _changes(shop: Shop, chance: Chance, cart: Cart, times: int) -> Story:
    for _ in range(times):
        yield shop.now() + chance.minutes(1, 20)
        _change(shop, chance, cart)


def _change(shop: Shop, chance: Chance, cart: Cart) -> None:
    lines = list(cart.lines)
    if len(lines) > 1 and chance.of(20):
        shop.set_quantity(cart, lines[0], 0)
    elif chance.of(35):
        shop.set_quantity(cart, lines[-1], cart.lines[lines[-1]].quantity + 1)
    else:
        shop.add(cart, chance.item(shop))


def _end(shop: Shop, chance: Chance, cart: Cart, who: Shopper, fate: str) -> Story:
    if fate == "bought":
        yield shop.now() + chance.minutes(*SOON)
        yield from _buy(shop, chance, cart, who)
    elif fate == "came back and bought":
        yield shop.now() + chance.minutes(*AFTER_DUE)
        yield from _buy(shop, chance, cart, who)
    elif fate == "changed after it was left":
        yield shop.now() + chance.minutes(*AFTER_DUE)
        _change(shop, chance, cart)
        if chance.of(50):
            yield shop.now() + chance.minutes(*SOON)
            yield from _buy(shop, chance, cart, who)
    elif fate == "emptied":
        yield shop.now() + chance.minutes(*SOON)
        shop.empty(cart)
    elif fate == "deleted":
        yield shop.now() + chance.minutes(*SOON)
        shop.delete_cart(cart)
    elif fate == "opted out before it was due":
        yield shop.now() + chance.minutes(*BEFORE_DUE)
        shop.unsubscribe(who.who.email)
    elif fate == "opted in before it was due":
        yield shop.now() + chance.minutes(*BEFORE_DUE)
        shop.subscribe(who.who.email, ("marketing_newsletter", "abandoned_cart"))


def _buy(shop: Shop, chance: Chance, cart: Cart, who: Shopper) -> Story:
    """Through a course that counts soon, so that a series that was started is surely ended by it."""
    if not cart.email:
        # The checkout asks everybody for an e-mail, a minute before the order.
        shop.give_email(cart, who.who.email)
        yield shop.now() + chance.minutes(0.5, 1.5)
    name = chance.pick(SURE_TO_COUNT)
    order = shop.order(who.who, cart, status_id=COURSES[name][0], customer_id=who.customer_id)
    yield from course(shop, chance, order, name)


def fates(chance: Chance, count: int, weights: Mapping[str, int]) -> list[str]:
    """``count`` fates, each at least once when there is room, in a random order."""
    chosen = list(weights)[:count] + [chance.pick(dict(weights)) for _ in range(count - len(weights))]
    return [chosen[place] for place in chance.shuffled(range(len(chosen)))]
