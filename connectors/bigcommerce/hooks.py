"""Webhooks of a store: the wanted ones against those that `GET /v3/hooks` lists, and what has to be done about it.

Concrete scopes only: it is not known which scope a delivery of a wildcard hook carries. A hook is ours when the path of
its destination is ours for this store, whatever the host; others are left alone. Outside rules: bigcommerce/docs,
integrations/webhooks/overview.mdx, and webhooks.v3.yml.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import msgspec

from connectors.bigcommerce.client import Client
from connectors.bigcommerce.errors import Refused
from connectors.bigcommerce.limits import Priority
from connectors.bigcommerce.pages import MOST, page_v3, row_as
from schemas.errors import TajoError

SCOPE = "the default scope of an API account"
EXCEPTIONS = "store/hook/deliveryException"
ALWAYS = ("store/information/updated", "store/app/uninstalled", EXCEPTIONS)
MOST_PER_SCOPE: Final = 10  # per store, API account and scope


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
    """As `GET /v3/hooks` lists it (webhooks.v3). Times are Unix seconds."""

    id: int
    scope: str
    destination: str
    is_active: bool = True
    headers: dict[str, str] | None = None
    created_at: int = 0
    updated_at: int = 0

    def __repr__(self) -> str:
        """Without the values of the headers, which are secrets."""
        return f"Hook(id={self.id}, scope={self.scope!r}, destination={self.destination!r}, active={self.is_active})"


@dataclass(frozen=True, slots=True)
class Wanted:
    scope: str
    destination: str


@dataclass(frozen=True, slots=True)
class Repair:
    """A hook of ours that is not as ``wanted``; ``faults`` say why, without secrets."""

    hook: Hook
    wanted: Wanted
    faults: tuple[str, ...]


@dataclass(slots=True)
class Plan:
    """What would be done: ``create``, ``repair``, ``remove``; ``right`` stays.

    ``full``: scopes without a hook of ours for which there are as many as BigCommerce takes: nothing can be done.
    """

    headers: Mapping[str, str] = field(repr=False)
    create: list[Wanted] = field(default_factory=list)
    repair: list[Repair] = field(default_factory=list)
    remove: list[Hook] = field(default_factory=list)
    right: list[Hook] = field(default_factory=list)
    full: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """The difference, a line per hook, without secrets."""
        return [
            *(f"! {full(scope)}" for scope in self.full),
            *(f"+ {hook.scope} -> {hook.destination}" for hook in self.create),
            *(f"~ {one.hook.scope} -> {one.wanted.destination} ({', '.join(one.faults)})" for one in self.repair),
            *(f"- {hook.scope} -> {hook.destination}" for hook in self.remove),
        ]


def full(scope: str) -> str:
    """The sentence about a scope that has no room for ours."""
    return (
        f"{scope}: this API account has {MOST_PER_SCOPE} webhooks for it that are not ours, and BigCommerce takes no "
        "more: remove one of them, or use another API account."
    )


def path_of(store_hash: str) -> str:
    """Where the gateway takes deliveries of a store."""
    return f"/webhooks/bigcommerce/{store_hash}"


def exceptions_path_of(store_hash: str) -> str:
    """Where it takes those about failing deliveries, whose destination has to differ from that of every other hook."""
    return f"{path_of(store_hash)}/exceptions"


def is_ours(store_hash: str, hook: Hook) -> bool:
    return urlsplit(hook.destination).path.endswith((path_of(store_hash), exceptions_path_of(store_hash)))


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
    store_hash: str, scopes: Iterable[str], public_url: str, headers: Mapping[str, str], present: Collection[Hook]
) -> Plan:
    """Compares. ``headers``: those that every delivery shall carry, the secret among them.

    A hook of ours that leads elsewhere is led here, rather than replaced: no moment is without it, it needs no further
    place within the ten of its scope, and of the one about exceptions there can be no second.
    """
    result = Plan(headers=headers)
    mine: dict[str, list[Hook]] = {}
    for hook in present:
        if is_ours(store_hash, hook):
            mine.setdefault(hook.scope, []).append(hook)
    taken = Counter(hook.scope for hook in present)
    for wanted in _wanted(store_hash, scopes, public_url):
        hooks = sorted(mine.pop(wanted.scope, []), key=lambda hook: hook.destination != wanted.destination)
        if hooks:
            _compare(result, wanted, hooks[0])
            result.remove += hooks[1:]
        elif taken[wanted.scope] >= MOST_PER_SCOPE:
            result.full.append(wanted.scope)
        else:
            result.create.append(wanted)
    result.remove += [hook for hooks in mine.values() for hook in hooks]
    return result


def _compare(result: Plan, wanted: Wanted, hook: Hook) -> None:
    faults = []
    if not hook.is_active:
        faults.append("inactive")
    if hook.destination != wanted.destination:
        faults.append(f"leads to {hook.destination}")
    if _lower(hook.headers or {}) != _lower(result.headers):
        faults.append("another secret header")
    if faults:
        result.repair.append(Repair(hook, wanted, tuple(faults)))
    else:
        result.right.append(hook)


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _wanted(store_hash: str, scopes: Iterable[str], public_url: str) -> Iterable[Wanted]:
    base = public_url.rstrip("/")
    for scope in scopes:
        yield Wanted(scope, base + (exceptions_path_of if scope == EXCEPTIONS else path_of)(store_hash))


async def present_hooks(client: Client) -> list[Hook]:
    """All hooks that the token can see: those of its API account."""
    hooks: list[Hook] = []
    place: str | None = ""
    while place is not None:
        page = await page_v3(client, "/v3/hooks", {}, place=place, limit=MOST, scope=SCOPE, priority=Priority.LIVE)
        hooks += [row_as(row, Hook) for row in page.rows]
        place = page.next
    return list({hook.id: hook for hook in hooks}.values())


async def carry_out(client: Client, todo: Plan) -> None:
    """Creates, repairs, then removes, so that no moment lacks a hook. Up to a minute passes until new ones fire.

    Raises Refused once the others are done; every other error at once. Twice the same does no harm.
    """
    refused: list[Refused] = []
    for method, path, body in _steps(todo):
        try:
            await client.send(method, path, msgspec.Raw, body, scope=SCOPE)
        except Refused as error:
            refused.append(error)
    if refused:
        raise refused[0]


def _steps(todo: Plan) -> Iterable[tuple[str, str, dict[str, object] | None]]:
    for wanted in todo.create:
        yield "POST", "/v3/hooks", _body(wanted, todo.headers)
    for repair in todo.repair:
        yield "PUT", f"/v3/hooks/{repair.hook.id}", _body(repair.wanted, todo.headers)
    for hook in todo.remove:
        yield "DELETE", f"/v3/hooks/{hook.id}", None


def _body(wanted: Wanted, headers: Mapping[str, str]) -> dict[str, object]:
    return {"scope": wanted.scope, "destination": wanted.destination, "is_active": True, "headers": dict(headers)}


def removal(store_hash: str, present: Iterable[Hook]) -> Plan:
    """A plan that removes all of ours."""
    return Plan(headers={}, remove=[hook for hook in present if is_ours(store_hash, hook)])


async def ensure_hooks(client: Client, *, scopes: Iterable[str], public_url: str, headers: Mapping[str, str]) -> Plan:
    """Makes the store's hooks what they should be, and says what was done."""
    todo = plan(client.store_hash, scopes, public_url, headers, await present_hooks(client))
    await carry_out(client, todo)
    return todo
