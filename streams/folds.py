"""The owner of a fold's partition: folds batches against one multi-get of their keys and commits them as one.

Time reaches folds as data: states that want a tick lie in an ordered index in the store; when the first is due, the
owner appends a tick to its own partition of commerce.cart.v1, and folding the tick costs only what is due.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import msgspec

from connectors.clock import Clock
from projections.fold import TICK, Fold, Input, Output
from schemas import topics
from schemas.errors import BadRecord
from schemas.facts import CartFact
from streams.headers import business_time, dead_letter
from streams.names import INNER
from streams.owner import Owner, Parts, Record

INDEX = b"\0due/"  # + 8 bytes of Unix ms, big-endian, + key: in store and changelog
_HOUR = 3_600_000
_encode = msgspec.json.Encoder().encode
_Batch = list[tuple[str, list[Record]]]


def due_key(when: int, key: bytes) -> bytes:
    return INDEX + when.to_bytes(8, "big") + key


class Entry:
    """The state of one key during a batch, and from when on it wants a tick, before and now."""

    __slots__ = ("due", "due_before", "state")

    def __init__(self, state: Any, due: int | None) -> None:
        self.state, self.due, self.due_before = state, due, due


class FoldOwner(Owner):
    """``clock`` None: no ticks are made. ``silent`` (rebuilds): nothing leaves but inner records and the tables."""

    def __init__(self, parts: Parts, fold: Fold[Any], clock: Clock | None, *, silent: bool = False) -> None:
        super().__init__(parts)
        self.projection, self._clock, self._silent = fold, clock, silent
        self._entries: dict[bytes, Entry] = {}
        self._outputs: list[Output] = []
        self._bad: dict[tuple[str, int], Exception] = {}  # (topic, offset) of this batch -> why it cannot be folded
        self._moved = asyncio.Event()  # set after each batch: the first due time may be another
        self._ticked_at = 0  # time of the last tick that was folded
        self._ticker: asyncio.Task[None] | None = None

    # --- batches ----------------------------------------------------------------------------------------------------

    async def work(self) -> None:
        batch = self.take()
        keys = {record.key for _, records in batch for record in records if record.key is not None}
        stored = self.store.get(list(keys))
        self._bad = {}
        while not self._fold_batch(batch, stored):
            pass
        position = {topic: records[-1].offset + 1 for topic, records in batch}
        outputs = [output for output in self._outputs if output.topic in INNER] if self._silent else self._outputs
        await self.commit(outputs, list(self._changes()), position)
        self._entries, self._outputs = {}, []
        self._moved.set()

    def _fold_batch(self, batch: _Batch, stored: dict[bytes, bytes | None]) -> bool:
        """Folds all but the records known to be bad; False if another one was found and states may be half-changed."""
        self._entries, self._outputs = {}, []
        for topic, records in batch:
            for record in records:
                if (error := self._bad.get((topic, record.offset))) is None:
                    try:
                        self._fold_record(topic, record, stored)
                        continue
                    except (BadRecord, msgspec.MsgspecError) as found:
                        error = found  # raised before the state was touched (projections.fold)
                    except Exception as found:
                        self._bad[topic, record.offset] = found
                        return False
                self._outputs.append(dead_letter(self.names.dead(topic), topic, self.partition, record, error))
        return True

    def _fold_record(self, topic: str, record: Record, stored: dict[bytes, bytes | None]) -> None:
        key, value = record.key, record.value
        if key is None:
            raise BadRecord(f"A record of {topic} has no key; it cannot belong to anything.", stage="decode")
        if key == TICK:
            self._tick(topic, record)
            return
        entry = self._entries.get(key) or self._load(key, stored[key])
        self._apply(entry, Input(topic, key, value, business_time(record) if value is None else record.timestamp))

    def _apply(self, entry: Entry, record: Input) -> None:
        entry.state, outputs = self.projection.fold(entry.state, record)
        entry.due = self.projection.due(entry.state)
        if outputs:
            self._outputs += outputs

    def _load(self, key: bytes, value: bytes | None) -> Entry:
        state = self.projection.load(key, value)
        entry = self._entries[key] = Entry(state, self.projection.due(state))
        return entry

    def _changes(self) -> Iterator[tuple[bytes, bytes | None]]:
        for key, entry in self._entries.items():
            if entry.due != entry.due_before:
                if entry.due_before is not None:
                    yield due_key(entry.due_before, key), None
                if entry.due is not None:
                    yield due_key(entry.due, key), b"1"
            yield key, self.projection.dump(entry.state)

    # --- time -------------------------------------------------------------------------------------------------------

    def _tick(self, topic: str, record: Record) -> None:
        """A tick reaches all that is due, in the order of due times: by the index, and by what this batch changed."""
        if record.value is None:
            raise BadRecord("A tick without a value tells no time.", stage="decode")
        time = msgspec.json.decode(record.value, type=CartFact).fetched_at
        self._ticked_at = max(self._ticked_at, time)
        due = {key: when for when, key in self._indexed(until=time + 1) if key not in self._entries} | {
            key: entry.due for key, entry in self._entries.items() if entry.due is not None and entry.due <= time
        }
        missing = [key for key in due if key not in self._entries]
        stored = self.store.get(missing)
        for _, key in sorted((when, key) for key, when in due.items()):
            entry = self._entries.get(key) or self._load(key, stored[key])
            self._apply(entry, Input(topic, key, record.value, time))

    def _indexed(self, until: int | None = None) -> Iterator[tuple[int, bytes]]:
        """(due time, key) in order, from the store."""
        end = None if until is None else due_key(until, b"")
        for key, _ in self.store.scan(INDEX, until=end):
            yield int.from_bytes(key[len(INDEX) : len(INDEX) + 8], "big"), key[len(INDEX) + 8 :]

    async def ready(self) -> None:
        if self._clock and not self._silent and topics.CART in self.inputs.values():
            self._ticker = self.spawn(self._make_ticks(self._clock), "ticks")

    async def close(self) -> None:
        if self._ticker:
            self._ticker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticker

    async def _make_ticks(self, clock: Clock) -> None:
        """Appends a tick when the first is due, and one an hour while any waits; each after the last was folded."""
        made = 0
        while True:
            self._moved.clear()
            first = next(self._indexed(), None)
            if first is None or self._ticked_at < made:
                await self._moved.wait()
                continue
            when = max(min(first[0], clock.now() + _HOUR), made + 1)
            if not await self._sleep_or_move(clock, when):
                continue
            with clock.work():
                made = clock.now()
                tick = CartFact(kind="tick", store="", id="", fetched_at=made)
                await self.commit([Output(topics.CART, TICK, _encode(tick), partition=self.partition)], (), {})

    async def _sleep_or_move(self, clock: Clock, when: int) -> bool:
        """True once the time has come; False if a batch was folded before, so that another may be due first."""
        sleeping, moving = asyncio.create_task(clock.sleep_until(when)), asyncio.create_task(self._moved.wait())
        try:
            await asyncio.wait((sleeping, moving), return_when=asyncio.FIRST_COMPLETED)
            return sleeping.done()
        finally:
            for task in (sleeping, moving):
                task.cancel()
