"""The books of one account: what Brevo has, what became of each command, and the receipts that say so."""

import asyncio
from collections.abc import Sequence
from hashlib import sha256
from typing import Literal, TypeVar

import msgspec

from connectors.brevo.errors import BrevoError
from connectors.clock import Clock
from projections.cloudevents import cloud_event
from projections.fold import Output
from projections.opt_outs import BEFORE, opted_out
from schemas import topics
from schemas.commands import Receipt
from schemas.errors import BadRecord
from streams.headers import dead_letter
from streams.inbox import Record
from streams.sink import known
from streams.sink.items import Item
from streams.sink.journal import Journal
from streams.sink.lanes import Lanes
from streams.sink.settings import Counters

Outcome = Literal["attempt", "done", "equal", "superseded", "refused", "in-doubt", "held", "expired", "repeated"]
T = TypeVar("T")
_encode = msgspec.json.Encoder().encode


class Ledger:
    def __init__(
        self, account: str, journal: Journal, lanes: Lanes, clock: Clock, counters: Counters, partition: int
    ) -> None:
        self.account, self.lanes, self.counters = account, lanes, counters
        self._journal, self._clock, self._partition = journal, clock, partition

    # --- state ------------------------------------------------------------------------------------

    def recall(self, kind: str, name: str, shape: type[T]) -> T | None:
        stored = self._journal.get(known.key(self.account, kind, name))
        return None if stored is None else msgspec.msgpack.decode(stored, type=shape)

    def keep(self, kind: str, name: str, value: object) -> None:
        """None forgets it."""
        stored = None if value is None else msgspec.msgpack.encode(value)
        self._journal.put(known.key(self.account, kind, name), stored)

    def recall_event(self, command_id: str) -> known.KnownEvent | None:
        return self.recall("event", known.event_name(command_id), known.KnownEvent)

    def keep_event(self, command_id: str, event: known.KnownEvent | None) -> None:
        self.keep("event", known.event_name(command_id), event)

    async def forget_events(self, before: int) -> None:
        """Those that were last heard of before (clock, ms); in slices, since there may be millions."""
        for piece in known.SLICES:
            for key, value in list(self._journal.scan(known.key(self.account, "event", piece))):
                if msgspec.msgpack.decode(value, type=known.KnownEvent).at < before:
                    self._journal.put(key, None)
            await asyncio.sleep(0)

    def now(self) -> int:
        return self._clock.now()

    async def flush(self) -> None:
        await self._journal.flush()

    # --- outcomes ---------------------------------------------------------------------------------

    def settle(self, group: Sequence[Item], outcome: Outcome, *, message: str = "", request: str = "") -> None:
        """The last of the group came to ``outcome``; the others are superseded by it. Whoever waits may go."""
        for item in group[:-1]:
            self.receipt(item, "superseded")
            self.counters.saved["superseded"] += 1
        self.receipt(group[-1], outcome, message=message, request=request)
        if outcome == "equal":
            self.counters.saved["equal"] += 1
        for item in group:
            self._journal.settle(item.offset)
        self.lanes.finish(group)

    def refuse(self, group: Sequence[Item], error: BrevoError | BadRecord) -> None:
        """Brevo does not take it: dead-lettered, so that the position moves."""
        self._bury(group[-1].record, error)
        if isinstance(error, BrevoError):
            message = f"{error} (sib-request-id {error.request_id})" if error.request_id else str(error)
            self._receipt(group[-1], "refused", message, error.request, error.status)
        else:
            self._receipt(group[-1], "refused", str(error), "", 0)
        for item in group[:-1]:
            self.receipt(item, "superseded")
        for item in group:
            self._journal.settle(item.offset)
        self.lanes.finish(group)

    def receipt(self, item: Item, outcome: Outcome, *, message: str = "", request: str = "") -> None:
        self._receipt(item, outcome, message, request, 0)

    def _receipt(self, item: Item, outcome: Outcome, message: str, request: str, status: int) -> None:
        now = self._clock.now()
        self.counters.outcomes[outcome] += 1
        receipt = Receipt(
            account=self.account,
            command_offset=item.offset,
            command_kind=item.kind,
            command_digest=sha256(item.id.encode()).hexdigest()[:16],
            outcome=outcome,
            at=now,
            status=status,
            request=request,
            message=message,
        )
        headers = cloud_event(
            id=f"{self._partition}/{item.offset}/{outcome}",
            source=f"brevo/{self.account}",
            type=f"brevo.receipt.{outcome}",
            time=now,
        )
        self._journal.write(Output(topics.RECEIPT, self.account.encode(), _encode(receipt), headers))

    def opted_out(self, email: str, at: int) -> None:
        """Tells of an opt-out at Brevo that no webhook has told of. ``email`` is normalised; ``at``: Unix ms."""
        self._journal.write(opted_out(self.account, email, at, BEFORE, source=f"brevo/{self.account}"))

    def _bury(self, record: Record, error: Exception) -> None:
        cause = error if isinstance(error, BadRecord) else BadRecord(str(error), stage="send")
        self._journal.write(dead_letter(topics.dead(topics.COMMAND), topics.COMMAND, self._partition, record, cause))
