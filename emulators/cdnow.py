"""Eighteen months of a real record shop: the purchases of the customers who first bought at CDNOW early in 1997.

The files lie in the package ``lifetimes`` (Fader and Hardie's data set); it is found but not imported, since its own
dependencies are not installed. Names, e-mails, addresses, phones and what was in the boxes are made up.
"""

import importlib.util
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from emulators.bigcommerce.orders import FIRST_ORDER
from emulators.bigcommerce.records import Customer, Line, Order, Product, Subscriber
from emulators.bigcommerce.store import Store
from emulators.bigcommerce.subscribers import ABANDONED_CART, NEWSLETTER
from emulators.shoppers.assortment import FIRST_PRODUCT, stock_up
from emulators.shoppers.people import Person, person

SAMPLE, MASTER = "CDNOW_sample.txt", "CDNOW_master.txt"
DAY = 86_400_000
OPENED = int(datetime(1996, 12, 1, tzinfo=UTC).timestamp()) * 1000
END = int(datetime(1998, 7, 1, tzinfo=UTC).timestamp()) * 1000
"""The midnight after the last day of the files, Unix ms: a live day may begin here."""

CENT = Decimal("0.01")
# What a subscriber record of the past says, by the last digit of the customer id; None: there is no record.
CONSENTS: tuple[tuple[str, ...] | None, ...] = (
    *((NEWSLETTER, ABANDONED_CART),) * 5,
    (NEWSLETTER,),
    (ABANDONED_CART,),
    (),
    None,
    None,
)


class NoPurchases(RuntimeError):
    """The data files cannot be read."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """``at`` is Unix ms; the file knows the day only, the time in it is made up. ``customer_id`` is the master id."""

    customer_id: int
    at: int
    quantity: int
    dollars: Decimal


def data_file(name: str) -> Path:
    """Raises ``NoPurchases`` when the package or the file is missing."""
    found = importlib.util.find_spec("lifetimes")
    places = [] if found is None else list(found.submodule_search_locations or [])
    for place in places:
        if (path := Path(place) / "datasets" / name).is_file():
            return path
    where = places[0] if places else "it is not installed"
    raise NoPurchases(
        f"{name} is not in the package 'lifetimes' of this Python ({where}):"
        " install it with 'pip install --no-deps lifetimes==0.11.3'."
    )


def purchases(*, full: bool = False) -> list[Purchase]:
    """In the order in which they happened: 6,919 of 2,357 customers, or with ``full`` 69,659 of 23,570.

    Purchases of 0.00 dollars are part of the data. Raises ``NoPurchases`` for a line that is not one.
    """
    path = data_file(MASTER if full else SAMPLE)
    seen: dict[int, int] = {}
    found = []
    for number, line in enumerate(path.read_text(encoding="ascii").splitlines(), 1):
        if full and number == 1:
            continue
        try:
            customer, *_, day, quantity, dollars = line.split()
            customer_id, nth = int(customer), seen.get(int(customer), 0)
            moment = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC)
            at = int(moment.timestamp()) * 1000 + _time_of_day(customer_id, nth)
            found.append(Purchase(customer_id, at, int(quantity), Decimal(dollars)))
        except (ValueError, ArithmeticError):
            raise NoPurchases(
                f"Line {number} of {path} is '{line}', not '<id> [<sample id>] <yyyymmdd> <quantity> <dollars>':"
                " reinstall the package 'lifetimes'."
            ) from None
        seen[customer_id] = nth + 1
    return sorted(found, key=lambda purchase: (purchase.at, purchase.customer_id))


def _time_of_day(customer_id: int, nth: int) -> int:
    """Between 8:00 and 21:53, later for a customer's later purchases of one day, if there are several."""
    return (28_800 + (customer_id * 7919) % 49_000 + nth % 1000) * 1000


def fill(store: Store, *, full: bool = False) -> None:
    """Stocks the store with its past: customers, catalogue, orders (all completed or shipped) and subscribers."""
    stock_up(store, OPENED)
    products = list(store.catalogue.products)
    known: dict[int, Person] = {}
    for number, purchase in enumerate(purchases(full=full)):
        if purchase.customer_id not in known:
            known[purchase.customer_id] = _settle(store, purchase)
        store.orders.load(_order(FIRST_ORDER + number, purchase, known[purchase.customer_id], products))


def _settle(store: Store, first: Purchase) -> Person:
    """Makes the customer, who registered ten minutes before the first purchase, and its subscriber record."""
    who, since = person(first.customer_id), first.at - 600_000
    customer = Customer(
        id=who.number,
        email=who.email,
        first_name=who.first_name,
        last_name=who.last_name,
        phone=who.phone,
        date_created=since,
        date_modified=since,
        customer_group_id=1 if who.number % 25 == 0 else 0,
        addresses=[who.address()],
    )
    store.customers.load(customer)
    consents = CONSENTS[who.number % 10]
    if consents is not None:
        store.subscribers.load(
            Subscriber(
                id=store.subscribers.table.next_id(),
                email=who.email,
                first_name=who.first_name,
                last_name=who.last_name,
                source="storefront" if consents else "order",
                date_created=since,
                date_modified=since,
                consents=consents,
            )
        )
    return who


def _order(order_id: int, purchase: Purchase, who: Person, products: list[Product]) -> Order:
    changed = min(purchase.at + 4 * DAY, END - 1000)
    return Order(
        id=order_id,
        customer_id=who.number,
        status_id=2 if order_id % 8 == 0 else 10,
        billing=who.address(),
        email=who.email,
        lines=_lines(purchase, products),
        date_created=purchase.at,
        date_modified=changed,
        currency="USD",
        date_shipped=changed,
    )


def _lines(purchase: Purchase, products: list[Product]) -> tuple[Line, ...]:
    """Lines whose total is exactly what was paid: one, or a second for the cents that do not divide."""
    each = (purchase.dollars / purchase.quantity).quantize(CENT, rounding="ROUND_DOWN")
    rest = purchase.dollars - each * (purchase.quantity - 1)
    if rest == each:
        return (_line(purchase, products, 0, purchase.quantity, each),)
    return (
        *([_line(purchase, products, 0, purchase.quantity - 1, each)] if purchase.quantity > 1 else []),
        _line(purchase, products, 1, 1, rest),
    )


def _line(purchase: Purchase, products: list[Product], place: int, quantity: int, price: Decimal) -> Line:
    product = products[(purchase.customer_id * 13 + purchase.at // DAY * 5 + place * 17) % len(products)]
    variant = product.variants[0]
    return Line(
        product_id=product.id, variant_id=variant.id, name=product.name, sku=variant.sku, quantity=quantity, price=price
    )


__all__ = ["END", "FIRST_PRODUCT", "OPENED", "NoPurchases", "Purchase", "data_file", "fill", "purchases"]
