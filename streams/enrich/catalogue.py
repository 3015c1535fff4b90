"""Products (with variants and images) and categories, many in a read; and the store itself."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from connectors.bigcommerce.errors import MissingScope
from connectors.bigcommerce.pages import MOST
from connectors.bigcommerce.reads import PRODUCTS_A_PAGE, Found, category_id_of, id_of
from schemas.facts import Origin
from streams.enrich.facts import Envelope
from streams.enrich.marks import Wanted
from streams.enrich.source import Desk, Written, write_found
from streams.enrich.state import Changes


class Catalogue:
    """Products or categories: what is missing in the answer does not exist any more."""

    parallel = 1

    def __init__(self, desk: Desk, kind: Literal["product", "category"]) -> None:
        self._desk, self._kind = desk, kind
        self.batch = PRODUCTS_A_PAGE if kind == "product" else MOST
        self.id_of = id_of if kind == "product" else category_id_of
        self._read: Callable[[Sequence[str]], Awaitable[Found]]
        self._read = desk.reads.products if kind == "product" else desk.reads.categories

    async def fetch(self, wanted: list[Wanted]) -> None:
        found = await self._read([each.id for each in wanted])
        await write_found(self._desk, self._kind, wanted, found)

    async def prepare(self, rows: dict[str, bytes]) -> None:
        """A page has all that is needed."""

    def written(self, rows: dict[str, bytes], prepared: object, started_at: int, origin: Origin) -> Written:
        of = Envelope(started_at, origin)
        return Written([self._desk.facts.entity(self._kind, id_, row, of) for id_, row in rows.items()], {})


class StoreRecord:
    """Currency, country and address of the store: part of every fact, so they are read before anything else.

    ``read`` is called once they were, or cannot be.
    """

    batch, parallel = 1, 1

    def __init__(self, desk: Desk, read: Callable[[], None]) -> None:
        self._desk, self._was_read = desk, read

    async def fetch(self, wanted: list[Wanted]) -> None:
        """Without the OAuth scope for it everything else goes on: orders name their currencies themselves."""
        state = self._desk.state
        missing: MissingScope | None = None
        try:
            store = await self._desk.reads.store()
        except MissingScope as error:
            missing = error
        else:
            state.info.currency, state.info.country = store.currency, store.country_code
            state.info.url = store.secure_url.rstrip("/")
        if missing is None or not state.info.asked:
            changes = Changes()
            for each in wanted if missing is None else ():
                changes |= self._desk.marks.done(each)
            state.info.asked = True
            await state.writer.write([], {**changes, **state.info_changed()})
            self._was_read()
        if missing is not None:
            raise missing
