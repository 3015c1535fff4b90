"""Many contacts at once, by Brevo's contact import.

Two imports, so that nobody's blocklisting is touched who is in Brevo already: the first one only creates, with the flag
for those without an opt-in; when it is over, the second one brings all rows up to date, without any flag
(https://developers.brevo.com/reference/importcontacts: flags are for all rows of an import).

Booleans are left to a single update that follows: users report that imports do not set them to false
(https://github.com/sendinblue/APIv3-python-library/issues/95), and updates of one contact, unlike creations, are not
among the hundred requests an hour. Who maps no boolean pays nothing for it.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass

import msgspec

from connectors.brevo.account import Process
from connectors.brevo.errors import InDoubt, Refused
from connectors.brevo.schema import IMPORTED
from connectors.clock import Clock
from schemas.commands import Value
from streams.sink.contacts import Contacts
from streams.sink.items import Item
from streams.sink.ledger import Ledger
from streams.sink.settings import Destination, Timings
from streams.sink.wishes import Wish

_LARGEST = 7_500_000  # bytes of rows in one import; 8 MB is the safe size of a body
_STATE = "importing"  # in the state while an import may be under way
_FIRST_LOOK_MS, _LONGEST_LOOK_MS = 5_000, 60_000
_encode = msgspec.json.Encoder().encode


@dataclass
class Row:
    group: list[Item]  # pending upserts of the contact, oldest first
    wish: Wish
    email: str
    lists: tuple[int, ...]
    body: msgspec.Raw


class Imports:
    """``single``: where upserts go that cannot or need not be imported."""

    def __init__(
        self,
        destination: Destination,
        ledger: Ledger,
        contacts: Contacts,
        clock: Clock,
        timings: Timings,
        single: Callable[[Item], None],
    ) -> None:
        self._brevo, self._clock, self._timings = destination.account, clock, timings
        self._lists, self._counters = destination.lists, destination.counters
        self._ledger, self._contacts, self._single = ledger, contacts, single

    async def do(self, items: list[Item]) -> None:
        """Raises BrevoError if all that is not settled has to be tried again."""
        rows = list(self._rows(items))
        while not await self._contacts.prepare(row.wish for row in rows):
            rows = list(self._rows(items))
        if len(rows) < self._timings.few_rows and not any(item.by_import for row in rows for item in row.group):
            self._singly(rows)
            return
        if any(row.group[0].failures for row in rows):
            await self.quiet()
        asked_at = self._clock.now()
        try:
            refused = await self._import(rows)
        except Refused:
            # Brevo takes the whole or nothing: one by one it will say which row is wrong.
            await self.recover()
            self._singly(rows)
            return
        self._finish(rows, refused, asked_at)

    async def recover(self) -> None:
        """A predecessor may have left an import under way: nothing newer may be sent before its end."""
        if self._ledger.recall(_STATE, "", bool):
            await self.quiet()
            self._ledger.keep(_STATE, "", None)

    async def quiet(self) -> None:
        """Returns when no import is under way in the account."""

        async def over() -> bool:
            return all(process.over for process in await self._brevo.processes())

        if not await over():
            await self._until(over)

    # --- rows -------------------------------------------------------------------------------------

    def _rows(self, items: Iterable[Item]) -> Iterator[Row]:
        """Settles what Brevo has already, and hands over what an import cannot say."""
        taken: set[Value] = set()
        for item in items:
            if item.done or item.single:  # with another one of its contact; or handed over by now
                continue
            group = self._ledger.lanes.group(item)
            wish = self._contacts.wish(group)
            phones = wish.phones()
            if phones & taken:  # the first in the log keeps it; in which order Brevo takes imports is not ours to say
                item.phoneless = True
                self._single(item)
                continue
            taken |= phones
            lists = tuple(sorted(number for number, member in wish.lists.items() if member))
            if not lists and IMPORTED in self._lists:
                lists = (self._lists[IMPORTED],)  # an import has to name a list
            if not wish.reasons:
                self._ledger.settle(group, "equal")
            elif lists and self._may_be_imported(group, wish):
                body = {"email": item.email, "attributes": wish.importable}
                yield Row(group, wish, item.email, lists, msgspec.Raw(_encode(body)))
            else:
                self._single(item)

    def _may_be_imported(self, group: list[Item], wish: Wish) -> bool:
        """Not what leaves a list, is emptied, or was decided anew: an import says none of these about existing ones."""
        if any(item.by_import for item in group):
            return True
        known = self._contacts.known(group[-1].email)
        decided = wish.flag is not None or wish.lift
        leaves = known is not None and any(known.lists.get(number) for number in wish.unlink)
        return group[-1].historical and not leaves and "" not in wish.attributes.values() and not decided

    def _singly(self, rows: Iterable[Row]) -> None:
        for row in rows:
            row.group[0].by_import = False
            self._single(row.group[0])

    # --- imports ----------------------------------------------------------------------------------

    async def _import(self, rows: list[Row]) -> set[str]:
        """Both imports; returns the e-mails of rows that were refused."""
        self._ledger.keep(_STATE, "", True)
        await self._ledger.flush()
        created = _together(rows, lambda row: (row.lists, row.wish.blocklisted))
        refused = await self._run(created, update=False)
        left = [row for row in rows if row.email.lower() not in refused]
        updated = _together(left, lambda row: (row.lists, False))
        return refused | await self._run(updated, update=True)

    async def _run(self, parts: list[tuple[tuple[tuple[int, ...], bool], list[Row]]], *, update: bool) -> set[str]:
        numbers = []
        for (lists, blocklist), rows in parts:
            for piece in _pieces(rows):
                bodies = [row.body for row in piece]
                numbers.append(await self._brevo.import_contacts(bodies, lists, update=update, blocklist=blocklist))
                self._counters.saved["batched"] += len(piece) - 1
        return await self._reports(numbers)

    async def _reports(self, numbers: list[int]) -> set[str]:
        """Waits for the ends, with one look at all processes at a time."""
        found: dict[int, Process] = {}

        async def over() -> bool:
            found.update({process.id: process for process in await self._brevo.processes()})
            return all(number not in found or found[number].over for number in numbers)

        await self._until(over)
        refused: set[str] = set()
        for number in numbers:
            process = found[number] if number in found else await self._brevo.process(number)
            if process.status != "completed":
                raise InDoubt(
                    f"Brevo ended a contact import as {process.status}; it is sent again.",
                    request="POST /contacts/import",
                )
            refused |= await self._brevo.refused_rows(process)
        return refused

    async def _until(self, over: Callable[[], Awaitable[bool]]) -> None:
        pause = _FIRST_LOOK_MS
        while True:
            await self._clock.sleep_until(self._clock.now() + pause)
            if await over():
                return
            pause = min(2 * pause, _LONGEST_LOOK_MS)  # looks are among the hundred an hour

    def _finish(self, rows: list[Row], refused: set[str], asked_at: int) -> None:
        self._ledger.keep(_STATE, "", None)
        for row in rows:
            if row.email.lower() in refused:
                # For its phone, mostly; if it is for something else, the single request will say so.
                row.group[0].phoneless = True
                row.group[0].by_import = False
                self._single(row.group[0])
            else:
                members = {number: True for number in row.lists if number != self._lists.get(IMPORTED)}
                known = self._contacts.known(row.email)
                after = row.wish.after_import(known, members, asked_at)
                if row.wish.is_left_by_import(after):
                    self._contacts.keep(row.email, after)
                    self._singly([row])
                else:
                    self._contacts.sent(row.group, after, "POST /contacts/import")


def _together(
    rows: Iterable[Row], by: Callable[[Row], tuple[tuple[int, ...], bool]]
) -> list[tuple[tuple[tuple[int, ...], bool], list[Row]]]:
    found: dict[tuple[tuple[int, ...], bool], list[Row]] = {}
    for row in rows:
        found.setdefault(by(row), []).append(row)
    return list(found.items())


def _pieces(rows: list[Row]) -> Iterator[list[Row]]:
    """Bodies of a size that Brevo takes."""
    piece: list[Row] = []
    size = 0
    for row in rows:
        size += len(bytes(row.body)) + 1
        if piece and size > _LARGEST:
            yield piece
            piece, size = [], len(bytes(row.body)) + 1
        piece.append(row)
    if piece:
        yield piece
