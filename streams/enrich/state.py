"""What the enricher remembers of a store: state in the sense of the owner, changed only together with what follows.

Keys: `<store hash>/info`, `…/mark/<kind>/<id>`, `…/subscriber/<id>`, `…/cart/<id>`, `…/refunded/<order id>`,
`…/job/<at>/<id>`, `…/hooks` (streams.enrich.heard). Values are msgpack.
"""

from collections.abc import Iterator, Mapping
from typing import Literal, TypeVar

import msgspec

from schemas.facts import Cause, StatusChange
from schemas.requests import Resource
from streams.enrich.writer import Writer

T = TypeVar("T")
Changes = dict[bytes, bytes | None]
_encode = msgspec.msgpack.Encoder().encode
JOBS_REMEMBERED = 200


class Trouble(msgspec.Struct, array_like=True):
    """Why something is not read, and since when (ms)."""

    kind: Literal["disconnected", "scope", "unavailable", "unreadable", "uninstalled"]
    message: str
    since: int


class StoreInfo(msgspec.Struct, array_like=True):
    """``live_since``: when the first sync was asked for. ``asked``: `GET /v2/store` was answered, if only with 403.

    ``reconciled_until``: end of the last regular reconcile's window.
    ``trouble`` by kind of entity or resource; under `connection` that of the whole store.
    """

    live_since: int | None = None
    asked: bool = False
    currency: str = ""
    country: str = ""
    url: str = ""
    trouble: dict[str, Trouble] = {}
    jobs_done: list[str] = []
    reconciled_until: int | None = None


class Mark(msgspec.Struct, array_like=True):
    """An entity that has to be read: since when, and because of what. ``asked_due``: the due time of a look-again.

    ``requested``: its fact was asked for, so it is written even where a delivery would change nothing.
    """

    since: int
    causes: list[Cause] = []
    causes_count: int = 0
    changes: list[StatusChange] = []
    refunded: bool = False
    asked_due: int | None = None
    requested: bool = False


class SubscriberMemory(msgspec.Struct, array_like=True):
    """A deleted record cannot be asked for its e-mail any more. ``since``: when these consents were given."""

    email: str
    consents: list[str]
    withdrawn_at: int | None = None
    deleted: bool = False
    since: int | None = None


class CartMemory(msgspec.Struct, array_like=True):
    """An open cart, or (``order_id``) one that an order took. ``at``: when it was last heard of."""

    at: int
    order_id: int | None = None


class Job(msgspec.Struct, array_like=True):
    """An import or a reconcile under way. ``left``: resources, in their order; ``places``: where each goes on."""

    id: str
    at: int
    left: list[Resource]
    window: tuple[int, int] | None = None
    places: dict[str, str] = {}
    counts: dict[str, int] = {}
    totals: dict[str, int] = {}


class State:
    """One store's part of the owner's state, as it will be once all that is queued is committed."""

    def __init__(self, store_hash: str, writer: Writer) -> None:
        self.store_hash, self.writer = store_hash, writer
        self._prefix = f"{store_hash}/".encode()
        self.info = self.get("info", StoreInfo) or StoreInfo()

    def key(self, name: str) -> bytes:
        return self._prefix + name.encode()

    def get(self, name: str, kind: type[T]) -> T | None:
        value = self.writer.get([self.key(name)])[self.key(name)]
        return None if value is None else msgspec.msgpack.decode(value, type=kind)

    def among(self, names: list[str], kind: type[T]) -> dict[str, T]:
        """Those of ``names`` that there are, by one multi-get."""
        keys = {self.key(name): name for name in names}
        found = self.writer.get(list(keys))
        return {
            keys[key]: msgspec.msgpack.decode(value, type=kind) for key, value in found.items() if value is not None
        }

    def scan(self, prefix: str, kind: type[T]) -> Iterator[tuple[str, T]]:
        """(name without the prefix, value); committed ones only, so to be used before anything is queued."""
        start = self.key(prefix)
        for key, value in self.writer.scan(start):
            yield key[len(start) :].decode(), msgspec.msgpack.decode(value, type=kind)

    def change(self, name: str, value: object | None) -> Changes:
        return {self.key(name): None if value is None else _encode(value)}

    def info_changed(self) -> Changes:
        return self.change("info", self.info)


def job_name(job: Job) -> str:
    return f"job/{job.at:015d}/{job.id}"


def merged(*parts: Mapping[bytes, bytes | None]) -> Changes:
    """Later ones win."""
    result: Changes = {}
    for part in parts:
        result.update(part)
    return result
