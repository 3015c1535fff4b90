"""How one kind of entity is read and becomes facts: the port of customers, subscribers, orders, carts, catalogue."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from connectors.bigcommerce.reads import Reads
from connectors.clock import Clock
from projections.fold import Output
from schemas.facts import Origin
from streams.enrich.facts import Facts
from streams.enrich.marks import Marks, Wanted
from streams.enrich.state import State


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


class Listing(Protocol):
    """A source that can be read page by page."""

    async def prepare(self, rows: dict[str, bytes]) -> object:
        """Reads what else the rows of a page need, before ``written``. Raises like ``fetch``."""

    def written(self, rows: dict[str, bytes], prepared: object, started_at: int, origin: Origin) -> Written:
        """The facts of these rows. Waits for nothing, so that it can be handed over in the same step."""

    def id_of(self, row: bytes) -> str:
        """The id of a row."""
