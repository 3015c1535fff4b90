"""Folding a batch: every record against the state of its key, each key read once and written once.

A record that cannot be folded becomes a dead letter, and its key's state is as if it had never been there. A tick
reaches every state that is due at its time, in the order of due times; it costs what is due, not what there is.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import islice
from typing import Any, Final, NamedTuple

import msgspec

from projections.fold import TICK, Fold, Input, Output
from schemas.errors import BadRecord
from schemas.facts import CartFact
from schemas.topics import MAX_RECORD
from streams import due
from streams.headers import business_time
from streams.inbox import Batch, Record
from streams.store import RESERVED, Store

Changes = list[tuple[bytes, bytes | None]]
Bury = Callable[[str, Record, Exception], Output]
"""(logical topic, record, why) -> its dead letter"""
_OWN: Final = (RESERVED, due.PRIVATE)
_AHEAD: Final = 60_000  # ms
_AT_A_TIME: Final = 1_000  # entries of the index


class Folded(NamedTuple):
    """What a batch comes to: outputs in the order of records, and what changes in the store."""

    outputs: list[Output]
    changes: Changes


class Entry(msgspec.Struct, gc=False):
    """The state of a key during a batch, what was folded into it, and when it wants a tick, now and as it is stored."""

    state: Any
    due: int | None  # None too if it could not take its tick
    due_before: int | None
    folded: list[Input]


def keys_of(batch: Batch) -> list[bytes]:
    """Each once, in order: RocksDB finds them sooner so."""
    return sorted({record.key for _, records in batch for record in records if record.key is not None})


class Folding:
    """``ticking``: whether the fold gets ticks. It reads the store, and writes nothing."""

    def __init__(self, fold: Fold[Any], store: Store, bury: Bury, *, ticking: bool) -> None:
        self._projection, self._store, self._dead, self._ticking = fold, store, bury, ticking
        self.ticked_at = 0  # time of the last tick that was folded
        self._stored: dict[bytes, bytes | None] = {}  # what the keys of this batch had before
        self._suspects: set[bytes] = set()  # keys whose state could not be stored after this batch
        self._begin()

    def _begin(self) -> None:
        self._entries: dict[bytes, Entry] = {}
        self._outputs: list[Output] = []
        self._near: list[tuple[int, bytes]] = []  # a heap: when states of this batch want a tick, or wanted one
        self._looked = 0  # up to which time ticks of this batch have looked into the index
        self._found: list[tuple[int, bytes]] = []  # what they found there
        self._uncovered: set[bytes] = set()  # keys among it whose stored time has no entry at or before it any more

    def resume(self) -> None:
        """Goes on from what the store says."""
        self.ticked_at = due.ticked(self._store)

    def fold(self, batch: Batch, stored: dict[bytes, bytes | None]) -> Folded:
        """``stored``: what the store has of all keys of the batch (`keys_of`).

        Raises what ``dump`` raises of a state that could be stored after each record, but not after the last.
        """
        self._stored = stored
        self._suspects = set()
        while (changes := self._attempt(batch)) is None:
            pass
        outputs = self._outputs
        self._stored = {}
        self._begin()
        return Folded(outputs, changes)

    def _attempt(self, batch: Batch) -> Changes | None:
        """None if a state cannot be stored: fold again, and look at its every step."""
        self._begin()
        for topic, records in batch:
            for record in records:
                try:
                    self._fold_record(topic, record)
                except Exception as error:
                    self._bury(topic, record, error)
        changes, suspects = self._states()
        if suspects:
            self._suspects |= suspects
            return None
        return changes + self._index_changes() if self._ticking else changes

    def _bury(self, topic: str, record: Record, error: Exception, key: bytes | None = None) -> None:
        """``key``: of the state that it is about, if that is not the record's."""
        dead = self._dead(topic, record, error)
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
            entry.state, outputs = self._projection.fold(entry.state, record)
            for output in outputs:
                if output.value is not None and len(output.value) > MAX_RECORD:
                    raise _too_large("An output", output.value)
            if self._suspects and record.key in self._suspects:
                self._dump(record.key, entry)
            if self._ticking:
                self._wants(record.key, entry)
        except Exception:
            self._take_back(record.key)
            raise
        entry.folded.append(record)
        self._outputs += outputs

    def _wants(self, key: bytes, entry: Entry) -> None:
        when = self._projection.due(entry.state)
        # What was due before the last tick may not have taken it, and is out of the index: this is its next record.
        if when is not None and (when != entry.due or when <= self.ticked_at):
            heappush(self._near, (when, key))
        entry.due = when

    def _take_back(self, key: bytes) -> None:
        """Makes the state anew from what was folded into it before: the fold may have left it half-changed."""
        before = self._entries.pop(key)
        if before.folded or key in self._uncovered:
            entry = self._load(key)
            for record in before.folded:
                entry.state, _ = self._projection.fold(entry.state, record)
            entry.folded, entry.due = before.folded, before.due

    def _load(self, key: bytes) -> Entry:
        if key.startswith(_OWN):
            raise BadRecord(f"Keys of a table do not start with {key[:2]!r}.", stage="decode")
        state = self._projection.load(key, self._stored[key])
        when = self._projection.due(state) if self._ticking else None
        self._entries[key] = entry = Entry(state, when, when, [])
        return entry

    def _dump(self, key: bytes, entry: Entry) -> bytes | None:
        value = self._projection.dump(entry.state)
        if value is not None and len(value) > MAX_RECORD:
            raise _too_large(f"The state of {key!r}", value)
        return value

    def _states(self) -> tuple[Changes, set[bytes]]:
        """All that were folded, and the keys of those that cannot be stored."""
        changes: Changes = []
        suspects = set()
        for key, entry in self._entries.items():
            try:
                if entry.folded:
                    changes.append((key, self._dump(key, entry)))
            except Exception:
                if key in self._suspects:
                    raise  # every step of it could be stored, but not the last: that is no fold
                suspects.add(key)
        return changes, suspects

    # --- ticks ------------------------------------------------------------------------------------------------------

    def _tick(self, topic: str, record: Record) -> None:
        """A tick reaches all that is due, by the index and by what this batch changed, each once.

        A state that cannot take it stays as it is, out of the index until its next record: it would be due for ever.
        """
        if record.value is None:
            raise BadRecord("A tick without a value tells no time.", stage="decode")
        time = msgspec.json.decode(record.value, type=CartFact).fetched_at
        self.ticked_at = max(self.ticked_at, time)
        self._look_into_index(topic, record, time)
        for key in self._due_by(time):
            try:
                self._apply(self._entries[key], Input(topic, key, record.value, time))
            except Exception as error:
                self._bury(topic, record, error, key)
                if key in self._entries:
                    self._entries[key].due = None

    def _look_into_index(self, topic: str, record: Record, time: int) -> None:
        """Loads what may be due by then, and what this batch has not looked at yet."""
        found = list(due.entries(self._store, start=self._looked, until=time + 1))
        self._looked = max(self._looked, time + 1)
        self._stored |= self._store.get(sorted({key for _, key in found} - self._stored.keys()))
        self._found += found
        for when, key in found:
            try:
                entry = self._entries.get(key) or self._load(key)
            except Exception as error:
                self._bury(topic, record, error, key)
                continue
            # One that is later than what is stored was left behind when that moved to an earlier time.
            if entry.due_before is not None and when <= entry.due_before:
                self._uncovered.add(key)
                if entry.due is not None:
                    heappush(self._near, (entry.due, key))

    def _due_by(self, time: int) -> list[bytes]:
        """Keys in the order of due times, each once; they are no longer near then."""
        keys: dict[bytes, None] = {}
        while self._near and self._near[0][0] <= time:
            when, key = heappop(self._near)
            entry = self._entries.get(key)
            if entry is not None and entry.due == when:  # else it moved on, or was taken back
                keys[key] = None
        return list(keys)

    def _index_changes(self) -> Changes:
        """What was found goes; what may have no entry at its time or before gets one."""
        changes: dict[bytes, bytes | None] = {due.entry(when, key): None for when, key in self._found}
        for key, entry in self._entries.items():
            when, before = entry.due, entry.due_before
            if when is None:
                continue
            missed = bool(entry.folded) and when <= self.ticked_at
            if before is None or when < before or missed or key in self._uncovered:
                changes[due.entry(when, key)] = b""
        if self._looked:
            changes[due.TICKED] = b"%d" % self.ticked_at
        return list(changes.items())

    def corrections(self, now: int) -> Changes | None:
        """What to change in the index, of which an entry's time has come; None if a state is really due by ``now``.

        Not while a batch is under way. What comes soon is looked at too: a busy shop's entries come one by one.
        """
        changes: dict[bytes, bytes | None] = {}
        for when, key in islice(due.entries(self._store, until=now + _AHEAD), _AT_A_TIME):
            try:  # one state at a time: mostly the first is due
                really = self._projection.due(self._projection.load(key, self._store.get([key])[key]))
            except Exception:
                return None  # the tick's dead letter will say why
            if really is not None and when <= really <= now:
                return None
            if when != really:
                changes[due.entry(when, key)] = None
            if really is not None and when < really:
                changes[due.entry(really, key)] = b""
        return list(changes.items())


def _too_large(what: str, value: bytes) -> BadRecord:
    return BadRecord(f"{what} would have {len(value)} bytes; a record has at most {MAX_RECORD}.")
