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
from schemas.topics import MAX_RECORD
from streams.headers import business_time, dead_letter
from streams.inbox import Batch, Record
from streams.names import INNER
from streams.owner import Owner, Parts

INDEX = b"\0due/"  # + 8 bytes of Unix ms, big-endian, + key: in store and changelog
_encode = msgspec.json.Encoder().encode
_Changes = list[tuple[bytes, bytes | None]]


def ticks(inputs: tuple[str, ...]) -> tuple[str, ...]:
    """The topic in which the owner of a fold with these inputs makes ticks; () for one that gets none."""
    return (topics.CART,) if topics.CART in inputs else ()


def due_key(when: int, key: bytes) -> bytes:
    return INDEX + when.to_bytes(8, "big") + key


class Entry(msgspec.Struct, gc=False):
    """The state of one key during a batch, what was folded into it, and when it wants a tick, now and before."""

    state: Any
    due: int | None
    due_before: int | None
    folded: list[Input] = []


class FoldOwner(Owner):
    """``clock`` None: no ticks are made. ``silent`` (rebuilds): nothing leaves but inner records and the tables."""

    def __init__(self, parts: Parts, fold: Fold[Any], clock: Clock | None, *, silent: bool = False) -> None:
        super().__init__(parts)
        self.projection, self._clock, self._silent = fold, clock, silent
        self.outputs = frozenset((*fold.outputs, *map(parts.names.dead, parts.inputs), *ticks(parts.inputs)))
        self._stored: dict[bytes, bytes | None] = {}  # what the keys of this batch had before
        self._entries: dict[bytes, Entry] = {}
        self._outputs: list[Output] = []
        self._suspects: set[bytes] = set()  # keys whose state could not be stored after this batch
        self._unheard: _Changes = []  # index entries of states that could not take their tick
        self._moved = asyncio.Event()  # set after each batch: the first due time may be another
        self._nap: asyncio.Timeout | None = None  # while the ticker sleeps
        self._ticked_at = 0  # time of the last tick that was folded
        self._made = 0  # time of the last tick that was appended
        self._ticker: asyncio.Task[None] | None = None

    # --- batches ----------------------------------------------------------------------------------------------------

    async def work(self) -> None:
        batch = self.take()
        self._stored = self.store.get(list({r.key for _, records in batch for r in records if r.key is not None}))
        self._suspects = set()
        while (changes := self._fold_batch(batch)) is None:
            pass
        position = {topic: records[-1].offset + 1 for topic, records in batch}
        outputs = [output for output in self._outputs if output.topic in INNER] if self._silent else self._outputs
        await self.commit(outputs, changes, position)
        self._stored, self._entries, self._outputs = {}, {}, []
        self._look_again()

    def _fold_batch(self, batch: Batch) -> _Changes | None:
        """What changes in the table; None if a state cannot be stored: fold again, and look at its every step."""
        self._entries, self._outputs, self._unheard = {}, [], []
        for topic, records in batch:
            for record in records:
                try:
                    self._fold_record(topic, record)
                except Exception as error:
                    self._bury(topic, record, error)
        return self._changes()

    def _bury(self, topic: str, record: Record, error: Exception, key: bytes | None = None) -> None:
        """``key``: of the state that it is about, if that is not the record's."""
        dead = dead_letter(self.names.dead(topic), topic, self.partition, record, error)
        self._outputs.append(dead if key is None else msgspec.structs.replace(dead, key=key))

    def _fold_record(self, topic: str, record: Record) -> None:
        key, value = record.key, record.value
        if key is None:
            raise BadRecord(f"A record of {topic} has no key; it cannot belong to anything.", stage="decode")
        if key == TICK:
            self._tick(topic, record)
            return
        entry = self._entries.get(key) or self._load(key)
        self._apply(entry, Input(topic, key, value, business_time(record) if value is None else record.timestamp))

    def _apply(self, entry: Entry, record: Input) -> None:
        """Raises what the fold raises; then the state is as if the record had never been there."""
        try:
            entry.state, outputs = self.projection.fold(entry.state, record)
            entry.due = self.projection.due(entry.state)
            for output in outputs:
                if output.value is not None and len(output.value) > MAX_RECORD:
                    raise _too_large("An output", output.value)
            if self._suspects and record.key in self._suspects:
                self._dump(record.key, entry)
        except Exception:
            self._take_back(record.key)
            raise
        entry.folded.append(record)
        self._outputs += outputs

    def _take_back(self, key: bytes) -> None:
        """Makes the state anew from what was folded into it before: the fold may have left it half-changed."""
        if folded := self._entries.pop(key).folded:
            entry = self._load(key)
            for record in folded:
                entry.state, _ = self.projection.fold(entry.state, record)
            entry.due, entry.folded = self.projection.due(entry.state), folded

    def _load(self, key: bytes) -> Entry:
        state = self.projection.load(key, self._stored[key])
        due = self.projection.due(state)
        entry = self._entries[key] = Entry(state, due, due)
        return entry

    def _dump(self, key: bytes, entry: Entry) -> bytes | None:
        value = self.projection.dump(entry.state)
        if value is not None and len(value) > MAX_RECORD:
            raise _too_large(f"The state of {key!r}", value)
        return value

    def _changes(self) -> _Changes | None:
        changes, suspects = list(self._unheard), set()
        for key, entry in self._entries.items():
            if entry.due is not None or entry.due_before is not None:
                changes += self._index_changes(key, entry)
            try:
                changes.append((key, self._dump(key, entry)))
            except Exception:
                if key in self._suspects:
                    raise  # every step of it could be stored, but not the last: that is no fold
                suspects.add(key)
        self._suspects |= suspects
        return None if suspects else changes

    def _index_changes(self, key: bytes, entry: Entry) -> Iterator[tuple[bytes, bytes | None]]:
        if entry.due != entry.due_before and entry.due_before is not None:
            yield due_key(entry.due_before, key), None
        # What was due before the last tick has left the index if it could not take that tick: it comes back.
        if entry.due is not None and (entry.due != entry.due_before or entry.due <= self._ticked_at):
            yield due_key(entry.due, key), b"1"

    # --- time -------------------------------------------------------------------------------------------------------

    def _tick(self, topic: str, record: Record) -> None:
        """A tick reaches all that is due, in the order of due times: by the index, and by what this batch changed.

        A state that cannot take it stays as it is, out of the index until its next record: it would be due for ever.
        """
        if record.value is None:
            raise BadRecord("A tick without a value tells no time.", stage="decode")
        time = msgspec.json.decode(record.value, type=CartFact).fetched_at
        self._ticked_at = max(self._ticked_at, time)
        due = {key: when for when, key in self._indexed(until=time + 1) if key not in self._entries} | {
            key: entry.due for key, entry in self._entries.items() if entry.due is not None and entry.due <= time
        }
        self._stored |= self.store.get([key for key in due if key not in self._stored])
        for when, key in sorted((when, key) for key, when in due.items()):
            try:
                self._apply(self._entries.get(key) or self._load(key), Input(topic, key, record.value, time))
            except Exception as error:
                self._bury(topic, record, error, key)
                self._unheard.append((due_key(when, key), None))
                if key in self._entries:
                    self._entries[key].due = None

    def _indexed(self, until: int | None = None) -> Iterator[tuple[int, bytes]]:
        """(due time, key) in order, from the store."""
        end = None if until is None else due_key(until, b"")
        for key, _ in self.store.scan(INDEX, until=end):
            yield int.from_bytes(key[len(INDEX) : len(INDEX) + 8], "big"), key[len(INDEX) + 8 :]

    async def ready(self) -> None:
        if self._clock and not self._silent and ticks(self.projection.inputs):
            self._ticker = self.spawn(self._make_ticks(self._clock), "ticks")

    async def close(self) -> None:
        if self._ticker:
            self._ticker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticker

    async def _make_ticks(self, clock: Clock) -> None:
        """Appends a tick whenever the first is due, each after the last was folded."""
        while True:
            self._moved.clear()
            first = next(self._indexed(), None)
            if first is None or self._ticked_at < self._made:
                await self._moved.wait()
            elif await self._slept(clock, max(first[0], self._made + 1)):
                with clock.work():
                    self._made = clock.now()
                    tick = CartFact(kind="tick", store="", id="", fetched_at=self._made)
                    await self.commit([Output(topics.CART, TICK, _encode(tick), partition=self.partition)], (), {})

    async def _slept(self, clock: Clock, until: int) -> bool:
        """True once the time has come; False if a batch was folded before, so that another may be due first.

        It sleeps in the ticker's own task: a simulated clock sees no moment between its waking and its work.
        """
        try:
            async with asyncio.timeout(None) as self._nap:
                await clock.sleep_until(until)
            return True
        except TimeoutError:
            return False
        finally:
            self._nap = None

    def _look_again(self) -> None:
        self._moved.set()
        if self._nap:
            self._nap.reschedule(0)
            self._nap = None


def _too_large(what: str, value: bytes) -> BadRecord:
    return BadRecord(f"{what} would have {len(value)} bytes; a record has at most {MAX_RECORD}.")
