"""A shop that stays as large as it is: full-size facts of ever the same customers, carts, orders and products.

70 % carts, 20 % orders, 5 % customers, 5 % products. Every change reaches Brevo's commands through all hops. No cart
rests for an hour and no order changes its status, so that nothing is remembered of a change but the last one.
"""

import random
import uuid
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Final, cast

import orjson

from benchmarks.facts import BLOCK, Shop
from emulators.bigcommerce import catalogue_shapes, order_shapes, shapes
from emulators.bigcommerce.records import Cart, Customer, Line, Order
from emulators.bigcommerce.store import Store
from emulators.clock import RealClock
from emulators.shoppers.assortment import stock_up
from emulators.shoppers.people import person
from projections.fold import Output
from schemas import topics
from schemas.facts import Cause
from schemas.settings import FoldSettings
from streams.enrich.facts import Envelope, Facts
from streams.enrich.state import Mark, State
from tests.projections import carts_made
from tests.projections.orders_made import STORE

DAY: Final = 86_400_000
PEOPLE, CARTS, ORDERS = 400, 300, 300


def settings() -> FoldSettings:
    """Of the one store that the facts are of."""
    return carts_made.settings()


class Load:
    """``opened``: Unix ms of the shop's last day without us. The same ``seed`` and times give the same facts."""

    def __init__(self, opened: int, *, seed: int = 1) -> None:
        self._random, self._opened, self.now = random.Random(seed), opened, opened
        self._store = Store(RealClock(), store_hash=STORE)  # its clock is asked for nothing
        stock_up(self._store, opened - 400 * DAY)
        self._products = list(self._store.catalogue.products)
        self._facts = Facts(cast(State, Shop(self._store, opened)))
        self._customers = [self._new_customer(number) for number in range(1, PEOPLE + 1)]
        self._carts = [self._new_cart(number) for number in range(CARTS)]
        self._orders = [self._new_order(number) for number in range(ORDERS)]
        self._made = {
            topics.CART: self._cart,
            topics.ORDER: self._order,
            topics.CUSTOMER: self._customer,
            topics.PRODUCT: self._product,
        }
        self._waiting: list[str] = []

    def everything(self, now: int) -> Iterator[Output]:
        """Each entity once, as of ``now``: afterwards no table grows."""
        self.now = now
        for make, count in ((self._customer, PEOPLE), (self._cart, CARTS), (self._order, ORDERS)):
            yield from (make(place) for place in range(count))
        yield from (self._product(place) for place in range(len(self._products)))

    def change(self, now: int) -> Output:
        """Something changes at ``now``, which never goes back."""
        self.now = now
        if not self._waiting:
            self._waiting = self._random.sample(BLOCK, len(BLOCK))
        return self._made[self._waiting.pop()]()

    # --- what changes -------------------------------------------------------------------------------------------------

    def _customer(self, place: int | None = None) -> Output:
        shopper = self._customers[self._random.randrange(PEOPLE) if place is None else place]
        shopper.company = f"{shopper.last_name} & {self._random.randrange(1000)}"
        shopper.date_modified = self.now
        row = orjson.dumps(shapes.customer(shopper, ("addresses", "storecredit", "attributes", "formfields")))
        return self._facts.entity("customer", str(shopper.id), row, self._because("store/customer/updated"))

    def _cart(self, place: int | None = None) -> Output:
        cart = self._carts[self._random.randrange(CARTS) if place is None else place]
        name = self._random.choice(list(cart.lines))
        cart.lines[name] = replace(cart.lines[name], quantity=cart.lines[name].quantity % 9 + 1)
        cart.version, cart.changed, cart.updated = cart.version + 1, self.now, self.now
        row = orjson.dumps(shapes.cart(self._store, cart))
        return self._facts.cart(cart.id, row, self._because("store/cart/updated", "store/cart/lineItem/updated"))

    def _order(self, place: int | None = None) -> Output:
        order = self._orders[self._random.randrange(ORDERS) if place is None else place]
        order.shipping, order.date_modified = Decimal(self._random.randrange(300, 2000)) / 100, self.now
        row = orjson.dumps(order_shapes.order(self._store, order, lines=True, consignments=True))
        return self._facts.order(str(order.id), row, [], self._because("store/order/updated"))

    def _product(self, place: int | None = None) -> Output:
        product = self._products[self._random.randrange(len(self._products)) if place is None else place]
        product.price, product.date_modified = Decimal(self._random.randrange(500, 5000)) / 100, self.now
        row = orjson.dumps(catalogue_shapes.product(self._store, product, ("variants", "images", "custom_fields")))
        return self._facts.entity("product", str(product.id), row, self._because("store/product/updated"))

    def _because(self, *scopes: str) -> Envelope:
        causes = [Cause(scope, f"{self._random.getrandbits(160):040x}", self.now) for scope in scopes]
        return Envelope(fetched_at=self.now, mark=Mark(since=self.now, causes=causes, causes_count=len(causes)))

    # --- what there is ------------------------------------------------------------------------------------------------

    def _new_customer(self, number: int) -> Customer:
        who = person(number)
        return Customer(
            id=number,
            email=who.email,
            first_name=who.first_name,
            last_name=who.last_name,
            phone=who.phone,
            date_created=self._opened,
            date_modified=self._opened,
            addresses=[who.address()],
        )

    def _new_cart(self, number: int) -> Cart:
        """Two of three belong to somebody."""
        lines = [self._line(str(uuid.UUID(int=number * 10 + place, version=4))) for place in range(3)]
        return Cart(
            id=str(uuid.UUID(int=number, version=4)),
            customer_id=number % PEOPLE + 1 if number % 3 else 0,
            email="",
            currency="USD",
            lines={str(line.id): line for line in lines},
            created=self._opened,
            updated=self._opened,
            changed=self._opened,
            token="",
        )

    def _new_order(self, number: int) -> Order:
        """One of five is a guest's."""
        who = person(number % PEOPLE + 1 if number % 5 else PEOPLE + 1 + number)
        return Order(
            id=100 + number,
            customer_id=who.number if number % 5 else 0,
            status_id=11,
            billing=who.address(),
            email=who.email,
            lines=tuple(self._line(number * 10 + place) for place in range(3)),
            date_created=self._opened + DAY // 2,
            date_modified=self._opened + DAY // 2,
            currency="USD",
            shipping=Decimal("4.95"),
        )

    def _line(self, number: int | str) -> Line:
        product = self._random.choice(self._products)
        variant = self._random.choice(product.variants)
        return Line(
            product_id=product.id,
            variant_id=variant.id,
            name=product.name,
            sku=variant.sku,
            quantity=1,
            price=product.price_of(variant),
            id=number,
        )
