"""Who has webhooks of ours: each store at BigCommerce, each account at Brevo. The commands treat them alike."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar
from urllib.parse import urlsplit, urlunsplit

from connectors.bigcommerce import hooks as store_hooks
from connectors.bigcommerce.client import Client
from connectors.bigcommerce.hooks_admin import hooks_admin
from connectors.brevo import hooks as account_hooks
from connectors.brevo.account import Account as BrevoAccount
from streams.enrich.findings import findings
from streams.enrich.heard import HookMemory
from streams.enrich.settings import HooksWanted
from tajo.components import Components
from tajo.errors import Problem, SettingsError
from tajo.settings.resolved import Account, ConnectedStore

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Todo:
    """What would be done, a line each, and how. ``hindered``: sentences about what cannot be done."""

    lines: list[str]
    carry_out: Callable[[], Awaitable[None]]
    hindered: list[str]


class Target(Protocol):
    """Its methods raise the errors of its connector; all but ``rows`` and ``removal`` need `public_url`."""

    name: str

    async def rows(self) -> list[str]:
        """All its webhooks, ours and others', a line each, without secrets."""

    async def all(self) -> Todo:
        """Everything that differs from the configuration."""

    async def repairs(self) -> Todo:
        """What is missing or wrong; what is too much stays."""

    async def removal(self) -> Todo:
        """All of ours."""

    async def findings(self) -> list[str]:
        """What is wrong, in sentences."""


class StoreTarget:
    """``memory``: what the watch knows, if it was asked."""

    def __init__(
        self, client: Client, store: ConnectedStore, wanted: HooksWanted | None, memory: HookMemory, now: int
    ) -> None:
        self.name = f"Store {store.name}"
        self._client, self._hash, self._wanted = client, store.store_hash, wanted
        self._memory, self._now = memory, now

    async def rows(self) -> list[str]:
        present, admin = await store_hooks.present_hooks(self._client), await hooks_admin(self._client)
        rows = []
        for hook in sorted(present, key=lambda hook: (hook.scope, hook.id)):
            ours = store_hooks.is_ours(self._hash, hook)
            off = "deactivated" if admin.deactivated(hook.id) else "inactive"
            state = "active" if hook.is_active else off
            rows.append(row(ours, state, hook.scope, hook.destination))
        return rows

    async def all(self) -> Todo:
        return self._todo(await self._plan())

    async def repairs(self) -> Todo:
        found = await self._plan()
        found.remove = []
        return self._todo(found)

    async def removal(self) -> Todo:
        return self._todo(store_hooks.removal(self._hash, await store_hooks.present_hooks(self._client)))

    async def findings(self) -> list[str]:
        found, admin = await self._plan(), await hooks_admin(self._client)
        wanted = needed(self._wanted)
        return [one.sentence for one in findings(wanted, found, admin, self._memory, self._now)]

    async def _plan(self) -> store_hooks.Plan:
        return needed(self._wanted).plan(self._hash, await store_hooks.present_hooks(self._client))

    def _todo(self, found: store_hooks.Plan) -> Todo:
        hindered = [store_hooks.full(scope) for scope in found.full]
        found.full = []
        return Todo(found.lines(), partial(store_hooks.carry_out, self._client, found), hindered)


class AccountTarget:
    def __init__(self, brevo: BrevoAccount, account: Account, public_url: str | None) -> None:
        self.name = f"Brevo account {account.name}"
        self._brevo, self._account, self._public_url = brevo, account, public_url

    async def rows(self) -> list[str]:
        present = await account_hooks.present_hooks(self._brevo)
        return [
            row(hook.ours, "active" if hook.is_active else "inactive", hook.type, account_hooks.masked(hook.url))
            for hook in sorted(present, key=lambda hook: (hook.type, hook.id))
        ]

    async def all(self) -> Todo:
        return self._todo(await self._plan())

    async def repairs(self) -> Todo:
        """An inactive hook has to go, since Brevo cannot switch it on again."""
        found = await self._plan()
        found.remove = [hook for hook in found.remove if not hook.is_active]
        return self._todo(found)

    async def removal(self) -> Todo:
        return self._todo(account_hooks.removal(await account_hooks.present_hooks(self._brevo)))

    async def findings(self) -> list[str]:
        found = await self._plan()
        inactive = {hook.type for hook in found.remove if not hook.is_active}
        return [
            *(
                f"{hook.type}: its webhook is inactive."
                if hook.type in inactive
                else f"{hook.type}: there is no webhook to {account_hooks.masked(hook.url)}."
                for hook in found.create
            ),
            *(f"{hook.type}: its webhook is for other events than opt-outs." for hook in found.repair),
        ]

    async def _plan(self) -> account_hooks.Plan:
        url, token = needed(self._public_url), self._account.webhook_token.get_secret_value()
        return account_hooks.plan(self._account.name, url, token, await account_hooks.present_hooks(self._brevo))

    def _todo(self, found: account_hooks.Plan) -> Todo:
        return Todo(found.lines(), partial(account_hooks.carry_out, self._brevo, found), [])


def needed(value: T | None) -> T:
    """What there is only with `public_url`. Raises SettingsError."""
    if value is None:
        sentence = "it is missing, but webhooks have to lead somewhere: give the https address of the gateway."
        raise SettingsError([Problem("configuration", "public_url", sentence)])
    return value


def row(ours: bool, state: str, what: str, destination: str) -> str:
    """Of others' destinations only the place is shown: the query may hold what is secret."""
    shown = destination if ours else urlunsplit((*urlsplit(destination)[:3], "", ""))
    return f"{'ours' if ours else 'others':<7} {state:<12} {what:<35} {shown}"


@asynccontextmanager
async def store_target(made: Components, store: ConnectedStore, memory: HookMemory) -> AsyncIterator[Target]:
    async with made.store_client(store) as client:
        yield StoreTarget(client, store, made.hooks_wanted(store), memory, made.clock.now())


@asynccontextmanager
async def account_target(made: Components, account: Account) -> AsyncIterator[Target]:
    async with made.account_client(account) as brevo:
        yield AccountTarget(brevo, account, made.settings.public_url)
