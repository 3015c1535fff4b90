"""Webhooks of a store: the wanted ones against those that `GET /v3/hooks` lists, and what has to be done about it.

Concrete scopes only: it is not known which scope a delivery of a wildcard hook carries. A hook is ours when its
destination ends in our path for this store; others are left alone. Those of an old ``public_url`` of ours go.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import msgspec

from connectors.bigcommerce.client import Client
from connectors.bigcommerce.limits import Priority
from connectors.bigcommerce.pages import MOST, page_v3, row_as
from schemas.errors import TajoError

SCOPE = "the default scope of an API account"
EXCEPTIONS = "store/hook/deliveryException"
ALWAYS = ("store/information/updated", "store/app/uninstalled", EXCEPTIONS)


def _scopes(thing: str, *changes: str) -> tuple[str, ...]:
    return tuple(f"store/{thing}/{change}" for change in changes)


_INVENTORY = (
    *_scopes("product/inventory", "updated", "order/updated"),
    *_scopes("sku/inventory", "updated", "order/updated"),
)
# What each part of `sync` needs (docs: webhook events). store/inventory/updated stands for the real inventory scopes.
NEEDED: Mapping[str, tuple[str, ...]] = {
    "customers": (
        *_scopes("customer", "created", "updated", "deleted"),
        *_scopes("customer/address", "created", "updated", "deleted"),
        *_scopes("subscriber", "created", "updated", "deleted"),
    ),
    "orders": (*_scopes("order", "created", "updated", "statusUpdated", "archived"), "store/order/refund/created"),
    "carts": _scopes("cart", "created", "updated", "deleted", "couponApplied", "abandoned", "converted"),
    "products": (
        *_scopes("product", "created", "updated", "deleted"),
        *_scopes("sku", "created", "updated", "deleted"),
        *_scopes("category", "created", "updated", "deleted"),
    ),
    "inventory": _INVENTORY,
}


class WildcardScope(TajoError):
    """A hook for a wildcard scope was asked for."""


class Hook(msgspec.Struct, kw_only=True):
    """As `GET /v3/hooks` lists it (webhooks.v3)."""

    id: int
    scope: str
    destination: str
    is_active: bool = True
    headers: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    scope: str
    destination: str


@dataclass(slots=True)
class Plan:
    """What would be done: ``create``, ``repair`` (inactive, or with another secret), ``remove``; ``right`` stays."""

    headers: Mapping[str, str]
    create: list[Wanted] = field(default_factory=list)
    repair: list[Hook] = field(default_factory=list)
    remove: list[Hook] = field(default_factory=list)
    right: list[Hook] = field(default_factory=list)

    def lines(self) -> list[str]:
        """The difference, a line per hook, without secrets."""
        return [
            *(f"+ {hook.scope} -> {hook.destination}" for hook in self.create),
            *(f"~ {hook.scope} -> {hook.destination}{'' if hook.is_active else ' (inactive)'}" for hook in self.repair),
            *(f"- {hook.scope} -> {hook.destination}" for hook in self.remove),
        ]


def path_of(store_hash: str) -> str:
    """Where the gateway takes deliveries of a store."""
    return f"/webhooks/bigcommerce/{store_hash}"


def wanted_scopes(parts: Collection[str], listed: Iterable[str] = ()) -> list[str]:
    """What the enabled ``parts`` of `sync` need, and the ``listed`` ones of the configuration; each once.

    Raises WildcardScope. With `inventory` off the alias `store/inventory/updated` adds nothing.
    """
    scopes = [scope for part, needed in NEEDED.items() if part in parts for scope in needed]
    for scope in listed:
        if "*" in scope:
            raise WildcardScope(
                f"The webhook scope {scope} has a wildcard, but it is not known which scope its deliveries carry: "
                "list the concrete scopes instead."
            )
        if scope != "store/inventory/updated":
            scopes.append(scope)
    return list(dict.fromkeys([*scopes, *ALWAYS]))


def plan(
    store_hash: str, scopes: Iterable[str], public_url: str, headers: Mapping[str, str], present: Iterable[Hook]
) -> Plan:
    """Compares. ``headers``: those that every delivery shall carry, the secret among them."""
    wanted = {(hook.scope, hook.destination): hook for hook in _wanted(store_hash, scopes, public_url)}
    result = Plan(headers=headers)
    for hook in present:
        if not urlsplit(hook.destination).path.endswith(path_of(store_hash)):
            continue
        if wanted.pop((hook.scope, hook.destination), None) is None:
            result.remove.append(hook)
        elif hook.is_active and (hook.headers or {}) == dict(headers):
            result.right.append(hook)
        else:
            result.repair.append(hook)
    result.create = list(wanted.values())
    return result


def _wanted(store_hash: str, scopes: Iterable[str], public_url: str) -> Iterable[Wanted]:
    destination = public_url.rstrip("/") + path_of(store_hash)
    for scope in scopes:
        # The destination of this one has to differ from those of all other hooks.
        yield Wanted(scope, destination + "?about=hooks" if scope == EXCEPTIONS else destination)


async def present_hooks(client: Client) -> list[Hook]:
    """All hooks that the token can see."""
    hooks: list[Hook] = []
    place: str | None = ""
    while place is not None:
        page = await page_v3(client, "/v3/hooks", {}, place=place, limit=MOST, scope=SCOPE, priority=Priority.LIVE)
        hooks += [row_as(row, Hook) for row in page.rows]
        place = page.next
    return list({hook.id: hook for hook in hooks}.values())


async def carry_out(client: Client, todo: Plan) -> None:
    """Creates, repairs, then removes, so that no moment lacks a hook. Up to a minute passes until new ones fire."""
    for wanted in todo.create:
        await client.send("POST", "/v3/hooks", msgspec.Raw, _body(wanted, todo.headers), scope=SCOPE)
    for hook in todo.repair:
        await client.send("PUT", f"/v3/hooks/{hook.id}", msgspec.Raw, _body(hook, todo.headers), scope=SCOPE)
    for hook in todo.remove:
        await client.send("DELETE", f"/v3/hooks/{hook.id}", msgspec.Raw, scope=SCOPE)


def _body(hook: Wanted | Hook, headers: Mapping[str, str]) -> dict[str, object]:
    return {"scope": hook.scope, "destination": hook.destination, "is_active": True, "headers": dict(headers)}


async def ensure_hooks(client: Client, *, scopes: Iterable[str], public_url: str, headers: Mapping[str, str]) -> Plan:
    """Makes the store's hooks what they should be, and says what was done."""
    todo = plan(client.store_hash, scopes, public_url, headers, await present_hooks(client))
    await carry_out(client, todo)
    return todo
