"""A shop, a gateway that can be out of order, and an enricher that watches over its webhooks, on one jumping clock."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from emulators.bigcommerce import BigCommerce
from emulators.bigcommerce.store import Store
from emulators.clock import StandingClock
from emulators.server import Server
from schemas import topics
from schemas.requests import Reconcile, Sync
from streams.access import Kafka
from streams.engine import Engine
from streams.enrich import EnrichOwner
from streams.enrich.heard import HookMemory
from streams.enrich.store import StoreEnricher
from tajo.components import Components
from tajo.kafka.ports import free_port
from tajo.running import INITIAL, running
from tajo.settings import load
from tests.clocks import run_until
from tests.connectors.bigcommerce_shop import NOBODY, START, TOKEN, Requests, fill_catalogue, item
from tests.streams import logs

HASH = "tj4kq1w9zc"
MINUTE, HOUR = 60_000, 3_600_000
# Reconciles of its own come so seldom here that what is found was asked for by the watch.
CONFIGURATION = """\
connectors:
  bigcommerce:
    store_hash: {hash}
    access_token: {token}
    client_secret: a-client-secret
    webhook_secret: a-header-secret
brevo: {{api_key: xkeysib-test}}
bigcommerce: {{base_url: "{shop}"}}
public_url: {public}
data_dir: {folder}
reconcile: {{every: 400d}}
kafka: {{bootstrap_servers: "{kafka}", prefix: {prefix}, partitions: 1, replication: 1}}
{more}
"""


@dataclass
class Door:
    """Before the gateway. ``answer``: the status that it answers instead, None to let everything in."""

    app: ASGIApp
    answer: int | None = None
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)  # path, value of the secret header

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = dict(scope["headers"])
            self.seen[scope["path"], headers.get(b"x-tajo-secret", b"").decode()] += 1
            if self.answer is not None:
                while (await receive()).get("more_body"):
                    pass
                await Response(status_code=self.answer)(scope, receive, send)
                return
        await self.app(scope, receive, send)


@dataclass
class World:
    clock: StandingClock
    shop: BigCommerce
    requests: Requests
    made: Components
    engine: Engine
    door: Door
    folder: Path

    @property
    def store(self) -> Store:
        return self.shop.store

    @property
    def enricher(self) -> StoreEnricher:
        (owner,) = self.engine.owners()
        assert isinstance(owner, EnrichOwner)
        return owner.stores[HASH]

    @property
    def memory(self) -> HookMemory:
        return self.enricher.heard.memory

    def hook(self, scope: str) -> Any:
        (found,) = [hook for hook in self.shop.hooks.all() if hook.scope == scope]
        return found

    def place(self, email: str = "ida@example.com") -> int:
        return self.store.orders.place([item()], email=email, billing=NOBODY).id

    async def run(self, until: Callable[[], bool], what: str, timeout: float = 60) -> None:
        """Lets the clock run until it is so."""
        await run_until(self.clock, until, idle=self._at_rest, what=what, timeout=timeout)

    async def run_for(self, ms: int) -> None:
        """``ms`` of the clock."""
        end = self.clock.now() + ms
        self.clock.limit = end
        waiting = asyncio.create_task(self.clock.sleep_until(end))
        try:
            await self.run(lambda: waiting.done() and self._at_rest(), f"{ms} ms go by")
        finally:
            self.clock.limit = None

    async def watched(self) -> None:
        """Until all hooks are there and known good."""
        wanted = len(self.enricher_hooks())
        await self.run(lambda: len(self.memory.good) == wanted and not self.memory.gaps, "the hooks are known good")
        await self.run(lambda: not self.enricher.importer.jobs, "the first import is done")

    def enricher_hooks(self) -> tuple[str, ...]:
        (store,) = self.made.settings.connected()
        wanted = self.made.hooks_wanted(store)
        assert wanted is not None
        return wanted.scopes

    def _at_rest(self) -> bool:
        return self.made.flow.lag() == 0 and not any(owner.working for owner in self.engine.owners())

    async def reconciles(self) -> list[Reconcile]:
        """Those that were asked for so far."""
        records = await logs.read_decided(self.made.kafka.bootstrap_servers, self.made.names.topic(topics.REQUEST), 1)
        found = [msgspec.json.decode(record.value) for record in records]
        return [msgspec.convert(each, Reconcile) for each in found if each["kind"] == "reconcile"]

    async def facts(self, topic: str) -> dict[str, dict[str, Any]]:
        """Entity id -> the newest fact."""
        records = await logs.read_decided(self.made.kafka.bootstrap_servers, self.made.names.topic(topic), 1)
        return {
            record.key.decode().partition("/")[2]: msgspec.json.decode(record.value)
            for record in records
            if record.value is not None
        }


@asynccontextmanager
async def world(kafka: str, prefix: str, folder: Path, *, more: str = "", **emulated: Any) -> AsyncIterator[World]:
    """Hooks, imports and the gateway are at work when it is entered."""
    clock = StandingClock(START, grain=10)
    shop = BigCommerce(
        clock,
        Store(clock, store_hash=HASH),
        access_token=TOKEN,
        client_secret="a-client-secret",
        allow_http=True,
        **{"duplicates": 0.0, "reorder": 0.0, "quota": 100_000, **emulated},
    )
    fill_catalogue(shop.store)
    requests = Requests(shop.app)
    port = free_port()
    async with contextlib.AsyncExitStack() as stack:
        url = await stack.enter_async_context(Server(requests))
        await stack.enter_async_context(shop)
        path = folder / "tajo.yml"
        path.write_text(
            CONFIGURATION.format(
                hash=HASH,
                token=TOKEN,
                shop=url,
                public=f"http://127.0.0.1:{port}",
                folder=folder / "data",
                kafka=kafka,
                prefix=prefix,
                more=more,
            ),
            encoding="utf-8",
        )
        made = Components(load(path, {}), Kafka(kafka), clock=clock)
        await made.apply_topics()
        door = Door(made.gateway())
        await stack.enter_async_context(Server(door, port=port))
        engine = made.engine("enrich", [made.enrich_role(watch=True)])
        await made.request(Sync(store=HASH, id=INITIAL, at=clock.now(), resources=("customers", "orders")))
        await stack.enter_async_context(running(engine))
        here = World(clock, shop, requests, made, engine, door, folder)
        await here.run(lambda: bool(engine.owners()) and HASH in _stores(engine), "the enricher has its store")
        await here.watched()
        yield here
    assert requests.wrong == []


def _stores(engine: Engine) -> set[str]:
    return {store for owner in engine.owners() if isinstance(owner, EnrichOwner) for store in owner.stores}
