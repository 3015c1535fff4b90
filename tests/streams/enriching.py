"""An enricher driven by hand: an emulated store's events become deliveries, its owner writes facts to a real Kafka."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha1
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from connectors.bigcommerce.scopes import Kind
from schemas import topics
from schemas.requests import Request
from streams.access import Kafka
from streams.enrich import EnrichOwner, EnrichSettings, StoreConnection
from streams.enrich.owner import INPUTS
from streams.enrich.store import StoreEnricher
from streams.flow import Flow
from streams.inbox import Record
from streams.names import Names
from streams.owner import Parts
from streams.store import open_store
from tests.clocks import run_until
from tests.connectors.bigcommerce_shop import TOKEN, Shop, emulated_shop
from tests.streams import logs

OUTPUTS = (
    topics.CUSTOMER,
    topics.SUBSCRIBER,
    topics.ORDER,
    topics.CART,
    topics.PRODUCT,
    topics.CATEGORY,
    topics.dead(topics.WEBHOOK),
    topics.dead(topics.REQUEST),
)


class Rec(NamedTuple):
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class Fact(NamedTuple):
    """A record of an output topic: ``body`` decoded, None for a tombstone."""

    key: str
    body: dict[str, Any] | None
    headers: dict[str, str]


@dataclass
class Enriching:
    """``log`` stands for the two input topics. ``crash`` ends an owner without any order, as a killed process would."""

    shop: Shop
    kafka: str
    names: Names
    folder: Path
    settings: EnrichSettings
    log: dict[str, list[Record]] = field(default_factory=lambda: {topic: [] for topic in INPUTS})
    owner: EnrichOwner | None = None
    failures: list[BaseException] = field(default_factory=list)
    flow: Flow = field(default_factory=Flow)
    _lives: "count[int]" = field(default_factory=count)
    _hashes: "count[int]" = field(default_factory=count)

    # --- life ---------------------------------------------------------------------------------------------------------

    async def start(self) -> EnrichOwner:
        """A new owner with an empty local store: all that it knows comes from the changelog."""
        store = open_store(str(self.folder / f"store-{next(self._lives)}"))
        parts = Parts(
            name="enrich",
            partition=0,
            inputs=INPUTS,
            changelog=self.names.changelog("enrich", versioned=False),
            store=store,
            kafka=Kafka(self.kafka),
            names=self.names,
            partitions=lambda name: 1,
            flow=self.flow,
        )
        owner = self.owner = EnrichOwner(parts, self.settings, self.shop.clock)
        owner.on_failure = self.failures.append
        await owner.start()
        await owner.restore()
        position = {topic: owner.stored_position().get(topic, 0) for topic in INPUTS}
        owner.begin(position)
        await owner.ready()
        for topic, records in self.log.items():
            if records[position[topic] :]:
                owner.feed(topic, records[position[topic] :])
        await owner.run()
        return owner

    async def stop(self) -> None:
        assert self.owner is not None
        await self.owner.stop()

    @property
    def store(self) -> StoreEnricher:
        assert self.owner is not None
        return self.owner.stores[self.shop.store.store_hash]

    # --- what comes in ------------------------------------------------------------------------------------------------

    def heard(self, scope: str, data: Mapping[str, object]) -> None:
        """An event of the shop becomes a record; ``feed`` hands it to the owner."""
        if "/lineItem/" not in scope:
            self.add_delivery(scope, data)

    def add_delivery(self, scope: str, data: Mapping[str, object], *, copies: int = 1) -> None:
        body = {
            "producer": f"stores/{self.shop.store.store_hash}",
            "hash": sha1(str(next(self._hashes)).encode()).hexdigest(),
            "created_at": self.shop.clock.now() // 1000,
            "store_id": str(self.shop.store.store_id),
            "scope": scope,
            "data": data,
        }
        for _ in range(copies):
            self.add(topics.WEBHOOK, msgspec.json.encode(body))

    def add(self, topic: str, value: bytes, key: str | None = None) -> None:
        records = self.log[topic]
        key_of = (key or self.shop.store.store_hash).encode()
        records.append(Rec(len(records), self.shop.clock.now(), key_of, value))

    async def feed(self) -> None:
        """Everything that the owner has not been fed; it takes what it has had before for what it is."""
        assert self.owner is not None
        for topic, records in self.log.items():
            if records:
                self.owner.feed(topic, records)
        await self.owner.run()

    async def ask(self, request: Request) -> None:
        self.add(topics.REQUEST, msgspec.json.encode(request))
        await self.feed()

    # --- what comes out -----------------------------------------------------------------------------------------------

    async def quiet(self, timeout: float = 30) -> None:
        """Lets the clock run until nothing is marked and no import is under way."""
        await self.until(self.at_rest, "everything is read", timeout)

    async def read(self, kind: Kind, id_: str) -> None:
        """Lets the clock run until this entity is read, and its fact written."""
        await self.until(
            lambda: not self.store.marks.marked(kind, id_) and not self.store.state.writer.pending,
            f"{kind} {id_} is read",
        )

    def at_rest(self) -> bool:
        assert self.owner is not None
        stores = self.owner.stores.values()
        return not self.owner.busy and all(not each.backlog() and not each.importer.jobs for each in stores)

    async def until(self, true: Callable[[], bool], what: str, timeout: float = 30) -> None:
        """Lets the clock run until it is so."""
        assert self.owner is not None
        owner = self.owner

        def so() -> bool:
            if self.failures:
                raise AssertionError("The owner has failed.") from self.failures[0]
            return true()

        await run_until(self.shop.clock, so, idle=lambda: not owner.busy, what=what, timeout=timeout)

    async def facts(self, topic: str) -> list[Fact]:
        return [
            Fact(
                record.key.decode(),
                None if record.value is None else msgspec.json.decode(record.value),
                {name: value.decode() for name, value in record.headers},
            )
            for record in await self._records(topic)
        ]

    async def facts_raw(self, topic: str) -> list[tuple[bytes | None, dict[str, str]]]:
        """(value, headers) as they are."""
        return [
            (record.value, {name: value.decode() for name, value in record.headers})
            for record in await self._records(topic)
        ]

    async def _records(self, topic: str) -> list[Any]:
        """All that was committed: readers may see it a moment after the commit was answered."""
        found: list[Any] = []

        async def complete() -> bool:
            found[:] = await logs.read(self.kafka, self.names.topic(topic), partitions=1)
            return len(found) >= self.flow.written_records[topic]

        await logs.until(complete, f"all of {topic} can be read")
        return found

    async def newest(self, topic: str) -> dict[str, Fact]:
        """The last record per entity id."""
        return {fact.key.partition("/")[2]: fact for fact in await self.facts(topic)}


@asynccontextmanager
async def enriching(
    kafka: str, prefix: str, folder: Path, *, quota: int = 150, token: str = TOKEN, **settings: Any
) -> AsyncIterator[Enriching]:
    """A shop, its topics and a started owner; what the shop tells becomes deliveries (see ``feed``)."""
    names = Names(prefix=prefix)
    changelog = names.changelog("enrich", versioned=False)
    await logs.create(kafka, [*(names.topic(topic) for topic in OUTPUTS), changelog], partitions=1)
    async with emulated_shop(quota=quota) as shop:
        parts = frozenset(settings.pop("parts", ("customers", "orders", "products", "carts")))
        connection = StoreConnection(shop.store.store_hash, token, shop.url, parts, settings.pop("hooks", None))
        config = EnrichSettings({shop.store.store_hash: connection}, request_timeout=0.5, **settings)
        world = Enriching(shop, kafka, names, folder, config)
        shop.store.events.listeners.append(world.heard)
        await world.start()
        try:
            yield world
            for failure in world.failures:
                raise failure
        finally:
            await world.stop()
