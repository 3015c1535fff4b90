"""Folds in memory: a table of bytes and a list of outputs, through dump and load at every record."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TypeVar

import msgspec

from projections.fold import TICK, Fold, Input, Output

S = TypeVar("S")


@dataclass
class Ran:
    """``states``: the table, key -> what is stored. ``outputs``: all that came out, in order."""

    states: dict[bytes, bytes] = field(default_factory=dict)
    outputs: list[Output] = field(default_factory=list)

    def tell(self, fold: Fold[S], outputs: list[Output]) -> None:
        """Takes what a fold says; as at its owner, it may write only where it declares to."""
        undeclared = {output.topic for output in outputs}.difference(fold.outputs)
        assert not undeclared, f"{fold.name} writes to {undeclared}, but declares {fold.outputs}"
        self.outputs += outputs

    def to(self, topic: str) -> list[Output]:
        return [output for output in self.outputs if output.topic == topic]

    def last(self, topic: str) -> dict[bytes | None, bytes | None]:
        """What a compacted topic would hold of the outputs."""
        return {output.key: output.value for output in self.to(topic)}


def run(fold: Fold[S], records: Iterable[Input], states: Mapping[bytes, bytes] | None = None) -> Ran:
    """Folds the records in order, on top of ``states``. A record with key `tick` reaches every state that is due."""
    ran = Ran(dict(states or {}))
    for record in records:
        for key in _receivers(fold, ran.states, record):
            _step(fold, ran, msgspec.structs.replace(record, key=key))
    return ran


def _receivers(fold: Fold[S], states: Mapping[bytes, bytes], record: Input) -> Iterator[bytes]:
    if record.key != TICK:
        yield record.key
        return
    waiting = ((fold.due(fold.load(key, stored)), key) for key, stored in states.items())
    yield from (key for _, key in sorted((due, key) for due, key in waiting if due is not None and due <= record.time))


def _step(fold: Fold[S], ran: Ran, record: Input) -> None:
    state, outputs = fold.fold(fold.load(record.key, ran.states.get(record.key)), record)
    ran.tell(fold, outputs)
    _store(fold, ran, record.key, state)


def run_in_batches(fold: Fold[S], records: Sequence[Input], sizes: Sequence[int]) -> Ran:
    """As the engine does: states stay loaded during a batch, are dumped at its end; the last batch takes the rest."""
    ran, start = Ran(), 0
    for end in [*accumulate(sizes), len(records)]:
        loaded: dict[bytes, S] = {}
        for record in records[start:end]:
            for key in _receivers_in_batch(fold, ran.states, loaded, record):
                state = loaded.pop(key) if key in loaded else fold.load(key, ran.states.get(key))
                loaded[key], outputs = fold.fold(state, msgspec.structs.replace(record, key=key))
                ran.tell(fold, outputs)
        for key, state in loaded.items():
            _store(fold, ran, key, state)
        start = max(start, min(end, len(records)))
    return ran


def _receivers_in_batch(
    fold: Fold[S], states: Mapping[bytes, bytes], loaded: Mapping[bytes, S], record: Input
) -> list[bytes]:
    if record.key != TICK:
        return [record.key]
    waiting = {key: fold.due(fold.load(key, stored)) for key, stored in states.items() if key not in loaded}
    waiting |= {key: fold.due(state) for key, state in loaded.items()}
    return [
        key for _, key in sorted((due, key) for key, due in waiting.items() if due is not None and due <= record.time)
    ]


def _store(fold: Fold[S], ran: Ran, key: bytes, state: S) -> None:
    stored = fold.dump(state)
    if stored is None:
        ran.states.pop(key, None)
    else:
        ran.states[key] = stored
