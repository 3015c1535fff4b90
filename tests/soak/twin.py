"""The same folds without Kafka, stores or batches: what the tables have to hold in the end."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from projections.fold import Fold, Input, Output
from streams.names import INNER


class Twin:
    """``tables``: name -> key -> what is stored, through load and dump at every record. ``folded``: per input topic."""

    def __init__(self, folds: Sequence[Fold[Any]]) -> None:
        self.folds = folds
        self.tables: dict[str, dict[bytes, bytes]] = {fold.name: {} for fold in folds}
        self.folded: Counter[str] = Counter()

    def take(self, fact: Output, time: int) -> None:
        """Folds it and all that comes of it. Raises what a fold raises: there are no dead letters here."""
        waiting = [fact]
        for output in waiting:
            self.folded[output.topic] += 1
            for fold in self.folds:
                if output.topic in fold.inputs:
                    told = self._fold(fold, Input(output.topic, output.key or b"", output.value, time))
                    waiting += [output for output in told if output.topic in INNER]

    def _fold(self, fold: Fold[Any], record: Input) -> list[Output]:
        table = self.tables[fold.name]
        state, outputs = fold.fold(fold.load(record.key, table.get(record.key)), record)
        if (stored := fold.dump(state)) is None:
            table.pop(record.key, None)
        else:
            table[record.key] = stored
        return outputs

    def differences(self, name: str, table: dict[bytes, bytes]) -> list[str]:
        """In which keys ``table`` is not what it has to be."""
        fold = next(fold for fold in self.folds if fold.name == name)
        mine = self.tables[name]

        def content(key: bytes, stored: bytes | None) -> Any:
            return None if stored is None else msgspec.to_builtins(fold.load(key, stored))

        return [
            key.decode(errors="replace")
            for key in sorted(mine.keys() | table.keys())
            if mine.get(key) != table.get(key) and content(key, mine.get(key)) != content(key, table.get(key))
        ]
