"""Newsletter subscribers, many in a read, with the moment at which an opt-in was found lost.

A record alone is no consent: its `consents` are. An opt-out is `consents` that lost one, or a record that went; since a
deleted record cannot be asked for its e-mail, that and its consents are remembered.
"""

from datetime import datetime

import msgspec

from connectors.bigcommerce.pages import MOST, row_as
from connectors.bigcommerce.reads import id_of
from schemas.facts import Origin, Subscriber
from streams.enrich.facts import Envelope, envelope
from streams.enrich.marks import Wanted
from streams.enrich.source import Desk, Written
from streams.enrich.state import Changes, SubscriberMemory

_Memories = dict[str, SubscriberMemory]


class Subscribers:
    batch, parallel = MOST, 1

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def fetch(self, wanted: list[Wanted]) -> None:
        desk = self._desk
        found = await desk.reads.subscribers([each.id for each in wanted])
        read = {id_: row_as(row, Subscriber) for id_, row in found.rows.items()}
        memories = self._memories([each.id for each in wanted])
        outputs, changes = [], Changes()
        for each in wanted:
            of = envelope(found.started_at, each.mark)
            if each.id in read:
                told = self._told(each.id, found.rows[each.id], read[each.id], memories.get(each.id), of)
            else:
                told = self._deleted(each.id, memories.get(each.id), of)
            outputs += told.outputs
            changes |= {**told.changes, **desk.marks.done(each)}
        await desk.state.writer.write(outputs, changes)

    async def prepare(self, rows: dict[str, bytes]) -> dict[str, Subscriber]:
        return {id_: row_as(row, Subscriber) for id_, row in rows.items()}

    def written(self, rows: dict[str, bytes], prepared: object, started_at: int, origin: Origin) -> Written:
        assert isinstance(prepared, dict), "prepare answers the records"
        memories = self._memories(list(rows))
        of = Envelope(started_at, origin)
        told = [self._told(id_, row, prepared[id_], memories.get(id_), of) for id_, row in rows.items()]
        changes = Changes()
        for each in told:
            changes |= each.changes
        return Written([output for each in told for output in each.outputs], changes)

    def id_of(self, row: bytes) -> str:
        return id_of(row)

    def _memories(self, ids: list[str]) -> _Memories:
        found = self._desk.state.among([f"subscriber/{id_}" for id_ in ids], SubscriberMemory)
        return {name.removeprefix("subscriber/"): memory for name, memory in found.items()}

    def _told(self, id_: str, row: bytes, now: Subscriber, before: SubscriberMemory | None, of: Envelope) -> Written:
        after = SubscriberMemory(
            now.email,
            now.consents,
            withdrawn_at=withdrawn(before, now, of.fetched_at),
            since=consents_since(before, now, of.fetched_at),
        )
        fact = self._desk.facts.subscriber(id_, row, of, after)
        return Written([fact], {} if after == before else self._desk.state.change(f"subscriber/{id_}", after))

    def _deleted(self, id_: str, before: SubscriberMemory | None, of: Envelope) -> Written:
        """Its last known e-mail without consents, since an opt-out outlives the record; nothing known: a tombstone."""
        if before is None:
            return Written([self._desk.facts.tombstone("subscriber", id_, of.fetched_at)], {})
        withdrawn_at = of.fetched_at if before.consents else before.withdrawn_at
        after = SubscriberMemory(before.email, [], withdrawn_at, deleted=True)
        row = msgspec.json.encode(Subscriber(id=int(id_), email=before.email))
        fact = self._desk.facts.subscriber(id_, row, of, after)
        return Written([fact], self._desk.state.change(f"subscriber/{id_}", after))


def withdrawn(before: SubscriberMemory | None, now: Subscriber, fetched_at: int) -> int | None:
    """When an opt-in that we knew of was lost (Unix ms): by the record's date; kept until somebody opts in again."""
    known = set(before.consents) if before else set()
    if known - set(now.consents):
        return _moment(now.date_modified, fetched_at)
    if set(now.consents) - known:
        return None
    return before.withdrawn_at if before else None


def consents_since(before: SubscriberMemory | None, now: Subscriber, fetched_at: int) -> int:
    """When these consents were given (Unix ms): any edit moves the record's date, only new consents are a decision."""
    if before is not None and before.since is not None and set(before.consents) == set(now.consents):
        return before.since
    return _moment(now.date_modified, fetched_at)


def _moment(text: str, otherwise: int) -> int:
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except (ValueError, OverflowError):
        return otherwise
