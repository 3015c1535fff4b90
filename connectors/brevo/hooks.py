"""Brevo's webhooks to us: the wanted ones against those that `GET /webhooks` lists, and what has to be done about it.

An account has two, since campaigns and all other mails (those of automations among them) report separately: types
`marketing` and `transactional`. Brevo signs nothing (https://developers.brevo.com/docs/secured-webhooks), so what makes
a delivery ours is the last part of its path, a secret. A hook is ours when its path holds `/webhooks/brevo/`; others
are left alone. Those of an old ``public_url`` or an old token of ours go.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import msgspec

from connectors.brevo.account import Account
from connectors.brevo.errors import NotFound
from connectors.brevo.limits import Endpoint
from schemas.errors import TajoError

PATH: Final = "/webhooks/brevo/"
TYPES: Final = ("marketing", "transactional")
EVENTS: Final = ("hardBounce", "spam", "unsubscribed")

_LOCAL: Final = ("localhost", "127.0.0.1", "::1")
_TOKEN: Final = re.compile(re.escape(PATH) + r"[^/?#]+")
_LIST: Final = Endpoint("GET /webhooks", "other")
_CREATE: Final = Endpoint("POST /webhooks", "other")
_UPDATE: Final = Endpoint("PUT /webhooks/{webhookId}", "other")
_DELETE: Final = Endpoint("DELETE /webhooks/{webhookId}", "other")


class NotHttps(TajoError):
    """A hook was to be made at an address that everybody on the way could read, token and e-mails included."""


class Hook(msgspec.Struct, kw_only=True, rename={"is_active": "isActive"}):
    """As `GET /webhooks` lists it (webhooks.yml). ``url`` holds the token of ours, so it is never shown as it is."""

    id: int
    type: str
    url: str
    events: list[str] = []
    description: str = ""
    is_active: bool = True

    @property
    def ours(self) -> bool:
        return PATH in urlsplit(self.url).path

    def __repr__(self) -> str:
        return f"Hook(id={self.id}, type={self.type!r}, url={masked(self.url)!r}, events={self.events})"


@dataclass(frozen=True, slots=True)
class Wanted:
    type: str
    url: str = field(repr=False)
    description: str


@dataclass(slots=True)
class Plan:
    """What would be done: ``create``, ``repair`` (other events), ``remove``; ``right`` stays.

    An inactive hook is removed and made anew: Brevo offers no way to switch it on.
    """

    create: list[Wanted] = field(default_factory=list)
    repair: list[Hook] = field(default_factory=list)
    remove: list[Hook] = field(default_factory=list)
    right: list[Hook] = field(default_factory=list)

    def lines(self) -> list[str]:
        """The difference, a line per hook, without tokens."""
        return [
            *(f"+ {hook.type} -> {masked(hook.url)}" for hook in self.create),
            *(f"~ {hook.type} -> {masked(hook.url)}" for hook in self.repair),
            *(f"- {hook.type} -> {masked(hook.url)}{'' if hook.is_active else ' (inactive)'}" for hook in self.remove),
        ]


def masked(url: str) -> str:
    """The address without its token."""
    return _TOKEN.sub(PATH + "***", url)


def url_of(public_url: str, token: str) -> str:
    """Where the gateway takes an account's events. Raises NotHttps."""
    parts = urlsplit(public_url)
    if parts.scheme != "https" and parts.hostname not in _LOCAL:
        raise NotHttps(
            f"public_url is {public_url}, but Brevo's webhooks carry e-mails and a secret: give an https address."
        )
    return public_url.rstrip("/") + PATH + token


def plan(account_name: str, public_url: str, token: str, present: Iterable[Hook]) -> Plan:
    """Compares. ``account_name`` is shown in Brevo's list of webhooks. Raises NotHttps."""
    url = url_of(public_url, token)
    missing = {kind: Wanted(kind, url, f"Opt-outs for Tajo, account {account_name}") for kind in TYPES}
    result = Plan()
    for hook in present:
        if not hook.ours:
            continue
        if hook.type not in missing or hook.url != url or not hook.is_active:
            result.remove.append(hook)
            continue
        del missing[hook.type]
        (result.right if set(hook.events) == set(EVENTS) else result.repair).append(hook)
    result.create = list(missing.values())
    return result


class _Listed(msgspec.Struct):
    webhooks: list[Hook] = []


async def present_hooks(account: Account) -> list[Hook]:
    """All hooks of both types, others' too. Raises a BrevoError."""
    found: list[Hook] = []
    for kind in TYPES:  # which type is listed when none is named differs between Brevo's descriptions
        try:
            found += (await account.read(_LIST, "/webhooks", _Listed, params={"type": kind})).webhooks
        except NotFound:  # none of this type
            continue
    return list({hook.id: hook for hook in found}.values())


async def carry_out(account: Account, todo: Plan) -> None:
    """Creates, repairs, then removes, so that no moment lacks a hook; an inactive one makes place first.

    Raises a BrevoError.
    """
    await _remove(account, [hook for hook in todo.remove if not hook.is_active])
    for wanted in todo.create:
        body = {"url": wanted.url, "type": wanted.type, "events": EVENTS, "description": wanted.description}
        await account.request(_CREATE, "/webhooks", body=body)
    for hook in todo.repair:
        await account.request(_UPDATE, f"/webhooks/{hook.id}", body={"url": hook.url, "events": EVENTS})
    await _remove(account, [hook for hook in todo.remove if hook.is_active])


def removal(present: Iterable[Hook]) -> Plan:
    """A plan that removes all of ours."""
    return Plan(remove=[hook for hook in present if hook.ours])


async def ensure_hooks(account: Account, *, account_name: str, public_url: str, token: str) -> Plan:
    """Makes the account's hooks what they should be, and says what was done. Raises NotHttps or a BrevoError."""
    todo = plan(account_name, public_url, token, await present_hooks(account))
    await carry_out(account, todo)
    return todo


async def _remove(account: Account, hooks: Iterable[Hook]) -> None:
    for hook in hooks:
        try:
            await account.request(_DELETE, f"/webhooks/{hook.id}")
        except NotFound:  # gone already
            continue
