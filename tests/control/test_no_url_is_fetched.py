"""Nothing that a delivery says is ever an address: what takes deliveries cannot fetch, and what fetches takes ids."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from connectors.bigcommerce.scopes import WrongShape, entity_of
from emulators.server import Server
from tests.control.away import without_kafka
from tests.control.stand import API, FILED, HEADER, ROOT
from tests.gateway.deliveries import body
from tests.streams.enriching import enriching

HTTP_CLIENTS = {"httpx", "requests", "aiohttp", "urllib3", "http", "urllib", "ftplib"}
FETCHING = {"connectors/bigcommerce/client.py", "connectors/brevo/client.py", "connectors/brevo/errors.py"}
"""The address of the configuration, a path of ours, and in it ids that were checked (connectors.bigcommerce.scopes)."""


class Listening:
    """A server that nobody is to come to."""

    def __init__(self) -> None:
        self.visitors = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.visitors += 1


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_only_the_clients_of_the_two_apis_can_fetch_anything() -> None:
    folders = ("gateway", "streams", "projections", "schemas", "connectors")
    found = {
        str(path.relative_to(ROOT))
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if HTTP_CLIENTS & {name.partition(".")[0] for name in imported(path) if name != "urllib.parse"}
    }
    assert found == FETCHING


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "1/../../v3/hooks", "//127.0.0.1", "1?to=http://127.0.0.1"])
@pytest.mark.parametrize(
    ("scope", "place"),
    [
        ("store/customer/updated", "id"),
        ("store/subscriber/updated", "id"),
        ("store/order/created", "id"),
        ("store/cart/created", "cartId"),
        ("store/product/updated", "id"),
        ("store/category/updated", "id"),
        ("store/order/refund/created", "order_id"),
    ],
)
def test_an_address_is_no_id(scope: str, place: str, url: str) -> None:
    with pytest.raises(WrongShape):
        entity_of(scope, {place: url})


def full_of(url: str) -> dict[str, Any]:
    places = ("url", "href", "callback", "destination", "image_url", "redirect_url", "confirmation_url", "$ref")
    return {
        "type": "order",
        "id": 100,
        "status": None,
        **dict.fromkeys(places, url),
        "links": [url],
        "nested": {"u": url},
    }


async def test_the_gateway_visits_nobody_for_a_delivery_full_of_addresses(tmp_path: Path) -> None:
    listening = Listening()
    async with Server(listening) as url, without_kafka(tmp_path, "gateway: {control: loopback}\n") as http:
        headers = {"x-tajo-secret": HEADER, "webhook-id": url, "origin": url, "referer": url, "location": url}
        for content in (
            body(data=full_of(url), store=FILED),
            body(data=full_of(url), store=FILED, producer=url, store_id=url),
            body(url, store=FILED),
        ):
            answer = await http.post(f"/webhooks/bigcommerce/{FILED}", content=content, headers=headers)
            assert answer.status_code == 200
        told = await http.post(f"{API}/webhook", json={"topic": "store/order/created", "payload": full_of(url)})
        assert told.status_code == 202
    assert listening.visitors == 0


@pytest.mark.kafka
async def test_the_enricher_visits_only_the_api_for_it(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    listening = Listening()
    async with Server(listening) as url, enriching(kafka, topic_prefix, tmp_path) as world:
        world.add_delivery("store/order/created", full_of(url))
        world.add_delivery("store/customer/updated", full_of(url) | {"id": url})
        await world.feed()
        await world.quiet()
        assert world.shop.requests.to("/v2/orders/100"), "it has looked"
    assert listening.visitors == 0
