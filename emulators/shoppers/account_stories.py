"""Accounts and newsletters: moves, new e-mails, opt-ins and opt-outs, farewells; and the merchant's own work."""

from decimal import Decimal

from emulators.bigcommerce.records import Order
from emulators.shoppers.people import email_of, person
from emulators.shoppers.shop import Shop
from emulators.shoppers.stories import Chance, Story

BOTH = ("marketing_newsletter", "abandoned_cart")


def mover(shop: Shop, chance: Chance, customer_id: int, when: int) -> Story:
    yield when
    shop.move(customer_id, person(customer_id))


def renamed(shop: Shop, chance: Chance, customer_id: int, when: int) -> Story:
    """A new e-mail for an old customer, one in three of whom orders under it later."""
    yield when
    shop.change_email(customer_id, email_of(customer_id, change=1))
    if chance.of(33):
        yield shop.now() + chance.minutes(20, 120)
        shop.order(person(customer_id), [chance.item(shop)], status_id=11, customer_id=customer_id)


def farewell(shop: Shop, chance: Chance, customer_id: int, when: int, *, refund: Order | None) -> Story:
    """Deletes the account; ``refund``: an earlier order that is sent back afterwards."""
    yield when
    shop.delete_customer(customer_id)
    if refund is not None:
        yield shop.now() + chance.minutes(30, 90)
        shop.refund(refund, Decimal(1) if chance.of(50) else Decimal("0.4"))


def reader(shop: Shop, chance: Chance, email: str, when: int, *, stays: bool) -> Story:
    """Opts in, and without ``stays`` out again an hour or more later."""
    yield when
    shop.subscribe(email, BOTH if chance.of(50) else BOTH[:1])
    if not stays:
        yield shop.now() + chance.minutes(60, 240)
        shop.unsubscribe(email)


def leaver(shop: Shop, chance: Chance, email: str, when: int, *, deletes: bool) -> Story:
    """Withdraws all consents, or has the record deleted."""
    yield when
    if deletes:
        shop.delete_subscriber(email)
    else:
        shop.unsubscribe(email)


def merchant(shop: Shop, chance: Chance, product_ids: list[int], begins: int, until: int) -> Story:
    """One product after the other gets another price, a name, a rest, or is out of stock for a while."""
    for nth, product_id in enumerate(product_ids):
        yield begins + (until - begins) * (nth + 1) // (len(product_ids) + 1)
        product = shop.store.catalogue.get(product_id)
        if nth % 5 == 0:
            shop.rename(product_id, f"{product.name} (Deluxe Edition)")
        elif nth % 5 == 1:
            shop.show(product_id, not product.is_visible)
        elif nth % 5 == 2 and product.tracking != "none":
            variant = product.variants[0]
            shop.restock(product_id, variant.id, 0)
            yield shop.now() + chance.minutes(10, 20)
            shop.restock(product_id, variant.id, 120)
        else:
            shop.reprice(product_id, product.price + Decimal(chance.number(1, 6)) / 2)
