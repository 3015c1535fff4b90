"""How one kind of entity is read and becomes facts: the port of customers, subscribers, orders, carts, catalogue."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, Protocol

from connectors.bigcommerce.reads import Found, Reads
from connectors.clock import Clock
from projections.fold import Output
from schemas.facts import Origin
from streams.enrich.facts import Facts, envelope
from streams.enrich.marks import Marks, Wanted
from streams.enrich.state import Changes, State


class Written(NamedTuple):
    """Facts, and how they change the state."""

    outputs: list[Output]
    changes: Mapping[bytes, bytes | None]


class Desk(NamedTuple):
    """What every source works with."""

    reads: Reads
    state: State
    marks: Marks
    facts: Facts
    clock: Clock


class Source(Protocol):
    """``batch``: the most entities in one read. ``parallel``: reads at the same time."""

    batch: int
    parallel: int

    async def fetch(self, wanted: list[Wanted]) -> None:
        """Reads these, which are under way, and returns when facts and cleared marks are committed as one.

        Raises an error of connectors.bigcommerce.errors; then nothing was written and all are still under way.
        """


class OneByOne(ABC):
    """A source whose entities have no list to be read from: one read for each."""

    batch, parallel = 1, 4

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def fetch(self, wanted: list[Wanted]) -> None:
        for each in wanted:
            await self._fetch(each)

    @abstractmethod
    async def _fetch(self, each: Wanted) -> None:
        """``Source.fetch`` for this one."""


class Listing(Protocol):
    """A source that can be read page by page."""

    async def prepare(self, rows: dict[str, bytes]) -> object:
        """Reads what else the rows of a page need, before ``written``. Raises like ``fetch``."""

    def written(self, rows: dict[str, bytes], prepared: object, started_at: int, origin: Origin) -> Written:
        """The facts of these rows. Waits for nothing, so that it can be handed over in the same step."""

    def id_of(self, row: bytes) -> str:
        """The id of a row."""


async def write_found(
    desk: Desk,
    kind: Literal["customer", "product", "category"],
    wanted: list[Wanted],
    found: Found,
    whole: Callable[[bytes], bytes] = bytes,
) -> None:
    """Facts of what was found, tombstones of what was not. ``whole``: a row with what its fact needs beside it."""
    outputs, changes = [], Changes()
    for each in wanted:
        row = found.rows.get(each.id)
        if row is None:
            outputs.append(desk.facts.tombstone(kind, each.id, found.started_at))
        else:
            outputs.append(desk.facts.entity(kind, each.id, whole(row), envelope(found.started_at, each.mark)))
        changes |= desk.marks.done(each)
    await desk.state.writer.write(outputs, changes)
