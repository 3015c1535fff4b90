"""A small shop for the tests of the BigCommerce emulator, a client of its API, and a receiver of its webhooks."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from emulators.bigcommerce import BigCommerce, Store
from emulators.bigcommerce.carts import Item
from emulators.clock import StandingClock
from emulators.shoppers.assortment import stock_up
from emulators.shoppers.people import person

START = 899_251_200_000  # 1998-07-01T00:00:00Z
TOKEN, SECRET = "a-token", "a-client-secret"
FIRST = Item(101, 1010, 2)
OTHER = Item(102, 1021, 1)


def new_store(clock: StandingClock) -> Store:
    """With the whole assortment, and nobody in it."""
    store = Store(clock)
    stock_up(store, START - 86_400_000)
    return store


def register(store: Store, number: int = 3) -> int:
    who = person(number)
    return store.customers.register(
        email=who.email, first_name=who.first_name, last_name=who.last_name, phone=who.phone, address=who.address()
    ).id


def place(store: Store, customer_id: int = 0, *, number: int = 3, **given: object) -> int:
    """An order of two pieces by customer or guest ``number``."""
    who = person(number)
    order = store.orders.place([FIRST], email=who.email, billing=who.address(), customer_id=customer_id, **given)  # type: ignore[arg-type]
    return order.id


def lively_store(clock: StandingClock) -> Store:
    """One of everything: orders in two currencies, a refund, carts, subscribers with and without consent."""
    store = new_store(clock)
    customer_id = register(store)
    place(store, customer_id, status_id=2, shipping=Decimal("4.50"))
    refunded = place(store, customer_id)
    store.orders.refund(refunded, Decimal("5.25"), reason="Broken")
    cart = store.carts.create([FIRST, OTHER], customer_id=customer_id, currency="EUR")
    store.orders.place(email="x@example.com", billing=person(5).address(), cart_id=cart.id, status_id=0)
    store.subscribers.subscribe("reader@example.com", ("marketing_newsletter", "abandoned_cart"))
    store.carts.create([FIRST, OTHER], customer_id=customer_id)
    return store


def bigcommerce(store: Store, clock: StandingClock, **given: object) -> BigCommerce:
    given = {"quota": 100_000, "allow_http": True, **given}
    return BigCommerce(clock, store, access_token=TOKEN, client_secret=SECRET, **given)  # type: ignore[arg-type]


def client(emulator: BigCommerce, *, token: str = TOKEN, accept: str = "application/json") -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(emulator.app),
        base_url=f"http://bigcommerce/stores/{emulator.store.store_hash}",
        headers={"X-Auth-Token": token, "Accept": accept},
    )


@dataclass(frozen=True)
class Arrival:
    """``at``: the clock's time, which stands while a delivery is made."""

    at: int
    body: bytes
    headers: dict[str, str]


@dataclass
class Receiver:
    """An ASGI application that keeps what comes; ``answer`` decides the status of the nth request, from 0 on."""

    clock: StandingClock
    answer: Callable[[int], int] = lambda nth: 200
    arrivals: list[Arrival] = field(default_factory=list)
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope, receive)
            self.arrivals.append(Arrival(self.clock.now(), await request.body(), dict(request.headers)))
            self.heard.set()
            await Response(status_code=self.answer(len(self.arrivals) - 1))(scope, receive, send)


@asynccontextmanager
async def moving(clock: StandingClock) -> AsyncIterator[None]:
    """The clock jumps from wake-up to wake-up while nobody works."""
    task = asyncio.create_task(clock.run(lambda: True, rest=0.001))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def jump_through(clock: StandingClock, task: "asyncio.Task[None]") -> None:
    """Runs a task that does nothing but sleep on the clock and act at once."""
    while not task.done():
        await asyncio.sleep(0)
        when = clock.next_wake_up()
        if when is not None:
            clock.advance(when)
    task.result()


@contextmanager
def listening(store: Store) -> Iterator[list[tuple[str, dict[str, object]]]]:
    told: list[tuple[str, dict[str, object]]] = []

    def listener(scope: str, data: object) -> None:
        told.append((scope, dict(data)))  # type: ignore[call-overload]

    store.events.listeners.append(listener)
    try:
        yield told
    finally:
        store.events.listeners.remove(listener)
