"""One store: its marks, lanes, imports and troubles put together."""

import asyncio
from collections import Counter
from collections.abc import Mapping

from connectors.bigcommerce.client import Client
from connectors.bigcommerce.limits import Limiter
from connectors.bigcommerce.reads import Reads
from connectors.bigcommerce.scopes import Kind
from connectors.clock import Clock
from projections.fold import Output
from schemas import topics
from schemas.requests import Reconcile, Resource
from streams.enrich.carts import Carts
from streams.enrich.catalogue import Catalogue, StoreRecord
from streams.enrich.customers import Customers
from streams.enrich.deliveries import Deliveries
from streams.enrich.facts import Facts
from streams.enrich.heard import Heard
from streams.enrich.importer import KIND_OF, Importer
from streams.enrich.lanes import Lanes, Token
from streams.enrich.marks import Marks
from streams.enrich.orders import Orders
from streams.enrich.reconcile import Reconciler
from streams.enrich.settings import EnrichSettings
from streams.enrich.source import Desk, Listing, Source
from streams.enrich.state import CartMemory, Changes, State, merged
from streams.enrich.subscribers import Subscribers
from streams.enrich.troubles import Troubles
from streams.enrich.watch import HookWatch
from streams.enrich.writer import Spawn, Writer
from streams.inbox import Record

DAY = 86_400_000
RECONCILED: tuple[Resource, ...] = ("customers", "subscribers", "products", "orders")  # have lists by date modified
_CARTS_REMEMBERED_MS = 40 * DAY  # carts live 30 days after their last change
_EARLIER_MS = 60_000  # a reconcile begins this much before the first delivery that it replaces


class StoreEnricher:
    """Loaded from the state at once; ``start`` begins to read."""

    def __init__(self, store_hash: str, settings: EnrichSettings, clock: Clock, writer: Writer, spawn: Spawn) -> None:
        connection = settings.stores[store_hash]
        self.store_hash, self._settings, self._clock, self._spawn = store_hash, settings, clock, spawn
        self.client = Client(
            store_hash,
            connection.access_token,
            clock=clock,
            base_url=connection.base_url,
            limiter=Limiter(clock, concurrency=settings.concurrency),
            timeout=settings.request_timeout,
        )
        self.state = State(store_hash, writer)
        self.marks = Marks(self.state, settings.coalesce_ms)
        self._desk = Desk(Reads(self.client), self.state, self.marks, Facts(self.state), clock)
        self.troubles = Troubles(self.state)
        token = Token()
        self.importer = Importer(self._desk, self._listings(), troubles=self.troubles, token=token)
        self.heard = Heard(self.state, clock)
        self.deliveries = Deliveries(self._desk, connection, self.importer, self.troubles, self.heard)
        self.lanes = Lanes(
            self._desk,
            self._sources,
            clock=clock,
            limiter=self.client.limiter,
            troubles=self.troubles,
            token=token,
            give_up_after=settings.give_up_after,
            spawn=spawn,
        )
        self._reconciler = Reconciler(
            self.state,
            self.importer,
            clock,
            resources=tuple(one for one in RECONCILED if connection.wants(KIND_OF[one])),
            every_ms=settings.reconcile_every_ms,
            overlap_ms=settings.reconcile_overlap_ms,
        )
        self.watch: HookWatch | None = None
        if connection.hooks is not None:
            self.watch = HookWatch(self.state, self.client, connection.hooks, self.heard, clock, connection.wants)
        self._tasks: list[asyncio.Task[None]] = []
        self._swept_at = 0

    def _listings(self) -> Mapping[Resource, Listing]:
        customers, subscribers, orders = Customers(self._desk), Subscribers(self._desk), Orders(self._desk)
        products, categories = Catalogue(self._desk, "product"), Catalogue(self._desk, "category")
        self._sources: Mapping[Kind, Source] = {
            "store": StoreRecord(self._desk, lambda: self.importer.stir()),
            "cart": Carts(self._desk),
            "subscriber": subscribers,
            "customer": customers,
            "order": orders,
            "product": products,
            "category": categories,
        }
        return {
            "customers": customers,
            "subscribers": subscribers,
            "orders": orders,
            "products": products,
            "categories": categories,
        }

    # --- life ---------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._tasks = [
            self._spawn(self.lanes.run(), f"lanes of store {self.store_hash}"),
            self._spawn(self.importer.run(), f"imports of store {self.store_hash}"),
            self._spawn(self._reconciler.run(), f"reconciles of store {self.store_hash}"),
        ]
        if self.watch is not None:
            self._tasks.append(self._spawn(self.watch.run(), f"watch over the webhooks of store {self.store_hash}"))

    async def close(self) -> None:
        """Ends what is under way; marks that were being read stay."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.lanes.close()
        await self.client.close()

    # --- what comes in ------------------------------------------------------------------------------------------------

    def receive(self, topic: str, record: Record) -> tuple[list[Output], Changes]:
        """Takes in a delivery or request. Raises BadRecord or MsgspecError for one that cannot be understood."""
        if topic == topics.WEBHOOK:
            return self.deliveries.delivered(record)
        return self.deliveries.requested(record)

    def settle(self) -> Changes:
        """After a batch: too many marks become a reconcile, and what is remembered too long is forgotten."""
        changes = [self._collapse(resource, kind) for resource, kind in KIND_OF.items() if kind != "cart"]
        if not self.state.info.asked and not self.marks.marked("store", ""):
            changes.append(self.marks.add("store", "", self._clock.now() - self._settings.coalesce_ms))
        return merged(*changes, self._sweep(), self.heard.settle())

    def _collapse(self, resource: Resource, kind: Kind) -> Changes:
        """Deletions stay marks, since no list shows them; so does what was asked for, whether or not it changed."""
        if self.marks.count(kind) <= self._settings.most_marks:
            return {}
        many = [
            wanted
            for wanted in self.marks.waiting(kind)
            if not wanted.mark.requested and not any(cause.scope.endswith("/deleted") for cause in wanted.mark.causes)
        ]
        if not many:
            return {}
        now = self._clock.now()
        first = min((cause.created_at for wanted in many for cause in wanted.mark.causes), default=now)
        changes = [self.marks.discard(kind, wanted.id)[1] for wanted in many]
        job = Reconcile(
            store=self.store_hash, at=now, since=first - _EARLIER_MS, until=now + DAY, resources=(resource,)
        )
        return merged(*changes, self.importer.add(job))

    def _sweep(self) -> Changes:
        """Once a day: carts that cannot exist any more."""
        now = self._clock.now()
        if now < self._swept_at + DAY:
            return {}
        self._swept_at = now
        old = [id_ for id_, cart in self.state.scan("cart/", CartMemory) if cart.at < now - _CARTS_REMEMBERED_MS]
        return merged(*(self.state.change(f"cart/{id_}", None) for id_ in old))

    # --- what is seen from outside ------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether something can be done now, without waiting for the clock."""
        if self.lanes.stirred:
            return True
        watching = self.watch is not None and self.watch.under_way
        return len(self.lanes.running) + (not self.importer.sleeping) + watching > self.client.waiting

    def backlog(self) -> Counter[str]:
        """Marks by kind."""
        return Counter({kind: count for kind in self._sources if (count := self.marks.count(kind))})
