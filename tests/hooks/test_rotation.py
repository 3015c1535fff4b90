"""A secret is replaced without a gap: the gateway takes the old and the new one while the hooks change."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from starlette.responses import Response

from emulators.bigcommerce import BigCommerce
from emulators.bigcommerce.deliveries import signed_headers
from emulators.bigcommerce.store import Store
from emulators.clock import StandingClock
from emulators.server import Server
from gateway.config import SECRET_HEADER
from streams.access import Kafka
from tajo.components import Components
from tajo.kafka.ports import free_port
from tajo.settings import load
from tajo.settings.resolved import ConnectedStore, derived_secret
from tests.connectors.bigcommerce_shop import NOBODY, START, TOKEN, fill_catalogue, item
from tests.emulators.bigcommerce_shop import moving
from tests.hooks.world import HASH, Door

CONFIGURATION = """\
connectors:
  bigcommerce: {{store_hash: {hash}, access_token: {token}{secrets}}}
brevo: {{api_key: xkeysib-test}}
bigcommerce: {{base_url: "{shop}"}}
public_url: {public}
data_dir: {folder}
kafka: {{bootstrap_servers: "{kafka}", prefix: {prefix}, partitions: 1, replication: 1}}
"""
DERIVED = derived_secret(SecretStr(TOKEN), HASH).get_secret_value()


@dataclass
class Place:
    """Where everything is; ``made``: the components of a configuration with these secrets."""

    folder: Path
    kafka: str = "127.0.0.1:9"
    prefix: str = "p"
    shop: str = "http://127.0.0.1:9"
    public: str = "http://127.0.0.1:9"

    def made(self, secrets: str, clock: StandingClock, *, token: str = TOKEN) -> Components:
        path = self.folder / "tajo.yml"
        text = CONFIGURATION.format(hash=HASH, token=token, secrets=secrets, **vars(self))
        path.write_text(text, encoding="utf-8")
        return Components(load(path, {}), Kafka(self.kafka), clock=clock)

    def store(self, secrets: str, *, token: str = TOKEN) -> ConnectedStore:
        (store,) = self.made(secrets, StandingClock(START), token=token).settings.connected()
        return store


@asynccontextmanager
async def serving(door: Door, made: Components, spool: Path) -> AsyncIterator[str]:
    """A gateway takes the place of the one behind the door; the old one ends when its block is left."""
    app = made.gateway(spool)
    async with Server(app) as url:
        door.app = app
        yield url


@pytest.mark.kafka
async def test_deliveries_before_while_and_after_a_secret_is_replaced_are_all_accepted(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    clock, port = StandingClock(START), free_port()
    shop = BigCommerce(
        clock,
        Store(clock, store_hash=HASH),
        access_token=TOKEN,
        client_secret="a-client-secret",
        duplicates=0.0,
        reorder=0.5,
        allow_http=True,
    )
    fill_catalogue(shop.store)

    async def orders(count: int) -> None:
        for _ in range(count):
            shop.store.orders.place([item()], email="ida@example.com", billing=NOBODY)
            await clock.sleep_until(clock.now() + 3_000)

    door = Door(Response(status_code=503))  # until there is a gateway behind it
    async with Server(door, port=port), Server(shop.app) as url, shop, moving(clock):
        here = Place(tmp_path, kafka, topic_prefix, url, f"http://127.0.0.1:{port}")
        before = here.made(", webhook_secret: an-old-secret", clock)
        await before.apply_topics()
        async with serving(door, before, tmp_path / "old.db"):
            await before.ensure_hooks()
            await orders(5)
            after = here.made(", webhook_secret: a-new-secret, previous_webhook_secret: an-old-secret", clock)
            async with serving(door, after, tmp_path / "new.db"):
                await orders(5)  # with the old one, and some are still on their way when the hooks change
                done = await after.ensure_hooks()
                await orders(5)
                await shop.deliveries.settled()
        assert {each.faults for each in done[HASH].repair} == {("another secret header",)}
        assert len(done[HASH].repair) == len(shop.hooks.all())
    counters = shop.deliveries.counters
    assert (counters.failed, counters.dropped) == (0, 0)
    assert counters.delivered >= 15
    secrets = {secret for _, secret in door.seen}
    assert secrets == {"an-old-secret", "a-new-secret"}


@pytest.mark.kafka
async def test_signatures_by_the_client_secret_before_are_good_while_it_is_replaced(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    here = Place(tmp_path, kafka, topic_prefix)
    secrets = ", webhook_secret: s, client_secret: a-new-key"
    body = (
        b'{"producer":"stores/%s","hash":"64d3","created_at":1786447828,"scope":"store/order/created",'
        b'"data":{"type":"order","id":7}}' % HASH.encode()
    )
    clock = StandingClock(START)
    made = here.made(secrets + ", previous_client_secret: an-old-key", clock)
    await made.apply_topics()
    alone = here.made(secrets, clock)

    async def status(url: str, key: bytes) -> int:
        headers = {SECRET_HEADER: "s", **signed_headers(key, "64d3", body, lambda: 1786447831)}
        async with httpx.AsyncClient() as client:
            return (await client.post(f"{url}/webhooks/bigcommerce/{HASH}", content=body, headers=headers)).status_code

    async with Server(made.gateway(tmp_path / "both.db")) as both, Server(alone.gateway(tmp_path / "one.db")) as one:
        assert [await status(both, key) for key in (b"a-new-key", b"an-old-key", b"a-strange-key")] == [200, 200, 401]
        assert [await status(one, key) for key in (b"a-new-key", b"an-old-key")] == [200, 401]


def test_the_first_value_is_put_into_hooks_and_all_are_accepted(tmp_path: Path) -> None:
    here = Place(tmp_path)
    older = derived_secret(SecretStr("t0"), HASH).get_secret_value()
    for secrets, expected in (
        ("", [DERIVED]),
        (", previous_access_token: t0", [DERIVED, older]),
        (", webhook_secret: new", ["new", DERIVED]),
        (", webhook_secret: new, previous_webhook_secret: old", ["new", "old", DERIVED]),
        (", previous_webhook_secret: old", [DERIVED, "old"]),
        (", webhook_secret: same, previous_webhook_secret: same", ["same", DERIVED]),
    ):
        store = here.store(secrets)
        assert [secret.get_secret_value() for secret in store.webhook_secrets] == expected
        assert store.webhook_secret.get_secret_value() == expected[0]


def test_a_previous_client_secret_alone_checks_nothing_since_nothing_signs_with_it(tmp_path: Path) -> None:
    assert Place(tmp_path).store(", previous_client_secret: old").client_secrets() == ()
