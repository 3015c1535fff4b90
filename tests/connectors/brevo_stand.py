"""An emulated Brevo account behind a real socket; every request to it is kept and checked against the descriptions."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from connectors.brevo.account import Account
from emulators.brevo import Brevo
from emulators.clock import StandingClock
from emulators.server import Server
from tests.connectors.reading_ahead import read_ahead
from tests.openapi import validate_request

START = 1_790_000_400_000  # 21 September 2026
KEY = "xkeysib-test"
ATTRIBUTES = {
    "FIRSTNAME": "text",
    "LASTNAME": "text",
    "ORDER_COUNT": "float",
    "TOTAL_SPENT": "float",
    "SIGNUP_DATE": "date",
}
LISTS = {40: "all customers", 41: "buyers", 42: "abandoned carts"}

# Path -> description and path template. Events, processes and the account lie in no description that we have.
_DESCRIBED = (
    (r"/contacts/attributes", "contact-attributes.yml", "/contacts/attributes"),
    (
        r"/contacts/attributes/\w+/\w+",
        "contact-attributes.yml",
        "/contacts/attributes/{attributeCategory}/{attributeName}",
    ),
    (r"/contacts/lists", "contact-lists.yml", "/contacts/lists"),
    (r"/contacts/folders", "folders.yml", "/contacts/folders"),
    (r"/contacts/import", "import.yml", "/contacts/import"),
    (r"/contacts", "contacts.yml", "/contacts"),
    (r"/contacts/.+", "contacts.yml", "/contacts/{identifier}"),
    (r"/orders/status", "orders.yml", "/orders/status"),
    (r"/orders/status/batch", "orders.yml", "/orders/status/batch"),
    (r"/products/batch", "products.yml", "/products/batch"),
    (r"/categories/batch", "categories.yml", "/categories/batch"),
    (r"/webhooks", "webhooks.yml", "/webhooks"),
    (r"/webhooks/\d+", "webhooks.yml", "/webhooks/{webhookId}"),
)
_UNDESCRIBED = re.compile(r"/events|/events/batch|/processes|/processes/\d+|/account|/files/.*")


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, list[str]]
    body: Any


@dataclass
class Requests:
    """Passes requests on, and keeps them. ``wrong``: what is not as described. ``busiest``: at the same time."""

    app: ASGIApp
    seen: list[Request] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    under_way: int = 0
    busiest: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        receive, raw = await read_ahead(receive)
        request = Request(
            scope["method"],
            scope["path"].removeprefix("/v3"),
            parse_qs(scope["query_string"].decode()),
            orjson.loads(raw) if raw else None,
        )
        self.seen.append(request)
        try:
            _check(request)
        except AssertionError as error:
            self.wrong.append(str(error))
        self.under_way += 1
        self.busiest = max(self.busiest, self.under_way)
        try:
            await self.app(scope, receive, send)
        finally:
            self.under_way -= 1

    def to(self, method: str, path: str) -> list[Any]:
        """Bodies of the requests to paths that match, in order."""
        return [one.body for one in self.seen if one.method == method and re.fullmatch(path, one.path)]


def _check(request: Request) -> None:
    if _UNDESCRIBED.fullmatch(request.path):
        return
    for pattern, spec, template in _DESCRIBED:
        if re.fullmatch(pattern, request.path):
            query = {name: values[0] for name, values in request.query.items()}
            body = _as_the_files_have_it(request.path, request.body)
            validate_request(f"brevo/{spec}", request.method, template, query=query, body=body)
            return
    raise AssertionError(f"{request.method} {request.path} is in no description.")


def _as_the_files_have_it(path: str, body: Any) -> Any:
    """The files are older than Brevo's own package (brevo-python 5.1.0) in two places that we use."""
    if path == "/orders/status":
        return {"email": body["identifiers"]["email_id"], **body}  # `email` became `identifiers.email_id`
    if path == "/orders/status/batch":
        return {**body, "orders": [{"email": one["identifiers"]["email_id"], **one} for one in body["orders"]]}
    if path in ("/products/batch", "/categories/batch"):  # name and url are asked for on creation only
        kind = path.split("/")[1]
        return {**body, kind: [{"name": "gone", "url": "https://gone.test", **one} for one in body[kind]]}
    return body


@dataclass
class Stand:
    clock: StandingClock
    brevo: Brevo
    requests: Requests
    url: str

    def account(self, *, key: str = KEY, timeout: float = 5.0) -> Account:
        return Account(api_key=key, clock=self.clock, base_url=f"{self.url}/v3", timeout=timeout)

    def refusals(self) -> int:
        """How many requests were refused for the limits."""
        return self.brevo.state.requests_of(status=429)


@asynccontextmanager
async def brevo_stand(**more: Any) -> AsyncIterator[Stand]:
    """The clock runs whenever nobody holds it. At the end all requests were as described."""
    clock = StandingClock(START)
    brevo = Brevo(clock, **{"api_key": KEY, "attributes": ATTRIBUTES, "lists": LISTS, **more})
    requests = Requests(brevo.app)
    async with Server(requests) as url:
        running = asyncio.create_task(clock.run(lambda: not requests.under_way))
        try:
            yield Stand(clock, brevo, requests, url)
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
    assert requests.wrong == []
