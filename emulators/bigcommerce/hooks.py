"""The registered webhooks of one API account (webhooks.v3.yml)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from emulators.clock import Clock

MOST_PER_SCOPE = 10
EXCEPTIONS = "store/hook/deliveryException"
IDLE_MS = 90 * 86_400_000  # without an event for so long, a hook is deactivated

SCOPES = frozenset(
    f"store/{group}/{what}"
    for group, whats in {
        "app": "uninstalled",
        "cart": "created updated deleted couponApplied abandoned converted",
        "cart/lineItem": "created updated deleted",
        "category": "created updated deleted",
        "channel": "created updated",
        "customer": "created updated deleted",
        "customer/address": "created updated deleted",
        "hook": "deliveryException",
        "information": "updated",
        "order": "created updated archived statusUpdated",
        "order/message": "created",
        "order/refund": "created",
        "order/transaction": "created updated",
        "product": "created updated deleted",
        "product/inventory": "updated order/updated",
        "shipment": "created updated deleted",
        "sku": "created updated deleted",
        "sku/inventory": "updated order/updated",
        "subscriber": "created updated deleted",
    }.items()
    for what in whats.split()
)


class RefusedHook(ValueError):
    """``status`` and ``errors`` are what the API answers."""

    def __init__(self, status: int, title: str, errors: Mapping[str, str] | None = None) -> None:
        super().__init__(title)
        self.status = status
        self.errors = errors or {}


@dataclass(slots=True, kw_only=True)
class Hook:
    id: int
    scope: str
    destination: str
    headers: dict[str, str]
    is_active: bool
    created_at: int
    updated_at: int
    last_event_at: int  # ms; of hooks that were just made or switched on: that moment
    deactivated: bool = False


@dataclass(slots=True)
class Hooks:
    """``allow_http``: take destinations that are not HTTPS, which BigCommerce does not, for tests on one machine."""

    clock: Clock
    store_hash: str
    client_id: str
    allow_http: bool = False
    emails: list[str] = field(default_factory=list)
    _hooks: dict[int, Hook] = field(default_factory=dict)
    _last_id: int = 18_048_286

    def all(self) -> list[Hook]:
        self._let_idle_ones_sleep()
        return list(self._hooks.values())

    def get(self, hook_id: int) -> Hook | None:
        self._let_idle_ones_sleep()
        return self._hooks.get(hook_id)

    def for_scope(self, scope: str) -> list[Hook]:
        """Those that are active."""
        return [hook for hook in self.all() if hook.scope == scope and hook.is_active]

    def heard(self, hook: Hook) -> None:
        """There was an event for it."""
        hook.last_event_at = self.clock.now()

    def create(self, body: Any) -> Hook:
        wanted = self._checked(body, {"is_active": True, "headers": None})
        now = self.clock.now()
        self._last_id += 1
        hook = Hook(
            id=self._last_id,
            scope=wanted["scope"],
            destination=wanted["destination"],
            headers=dict(wanted["headers"] or {}),
            is_active=wanted["is_active"],
            created_at=now // 1000,
            updated_at=now // 1000,
            last_event_at=now,
        )
        self._room_for(hook)
        self._hooks[hook.id] = hook
        return hook

    def change(self, hook: Hook, body: Any) -> Hook:
        """What the body does not name stays. Setting it active takes back a deactivation."""
        if not body:
            raise RefusedHook(422, "JSON data is missing or invalid", {"body": "At least one field is required."})
        known = {name: getattr(hook, name) for name in ("scope", "destination", "is_active", "headers")}
        wanted = self._checked(body, known)
        changed = Hook(
            id=hook.id,
            scope=wanted["scope"],
            destination=wanted["destination"],
            headers=dict(wanted["headers"] or {}),
            is_active=wanted["is_active"],
            created_at=hook.created_at,
            updated_at=self.clock.now() // 1000,
            last_event_at=hook.last_event_at if hook.is_active else self.clock.now(),
            deactivated=hook.deactivated and not wanted["is_active"],
        )
        self._room_for(changed)
        self._hooks[hook.id] = changed
        return changed

    def delete(self, hook: Hook) -> None:
        del self._hooks[hook.id]

    def deactivate(self, hook: Hook) -> None:
        """After the last attempt of a delivery has failed, or after 90 days without events."""
        hook.is_active, hook.deactivated = False, True
        hook.updated_at = self.clock.now() // 1000

    def shown(self, hook: Hook) -> dict[str, Any]:
        return {
            "id": hook.id,
            "client_id": self.client_id,
            "store_hash": self.store_hash,
            "scope": hook.scope,
            "destination": hook.destination,
            "headers": hook.headers or None,
            "is_active": hook.is_active,
            "created_at": hook.created_at,
            "updated_at": hook.updated_at,
        }

    def status(self, hook: Hook) -> str:
        if hook.is_active:
            return "active"
        return "deactivated" if hook.deactivated else "inactive"

    def _checked(self, body: Any, known: Mapping[str, Any]) -> dict[str, Any]:
        if not isinstance(body, dict):
            raise RefusedHook(400, "Input is invalid.")
        wanted = {**known, **body}
        errors = {name: "error.path.missing." for name in ("scope", "destination") if not wanted.get(name)}
        if errors:
            raise RefusedHook(422, "JSON data is missing or invalid", errors)
        if wanted["scope"] not in SCOPES:
            raise RefusedHook(422, "JSON data is missing or invalid", {"scope": f"{wanted['scope']} is no scope."})
        if (wrong := self._wrong_destination(str(wanted["destination"]))) is not None:
            raise RefusedHook(422, "JSON data is missing or invalid", {"destination": wrong})
        headers = wanted["headers"]
        texts = headers is None or (isinstance(headers, dict) and all(isinstance(v, str) for v in headers.values()))
        if not texts or not isinstance(wanted["is_active"], bool):
            raise RefusedHook(422, "JSON data is missing or invalid", {"headers": "error.expected.jsobject"})
        return wanted

    def _wrong_destination(self, destination: str) -> str | None:
        parts = urlsplit(destination)
        if self.allow_http and parts.scheme in ("http", "https"):
            return None
        if parts.scheme != "https":
            return "The destination must be HTTPS."
        return None if parts.netloc.rpartition(":")[2] in (parts.netloc, "443") else "Only port 443 is supported."

    def _room_for(self, hook: Hook) -> None:
        others = [each for each in self._hooks.values() if each.id != hook.id]
        same = [each for each in others if each.scope == hook.scope]
        if hook.scope == EXCEPTIONS and same:
            raise RefusedHook(422, f"There is a webhook for {EXCEPTIONS} already: there can be one only.")
        if any(each.destination == hook.destination for each in same):
            raise RefusedHook(422, f"There is a webhook for {hook.scope} to this destination already.")
        if any(each.destination == hook.destination and EXCEPTIONS in (each.scope, hook.scope) for each in others):
            raise RefusedHook(422, f"The destination of {EXCEPTIONS} has to differ from those of all other webhooks.")
        if len(same) >= MOST_PER_SCOPE:
            raise RefusedHook(422, f"The limit of {MOST_PER_SCOPE} webhooks for {hook.scope} is reached.")

    def _let_idle_ones_sleep(self) -> None:
        now = self.clock.now()
        for hook in self._hooks.values():
            if hook.is_active and now >= hook.last_event_at + IDLE_MS:
                self.deactivate(hook)
