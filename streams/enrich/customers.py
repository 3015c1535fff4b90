"""Customers, many in a read, each with its group's name (groups are v2's, and have no webhook)."""

from dataclasses import dataclass

import msgspec

from connectors.bigcommerce.pages import MOST, row_as
from connectors.bigcommerce.reads import Group, id_of
from schemas.facts import Origin
from streams.enrich.facts import Envelope
from streams.enrich.marks import Wanted
from streams.enrich.source import Desk, Written, write_found

_GROUPS_FOR_MS = 10 * 60_000


class _Grouped(msgspec.Struct):
    customer_group_id: int | None = 0


@dataclass(slots=True)
class Groups:
    """The customer groups, read again when an unknown one turns up, and some minutes later."""

    desk: Desk
    known: dict[int, Group]
    read_at: int = 0

    async def names(self, ids: set[int]) -> dict[int, Group]:
        stale = self.desk.clock.now() >= self.read_at + _GROUPS_FOR_MS
        if ids and (stale or not ids <= self.known.keys()):
            now = self.desk.clock.now()
            if stale or now > self.read_at:  # an id without a group is not asked for again in the same moment
                self.known, self.read_at = await self.desk.reads.customer_groups(), now
        return self.known


class Customers:
    batch, parallel = MOST, 1

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._groups = Groups(desk, {})

    async def fetch(self, wanted: list[Wanted]) -> None:
        found = await self._desk.reads.customers([each.id for each in wanted])
        groups = await self.prepare(found.rows)
        await write_found(self._desk, "customer", wanted, found, lambda row: with_group(row, groups))

    async def prepare(self, rows: dict[str, bytes]) -> dict[int, Group]:
        return await self._groups.names({group for row in rows.values() if (group := _group_of(row))})

    def written(self, rows: dict[str, bytes], prepared: object, started_at: int, origin: Origin) -> Written:
        assert isinstance(prepared, dict), "prepare answers the groups"
        of = Envelope(started_at, origin)
        facts = [self._desk.facts.entity("customer", id_, with_group(row, prepared), of) for id_, row in rows.items()]
        return Written(facts, {})

    def id_of(self, row: bytes) -> str:
        return id_of(row)


def with_group(row: bytes, groups: dict[int, Group]) -> bytes:
    """The customer with `customer_group` {id, name} at its end; as it came when it has no group, or an unknown one."""
    group = groups.get(_group_of(row))
    if group is None:
        return row
    return row.rstrip()[:-1] + b',"customer_group":' + msgspec.json.encode(group) + b"}"


def _group_of(row: bytes) -> int:
    return row_as(row, _Grouped).customer_group_id or 0
