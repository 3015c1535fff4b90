"""What a client tells or passes on goes the way of every delivery."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.delivery import SEAL, Client, told_by
from gateway.errors import StoreNotConfigured
from schemas import topics
from tajo import TajoClient
from tajo.errors import ControlRefused, ControlUnreachable
from tajo.kafka.ports import free_port
from tajo.running import reached
from tests.control.away import without_kafka
from tests.control.stand import API, FILED, HEADER, OTHER, WISH, Stand, standing
from tests.gateway.deliveries import body
from tests.streams import logs
from tests.streams.enriching import enriching

pytestmark = pytest.mark.kafka
WEBHOOK = f"{API}/webhook"
ORDER = {"topic": "store/order/created", "payload": {"type": "order", "id": 100}}
NAMED = 'webhooks: [{scope: "store/order/created", destination: order_placed}]\n'


async def test_what_is_told_is_in_the_log_under_its_store_and_told_twice_it_is_one(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with standing(kafka, topic_prefix, tmp_path, more=NAMED) as here:
        answers = [await here.http.post(WEBHOOK, json=ORDER) for _ in range(2)]
        other = await here.http.post(WEBHOOK, json={**ORDER, "payload": {"id": 101, "type": "order"}})
        assert [answer.status_code for answer in (*answers, other)] == [202] * 3
        told = answers[0].json()
        assert answers[1].json() == told == {"store_hash": FILED, "scope": ORDER["topic"], "hash": told["hash"]}
        assert other.json()["hash"] != told["hash"]

        record, _, _ = await here.records(topics.WEBHOOK)
        headers = dict(record.headers)
        assert record.key == FILED.encode()
        assert (headers["ce_type"], headers["ce_id"]) == (b"order_placed", told["hash"].encode())
        first, *_ = await here.delivered()
        assert first.pop("created_at") > 1_700_000_000
        assert first == {
            "scope": "store/order/created",
            "producer": f"stores/{FILED}",
            "hash": told["hash"],
            "data": ORDER["payload"],
            "via": "client",
        }
        assert here.app.state.metrics.registry.get_sample_value("tajo_webhook_duplicates_total") == 1


async def test_it_is_processed_like_a_direct_delivery(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with enriching(kafka, topic_prefix, tmp_path) as world:
        customer = world.shop.store.customers.register(email="ida@example.com", first_name="Ida", last_name="Lund")
        world.log[topics.WEBHOOK].clear()
        store_hash = world.shop.store.store_hash
        told = told_by(
            Client("webshop", seal=SEAL),
            "store/customer/updated",
            {"type": "customer", "id": customer.id},
            store_hash=store_hash,
            configured={store_hash},
            now=world.shop.clock.now() // 1000,
        )
        world.add(topics.WEBHOOK, told.body)
        await world.feed()
        await world.quiet()
        (fact,) = await world.facts(topics.CUSTOMER)
        assert fact.body is not None
        assert fact.body["entity"]["first_name"] == "Ida"
        assert [(cause["scope"], cause["hash"]) for cause in fact.body["causes"]] == [(told.scope, told.hash)]


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({**ORDER, "topic": "store/order/devoured"}, "is not a scope that BigCommerce documents"),
        ({**ORDER, "payload": {"type": "order"}}, "The data of a store/order/created delivery hold"),
        ({**ORDER, "payload": {"id": "http://127.0.0.1/"}}, "that is no id"),
        ({**ORDER, "store_hash": OTHER}, f"Store {OTHER} is not configured here: connect it first"),
        ({"topic": "store/order/created"}, "payload: Field required"),
        ({**ORDER, "raw": "{}", "headers": {}}, "topic: Extra inputs are not permitted"),
        ({"raw": "*", "encoding": "base64", "headers": {}}, "raw is no base64"),
        ([], "The body is not as described"),
    ],
)
async def test_what_cannot_be_used_is_told_to_the_caller(tmp_path: Path, wish: Any, said: str) -> None:
    async with without_kafka(tmp_path, "gateway: {control: loopback}\n") as http:
        answer = await http.post(WEBHOOK, json=wish)
        assert (answer.status_code, said in answer.json()["error"]) == (422, True), answer.text
        assert (await http.get("/readyz")).json()["spool"]["records"] == 0, "nothing becomes a dead letter"


async def test_with_several_stores_it_has_to_say_which(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with standing(kafka, topic_prefix, tmp_path) as here:
        assert (await here.http.post(f"{API}/connect", json=WISH)).status_code == 200
        answer = await here.http.post(WEBHOOK, json=ORDER)
        assert (answer.status_code, "2 stores are connected: say by store_hash" in answer.text) == (422, True)
        answer = await here.http.post(WEBHOOK, json={**ORDER, "store_hash": OTHER})
        assert (answer.status_code, answer.json()["store_hash"]) == (202, OTHER)


async def test_what_is_passed_on_is_verified_like_a_direct_delivery(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with standing(kafka, topic_prefix, tmp_path) as here:
        content = body(store=FILED)
        good = {"X-Tajo-Secret": HEADER}
        for wish, status in (
            ({"raw": content.decode(), "headers": good}, 202),
            ({"raw": b64encode(content).decode(), "encoding": "base64", "headers": good}, 202),
            ({"raw": content.decode(), "headers": {"X-Tajo-Secret": "wrong"}}, 401),
            ({"raw": content.decode(), "headers": {}}, 401),
            ({"raw": body(store=OTHER).decode(), "headers": good}, 422),
            ({"raw": body("store/order/devoured", store=FILED).decode(), "headers": good}, 422),
            ({"raw": "no json", "headers": good}, 422),
        ):
            answer = await here.http.post(WEBHOOK, json=wish)
            assert answer.status_code == status, (wish, answer.text)
            assert HEADER not in answer.text
        assert [record.value for record in await here.records(topics.WEBHOOK)] == [content] * 2, "byte for byte"
        assert not await here.records(topics.dead(topics.WEBHOOK))


async def test_it_is_answered_only_when_it_is_durable(tmp_path: Path) -> None:
    async with without_kafka(tmp_path, "gateway: {control: loopback, spool_limit: 64KiB}\n") as http:
        large = {**ORDER, "payload": {"id": 100, "note": "x" * 50_000}}
        answers = [await http.post(WEBHOOK, json=large) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [202, 503], "in the spool, and nowhere"
        assert "send it again later" in answers[1].json()["error"]
        assert (await http.get("/readyz")).json()["spool"]["records"] == 1


def test_only_a_client_tells_and_only_of_a_connected_store() -> None:
    with pytest.raises(TypeError, match="Only a Client"):
        told_by("webshop", "store/order/created", {"id": 1}, store_hash="a", configured={"a"}, now=1)  # type: ignore[arg-type]
    with pytest.raises(StoreNotConfigured):
        told_by(Client("webshop", seal=SEAL), "store/order/created", {"id": 1}, store_hash="b", configured={"a"}, now=1)


async def test_the_python_client_connects_lists_hands_on_and_disconnects(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with standing(kafka, topic_prefix, tmp_path) as here:
        url = str(here.http.base_url)
        async with TajoClient(api_key=here.token, base_url=url) as tajo:
            connected = await tajo.connectors.connect("bigcommerce", **WISH)
            assert connected["connector"]["store_hash"] == OTHER
            assert {store["store_hash"] for store in await tajo.connectors.connected()} == {FILED, OTHER}
            await tajo.connectors.handle_webhook(
                "bigcommerce", topic="store/cart/created", payload={"id": "c-1"}, store_hash=OTHER
            )
            content = body(store=FILED)
            await tajo.connectors.handle_webhook("bigcommerce", raw=content, headers={"x-tajo-secret": HEADER})
            assert {record.value for record in await here.records(topics.WEBHOOK)} >= {content}
            with pytest.raises(ControlRefused, match="is not a scope") as refused:
                await tajo.connectors.handle_webhook("bigcommerce", topic="store/x/y", payload={}, store_hash=OTHER)
            assert refused.value.status == 422
            assert (await tajo.connectors.disconnect("bigcommerce", OTHER))["remains"] is False
            with pytest.raises(TypeError, match="topic and payload, or raw and headers"):
                await tajo.connectors.handle_webhook("bigcommerce", topic="store/cart/created")
            with pytest.raises(ValueError, match='no connector "shopify"'):
                await tajo.connectors.connect("shopify", **WISH)
            assert here.token not in repr(tajo)
        async with TajoClient(api_key="wrong", base_url=url) as stranger:
            with pytest.raises(ControlRefused, match="tajo token create") as refused:
                await stranger.connectors.connected()
            assert refused.value.status == 401


async def test_the_python_client_finds_the_gateway_by_tajo_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAJO_URL", f"http://127.0.0.1:{free_port()}")
    async with TajoClient(api_key="any") as tajo:
        with pytest.raises(ControlUnreachable, match="whether base_url or TAJO_URL is its address"):
            await tajo.connectors.connected()


async def test_the_same_store_is_taken_by_the_gateway_until_it_is_disconnected(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    """Direct deliveries of a connected store, with the header that its hooks were given."""
    async with standing(kafka, topic_prefix, tmp_path) as here:
        path, content = f"/webhooks/bigcommerce/{OTHER}", body(store=OTHER)

        async def answered() -> httpx.Response:
            return await here.anybody.post(path, content=content, headers={"x-tajo-secret": await header(here)})

        await here.http.post(f"{API}/connect", json=WISH)
        assert (await answered()).status_code == 200
        secret = await header(here)
        await here.http.delete(f"{API}/{OTHER}")
        gone = await here.anybody.post(path, content=content, headers={"x-tajo-secret": secret})
        assert gone.status_code == 401
        await logs.until(lambda: _one(here), "what was taken is in the log")


async def _one(here: Stand) -> bool:
    return len(await here.records(topics.WEBHOOK)) == 1


async def header(here: Stand) -> str:
    """What hooks of the connected store carry, as every component knows it."""
    made = await reached(here.made.settings, here.kafka)
    (store,) = [store for store in made.settings.connected() if store.store_hash == OTHER]
    return str(store.webhook_secret.get_secret_value())
