"""A secret is replaced without a gap: the gateway takes the old and the new one while the hooks change."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from emulators.bigcommerce import BigCommerce
from emulators.bigcommerce.deliveries import signed_headers
from emulators.bigcommerce.store import Store
from emulators.clock import StandingClock
from emulators.server import Server
from gateway.config import SECRET_HEADER
from schemas import topics
from streams.access import Kafka
from tajo.components import Components
from tajo.kafka.ports import free_port
from tajo.settings import load
from tajo.settings.resolved import ConnectedStore, derived_secret
from tests.connectors.bigcommerce_shop import NOBODY, START, TOKEN, fill_catalogue, item
from tests.emulators.bigcommerce_shop import moving
from tests.hooks.world import HASH, Door
from tests.streams import logs

CONFIGURATION = """\
connectors:
  bigcommerce: {{store_hash: {hash}, access_token: {token}{secrets}}}
brevo: {{api_key: xkeysib-test}}
bigcommerce: {{base_url: "{shop}"}}
public_url: {public}
signature: {signature}
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
    signature: str = "if-present"

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


def new_shop(clock: StandingClock, store: Store, *, token: str = TOKEN, key: str = "a-client-secret") -> BigCommerce:
    """As an API account sees it. Two of one store are two accounts, each with webhooks of its own."""
    return BigCommerce(
        clock, store, access_token=token, client_secret=key, duplicates=0.0, reorder=0.5, allow_http=True
    )


async def orders(clock: StandingClock, store: Store, count: int) -> set[int]:
    placed = set()
    for _ in range(count):
        placed.add(store.orders.place([item()], email="ida@example.com", billing=NOBODY).id)
        await clock.sleep_until(clock.now() + 3_000)
    return placed


@pytest.mark.kafka
async def test_deliveries_before_while_and_after_a_secret_is_replaced_are_all_accepted(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    clock, port = StandingClock(START), free_port()
    shop = new_shop(clock, Store(clock, store_hash=HASH))
    fill_catalogue(shop.store)
    door = Door(Response(status_code=503))  # until there is a gateway behind it
    async with Server(door, port=port), Server(shop.app) as url, shop, moving(clock):
        here = Place(tmp_path, kafka, topic_prefix, url, f"http://127.0.0.1:{port}")
        before = here.made(", webhook_secret: an-old-secret", clock)
        await before.apply_topics()
        async with serving(door, before, tmp_path / "old.db"):
            await before.ensure_hooks()
            await orders(clock, shop.store, 5)
            after = here.made(", webhook_secret: a-new-secret, previous_webhook_secret: an-old-secret", clock)
            async with serving(door, after, tmp_path / "new.db"):
                await orders(clock, shop.store, 5)  # with the old one, and some are on their way when the hooks change
                done = await after.ensure_hooks()
                await orders(clock, shop.store, 5)
                await shop.deliveries.settled()
        assert {each.faults for each in done[HASH].repair} == {("another secret header",)}
        assert len(done[HASH].repair) == len(shop.hooks.all())
    counters = shop.deliveries.counters
    assert (counters.failed, counters.dropped) == (0, 0)
    assert counters.delivered >= 15
    secrets = {secret for _, secret in door.seen}
    assert secrets == {"an-old-secret", "a-new-secret"}


def shown(account: BigCommerce) -> list[dict[str, Any]]:
    return [account.hooks.shown(hook) for hook in account.hooks.all()]


class ByToken:
    """BigCommerce's API for several API accounts of a store."""

    def __init__(self, **accounts: BigCommerce) -> None:
        self._accounts = {token.encode(): account.app for token, account in accounts.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = dict(scope.get("headers", ())).get(b"x-auth-token", b"")
        await self._accounts[token](scope, receive, send)


@pytest.mark.kafka
async def test_a_store_goes_over_to_a_new_api_account_without_a_delivery_refused_or_lost(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    """The new account sees no webhook of the old one; both deliver until that is deleted, and its webhooks with it."""
    clock, port = StandingClock(START), free_port()
    store = Store(clock, store_hash=HASH)
    old = new_shop(clock, store, token="old", key="an-old-key")
    new = new_shop(clock, store, token="new", key="a-new-key")
    fill_catalogue(store)
    door = Door(Response(status_code=503))
    placed = set[int]()
    async with Server(door, port=port), Server(ByToken(old=old, new=new)) as url, old, new, moving(clock):
        here = Place(tmp_path, kafka, topic_prefix, url, f"http://127.0.0.1:{port}", signature="required")
        before = here.made(", client_secret: an-old-key", clock, token="old")
        await before.apply_topics()
        async with serving(door, before, tmp_path / "old.db"):
            await before.ensure_hooks()
            placed |= await orders(clock, store, 5)
            secrets = ", client_secret: a-new-key, previous_client_secret: an-old-key, previous_access_token: old"
            after = here.made(secrets, clock, token="new")
            async with serving(door, after, tmp_path / "new.db"):
                placed |= await orders(clock, store, 5)  # the old account tells of these
                hooks_before = shown(old)
                done = await after.ensure_hooks()
                assert shown(old) == hooks_before
                assert sorted(each.scope for each in done[HASH].create) == sorted(
                    hook.scope for hook in new.hooks.all()
                )
                assert len(new.hooks.all()) == len(hooks_before)
                placed |= await orders(clock, store, 5)  # both
                await old.deliveries.settled()
                for hook in old.hooks.all():  # as BigCommerce does with those of an account that is deleted
                    old.hooks.delete(hook)
        alone = here.made(", client_secret: a-new-key", clock, token="new")
        async with serving(door, alone, tmp_path / "alone.db"):
            placed |= await orders(clock, store, 5)  # the new one
            await new.deliveries.settled()
    for account in (old, new):
        assert account.deliveries.counters.failed == 0
    assert new.deliveries.counters.delivered >= 10
    log = await logs.read(kafka, after.names.topic(topics.WEBHOOK), 1)
    told = [json.loads(record.value) for record in log]
    assert {each["data"]["id"] for each in told if each["scope"] == "store/order/created"} == placed


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
