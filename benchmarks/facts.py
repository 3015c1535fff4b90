"""Facts as the enricher writes them, of a shop in the middle of a busy hour: what `mix` and `latency` are fed with.

70 % carts, 20 % orders, 5 % customers, 5 % products, mixed evenly. Entities are the emulator's, in full; envelope and
headers are made by the enricher's own module. Three carts of four belong to nobody, some of them get an e-mail or a
customer later; carts change four times or so, and a part of them is converted; orders go through their statuses; a few
customers buy most. Everything happens within the 40 minutes before ``end``, after the store went live: it is all told.
"""

import random
import uuid
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Final, cast

import orjson

from emulators.bigcommerce import catalogue_shapes, order_shapes, shapes
from emulators.bigcommerce.records import Cart, Customer, Line, Order, Product
from emulators.bigcommerce.store import Store
from emulators.clock import RealClock
from emulators.shoppers.assortment import stock_up
from emulators.shoppers.people import Person, person
from projections.fold import Output
from schemas import topics
from schemas.facts import Cause, StatusChange
from streams.enrich.facts import Envelope, Facts
from streams.enrich.state import Mark, State, StoreInfo

STORE: Final = "tj4kq1w9zc"
SPAN: Final = 40 * 60_000
DAY: Final = 86_400_000
BLOCK: Final = (topics.CART,) * 14 + (topics.ORDER,) * 4 + (topics.CUSTOMER, topics.PRODUCT)
PATHS: Final = ((11, 9, 2, 10), (11, 2, 10), (7, 11, 2, 10), (11, 10), (11, 5))  # the statuses that orders go through
_CUSTOMER: Final = ("addresses", "storecredit", "attributes", "formfields")
_PRODUCT: Final = ("variants", "images", "custom_fields")
_GUESTS: Final = 1_000_000  # numbers of persons who have no account begin here


class Shop:
    """What Facts reads of the enricher's state."""

    def __init__(self, store: Store, live_since: int) -> None:
        self.store_hash = store.store_hash
        url = f"https://{store.domain}"
        self.info = StoreInfo(live_since=live_since, asked=True, currency="USD", country="US", url=url)


class Traffic:
    """The same ``seed`` and ``end`` (Unix ms) give the same facts. Customers' ids are multiples of ``spread``."""

    def __init__(self, end: int, *, seed: int = 1, spread: int = 1) -> None:
        self._spread = spread
        self.now, self._end = end - SPAN, end
        self._random = random.Random(seed)
        self._store = Store(RealClock(), store_hash=STORE)  # its clock is asked for nothing: we date everything
        stock_up(self._store, end - 400 * DAY)
        self._products = list(self._store.catalogue.products)
        self._facts = Facts(cast(State, Shop(self._store, end - 30 * DAY)))
        self._customers: list[Customer] = []
        self._carts: list[Cart] = []
        self._orders: list[tuple[Order, deque[int]]] = []
        self._taken: deque[tuple[str, int]] = deque()  # (cart, order): carts that an order took, still to be told
        self._line, self._order, self._guest = 1, 100, _GUESTS

    def facts(self, count: int) -> Iterator[Output]:
        """``count`` facts, evenly over the span."""
        step = SPAN / count
        made = {
            topics.CART: self.cart,
            topics.ORDER: self.order,
            topics.CUSTOMER: self.customer,
            topics.PRODUCT: self.product,
        }
        block: list[str] = []
        for number in range(count):
            if not block:
                block = self._random.sample(BLOCK, len(BLOCK))
            self.now = self._end - SPAN + int(number * step)
            yield made[block.pop()]()

    # --- customers and products -------------------------------------------------------------------------------------

    def customer(self) -> Output:
        """Somebody registers, or changes what is known of them."""
        if len(self._customers) < 20 or self._random.random() < 0.6:
            shopper = self.register()
            return self._customer(shopper, "created")
        shopper = self._somebody()
        shopper.date_modified = self._second()
        if self._random.random() < 0.5:
            shopper.company = f"{shopper.last_name} & {self._random.randrange(100)}"
        else:
            shopper.addresses = [self._moved(shopper)]
        return self._customer(shopper, "updated")

    def register(self) -> Customer:
        who, at = person((len(self._customers) + 1) * self._spread), self._second()
        shopper = Customer(
            id=who.number,
            email=who.email,
            first_name=who.first_name,
            last_name=who.last_name,
            phone=who.phone,
            date_created=at,
            date_modified=at,
            customer_group_id=1 if who.number % 25 == 0 else 0,
            addresses=[who.address()],
        )
        self._customers.append(shopper)
        return shopper

    def product(self) -> Output:
        """Its price or its stock changes."""
        product = self._random.choice(self._products)
        product.price += Decimal("0.10") * self._random.randint(-1, 2)
        product.date_modified = self._second()
        row = orjson.dumps(catalogue_shapes.product(self._store, product, _PRODUCT))
        return self._facts.entity("product", str(product.id), row, self._because("store/product/updated"))

    def _customer(self, shopper: Customer, what: str) -> Output:
        row = orjson.dumps(shapes.customer(shopper, _CUSTOMER))
        return self._facts.entity("customer", str(shopper.id), row, self._because(f"store/customer/{what}"))

    @staticmethod
    def _moved(shopper: Customer) -> "shapes.Address":
        old = shopper.addresses[0]
        return replace(old, street=f"{len(old.street) + 1} Long Rd", id=old.id + 1)

    # --- carts --------------------------------------------------------------------------------------------------------

    def cart(self) -> Output:
        """A cart begins, changes, or ends."""
        if self._taken:
            return self._facts.cart_converted(*self._taken.popleft(), self._because("store/cart/converted"))
        chance = self._random.random()
        if len(self._carts) < 20 or chance < 0.22:
            return self._cart(self._begin(), "store/cart/created")
        place = self._random.randrange(len(self._carts))
        cart = self._carts[place]
        if chance < 0.25:
            self._let_go(place)
            return self._facts.cart_deleted(cart.id, self._because("store/cart/deleted"))
        if chance < 0.38 or cart.version > 7:
            self._let_go(place)  # nobody will touch it again
        self._change(cart)
        return self._cart(cart, "store/cart/updated")

    def _begin(self) -> Cart:
        at, lines = self._second(), self._lines(self._random.randint(1, 3), uuids=True)
        cart = Cart(
            id=self._uuid(),
            customer_id=self._somebody().id if self._random.random() < 0.19 and self._customers else 0,
            email="",
            currency="USD",
            lines={str(line.id): line for line in lines},
            created=at,
            updated=at,
            changed=self.now,
            token="",
        )
        self._carts.append(cart)
        return cart

    def _change(self, cart: Cart) -> None:
        """More of something, one thing more, or its shopper becomes known."""
        chance = self._random.random()
        if chance < 0.04 and not cart.customer_id and self._customers:
            cart.customer_id = self._somebody().id
        elif chance < 0.08 and not cart.customer_id:
            cart.email = self._guest_person().email
        elif chance < 0.5 and len(cart.lines) < 4:
            (line,) = self._lines(1, uuids=True)
            cart.lines[str(line.id)] = line
        else:
            name = self._random.choice(list(cart.lines))
            cart.lines[name] = replace(cart.lines[name], quantity=cart.lines[name].quantity % 4 + 1)
        cart.version, cart.changed, cart.updated = cart.version + 1, self.now, self._second()

    def _cart(self, cart: Cart, scope: str) -> Output:
        row = orjson.dumps(shapes.cart(self._store, cart))
        return self._facts.cart(cart.id, row, self._because(scope, "store/cart/lineItem/updated"))

    def _let_go(self, place: int) -> None:
        self._carts[place] = self._carts[-1]
        self._carts.pop()

    # --- orders -------------------------------------------------------------------------------------------------------

    def order(self) -> Output:
        """One is placed, or goes on to its next status."""
        if len(self._orders) < 20 or self._random.random() < 0.37:
            return self._placed()
        place = self._random.randrange(len(self._orders))
        order, path = self._orders[place]
        previous, order.status_id = order.status_id, path.popleft()
        order.date_modified = self._second()
        if order.status_id == 2:
            order.date_shipped = order.date_modified
        if not path:
            self._orders[place] = self._orders[-1]
            self._orders.pop()
        return self._order_fact(order, [self._pair(previous, order.status_id)])

    def _placed(self) -> Output:
        at, cart = self._second(), self._checkout()
        registered = bool(cart.customer_id) if cart else bool(self._customers) and self._random.random() < 0.6
        if registered:
            shopper = self._customers[cart.customer_id // self._spread - 1] if cart else self._somebody()
            who, number = person(shopper.id), shopper.id
        else:
            who, number = self._guest_person(), 0
        path = deque(self._random.choice(PATHS))
        order = Order(
            id=self._order,
            customer_id=number,
            status_id=path.popleft(),
            billing=who.address(),
            email=cart.email if cart and cart.email else who.email,
            lines=tuple(self._lines(self._random.randint(2, 3))),
            date_created=at,
            date_modified=at,
            currency="USD",
            shipping=Decimal("4.95"),
            cart_id=cart.id if cart else None,
        )
        self._order += 1
        self._orders.append((order, path))
        if cart:
            self._taken.append((cart.id, order.id))
        return self._order_fact(order, [self._pair(0, order.status_id)])

    def _checkout(self) -> Cart | None:
        """A cart of somebody who is known, for half of the orders."""
        for _ in range(12 if self._random.random() < 0.55 and self._carts else 0):
            place = self._random.randrange(len(self._carts))
            if self._carts[place].customer_id or self._carts[place].email:
                cart = self._carts[place]
                self._let_go(place)
                return cart
        return None

    def _order_fact(self, order: Order, pairs: list[StatusChange]) -> Output:
        row = orjson.dumps(order_shapes.order(self._store, order, lines=True, consignments=True))
        of = self._because("store/order/updated", "store/order/statusUpdated", pairs=pairs)
        return self._facts.order(str(order.id), row, [], of)

    def _pair(self, previous: int, new: int) -> StatusChange:
        return StatusChange(hash=self._hash(), created_at=self._second(), previous=previous, new=new)

    # --- what they have in common -------------------------------------------------------------------------------------

    def _lines(self, count: int, *, uuids: bool = False) -> list[Line]:
        return [self._new_line(self._random.choice(self._products), uuids) for _ in range(count)]

    def _new_line(self, product: Product, uuids: bool) -> Line:
        variant = self._random.choice(product.variants)
        self._line += 1
        return Line(
            product_id=product.id,
            variant_id=variant.id,
            name=product.name,
            sku=variant.sku,
            quantity=self._random.choice((1, 1, 1, 2)),
            price=product.price_of(variant),
            id=self._uuid() if uuids else self._line,
        )

    def _somebody(self) -> Customer:
        """Of the registered: the first hundredth is chosen every tenth time."""
        return self._customers[int(len(self._customers) * self._random.random() ** 2)]

    def _guest_person(self) -> Person:
        """One of five has bought here before."""
        if self._guest > _GUESTS and self._random.random() < 0.2:
            return person(self._random.randrange(_GUESTS, self._guest))
        self._guest += 1
        return person(self._guest - 1)

    def _because(self, *scopes: str, pairs: list[StatusChange] | None = None) -> Envelope:
        causes = [Cause(scope, self._hash(), self._second()) for scope in scopes]
        mark = Mark(since=self.now, causes=causes, causes_count=len(causes), changes=pairs or [])
        return Envelope(fetched_at=self.now + 900, mark=mark)

    def _second(self) -> int:
        return self.now // 1000 * 1000

    def _hash(self) -> str:
        return f"{self._random.getrandbits(160):040x}"

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))
