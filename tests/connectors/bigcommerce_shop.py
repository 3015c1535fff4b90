"""An emulated store behind a real socket, and every request to it checked against the API's description."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import parse_qsl

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from connectors.bigcommerce.client import Client
from connectors.bigcommerce.limits import Limiter
from emulators.bigcommerce.carts import Item
from emulators.bigcommerce.emulator import BigCommerce
from emulators.bigcommerce.faults import Faults
from emulators.bigcommerce.records import Address, Category, Product, Variant
from emulators.bigcommerce.store import Store
from emulators.clock import StandingClock
from emulators.server import Server
from tests.connectors.reading_ahead import read_ahead
from tests.openapi import validate_request

START = 1_772_000_000_000  # 25 February 2026
TOKEN = "token-of-the-store"
NOBODY = Address(
    first_name="Ida",
    last_name="Lund",
    street="1 Long Street",
    city="Springfield",
    state="Illinois",
    zip="62701",
    country="United States",
    country_code="US",
)

# Path of a request -> description and path template.
_DESCRIBED = (
    (r"/v3/customers", "customers.v3.yml", "/customers"),
    (r"/v3/customers/subscribers", "subscribers.v3.yml", "/customers/subscribers"),
    (r"/v2/orders", "orders.v2.oas2.yml", "/orders"),
    (r"/v2/orders/count", "orders.v2.oas2.yml", "/orders/count"),
    (r"/v2/orders/\d+", "orders.v2.oas2.yml", "/orders/{order_id}"),
    (r"/v3/orders/payment_actions/refunds", "orders.v3.yml", "/orders/payment_actions/refunds"),
    (r"/v3/orders/\d+/payment_actions/refunds", "orders.v3.yml", "/orders/{order_id}/payment_actions/refunds"),
    (r"/v3/carts/[0-9a-f-]+", "carts.v3.yml", "/carts/{cartId}"),
    (r"/v3/catalog/products", "products_catalog.v3.yml", "/catalog/products"),
    (r"/v3/catalog/trees/categories", "category-trees_catalog.v3.yml", "/catalog/trees/categories"),
    (r"/v3/hooks", "webhooks.v3.yml", "/hooks"),
    (r"/v3/hooks/admin", "webhooks.v3.yml", "/hooks/admin"),
    (r"/v3/hooks/\d+", "webhooks.v3.yml", "/hooks/{webhook_id}"),
    (r"/v2/store", "store_information.v2.yml", "/store"),
    (r"/v2/customer_groups", None, None),  # lies in no description that we have
)


@dataclass
class Requests:
    """Passes requests on, and keeps them: (method, path within the store, query). ``wrong``: not as described."""

    app: ASGIApp
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = b""
        if scope["method"] in ("POST", "PUT"):
            receive, body = await read_ahead(receive)
        path = "/" + scope["path"].split("/", 3)[3]
        query = dict(parse_qsl(scope["query_string"].decode()))
        self.seen.append((scope["method"], path, query))
        try:
            _check(scope["method"], path, query, body)
        except AssertionError as error:
            self.wrong.append(str(error))
        await self.app(scope, receive, send)

    def to(self, path: str) -> list[dict[str, str]]:
        """Queries of the requests to this path, or to paths that match it."""
        return [query for _, seen, query in self.seen if re.fullmatch(path, seen)]


def _check(method: str, path: str, query: dict[str, str], body: bytes) -> None:
    for pattern, spec, template in _DESCRIBED:
        if re.fullmatch(pattern, path):
            if spec is not None and template is not None:
                sent = orjson.loads(body) if body else None
                validate_request(f"bigcommerce/{spec}", method, template, query=query, body=sent)
            return
    raise AssertionError(f"{method} {path} is in no description.")


@dataclass
class Shop:
    clock: StandingClock
    emulator: BigCommerce
    requests: Requests
    url: str

    @property
    def store(self) -> Store:
        return self.emulator.store

    def faults_over(self) -> None:
        """From now on everything is answered as it should be."""
        self.emulator.faults = self.emulator.gate.faults = Faults()

    def client(self, *, token: str = TOKEN, timeout: float = 5.0, retries: int = 2, concurrency: int = 6) -> Client:
        return Client(
            self.store.store_hash,
            token,
            clock=self.clock,
            base_url=self.url,
            limiter=Limiter(self.clock, concurrency=concurrency),
            timeout=timeout,
            retries=retries,
        )


@asynccontextmanager
async def emulated_shop(*, quota: int = 150) -> AsyncIterator[Shop]:
    """Empty of people and orders, with three products in two categories. At the end all requests were as described."""
    clock = StandingClock(START)
    emulator = BigCommerce(
        clock, Store(clock), access_token=TOKEN, client_secret="secret", quota=quota, duplicates=0, reorder=0
    )
    fill_catalogue(emulator.store)
    requests = Requests(emulator.app)
    async with emulator, Server(requests) as url:
        yield Shop(clock, emulator, requests, url)
    assert requests.wrong == []


def fill_catalogue(store: Store) -> None:
    for id_, name in ((1, "Vinyl"), (2, "Tape")):
        store.catalogue.categories[id_] = Category(id=id_, name=name)
    for id_ in (10, 11, 12):
        product = Product(
            id=id_,
            name=f"Record {id_}",
            sku=f"R{id_}",
            price=Decimal("12.50"),
            categories=[1],
            date_created=START,
            date_modified=START,
            path=f"/record-{id_}/",
            variants=[Variant(id=id_ * 10, product_id=id_, sku=f"R{id_}-A", sku_id=id_ * 10, label="LP")],
        )
        store.catalogue.load(product)


def item(product_id: int = 10) -> Item:
    return Item(product_id, product_id * 10)
