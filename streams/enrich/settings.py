"""What the enricher needs to know of the configuration."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from connectors.bigcommerce import hooks
from connectors.bigcommerce.client import BASE_URL
from connectors.bigcommerce.scopes import Kind

_KINDS: Mapping[str, frozenset[Kind]] = {
    "customers": frozenset({"customer", "subscriber"}),
    "orders": frozenset({"order"}),
    "carts": frozenset({"cart"}),
    "products": frozenset({"product", "category"}),
    "inventory": frozenset({"product"}),
}


@dataclass(frozen=True, slots=True)
class HooksWanted:
    """The webhooks that a store shall have. ``headers``: what every delivery carries, the secret among them."""

    scopes: tuple[str, ...]
    public_url: str
    headers: Mapping[str, str] = field(repr=False)

    def plan(self, store_hash: str, present: Collection[hooks.Hook]) -> hooks.Plan:
        return hooks.plan(store_hash, self.scopes, self.public_url, self.headers, present)


@dataclass(frozen=True, slots=True)
class StoreConnection:
    """How to reach one store. ``parts``: the enabled ones of `sync` (customers, orders, products, carts, inventory).

    ``hooks``: those that are kept up; None: nobody looks after them here.
    """

    store_hash: str
    access_token: str = field(repr=False)
    base_url: str = BASE_URL
    parts: frozenset[str] = frozenset({"customers", "orders", "products", "carts"})
    hooks: HooksWanted | None = None

    def wants(self, kind: Kind) -> bool:
        """Whether entities of this kind are read."""
        return any(kind in _KINDS.get(part, ()) for part in self.parts)


@dataclass(frozen=True, slots=True)
class EnrichSettings:
    """``stores`` by store hash. Times in ms of the clock, time-outs of requests in real seconds.

    ``coalesce_ms``: how long after its first delivery an entity is read, so that deliveries in a row cost one request.
    ``most_marks``: more marks of a kind (carts excepted) become a reconcile. ``give_up_after``: tries of one entity
    whose answers cannot be used, until what caused them is dead-lettered.
    """

    stores: Mapping[str, StoreConnection]
    coalesce_ms: int = 2_000
    most_marks: int = 100_000
    give_up_after: int = 12
    reconcile_every_ms: int = 3_600_000  # see streams.enrich.reconcile
    reconcile_overlap_ms: int = 20 * 60_000
    request_timeout: float = 15.0
    concurrency: int = 6
