"""python -m benchmarks.folds_alone [FACTS]: the folds of `mix` in memory, without Kafka and RocksDB: what each costs.

For profilers: everything is in one thread and nothing waits. Batches of 8,000, as in the engine.
"""

import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.facts import Traffic
from benchmarks.shop import components
from projections.fold import Fold, Input, Output
from schemas import topics
from streams import topology
from streams.access import Kafka

BATCH = 8_000


class Alone:
    def __init__(self, folds: Iterable[Fold[Any]]) -> None:
        self._folds = list(folds)
        self.tables: dict[str, dict[bytes, bytes | None]] = {fold.name: {} for fold in self._folds}
        self.seconds: Counter[str] = Counter()
        self.records: Counter[str] = Counter()
        self.written: Counter[str] = Counter()  # by topic

    def run(self, facts: Iterable[Output]) -> list[Output]:
        """Folds the facts and all that follows from them; returns the commands."""
        waiting, told = deque(facts), list[Output]()
        while waiting:
            batch = [waiting.popleft() for _ in range(min(BATCH, len(waiting)))]
            for fold in self._folds:
                records = [Input(o.topic, o.key or b"", o.value, 0) for o in batch if o.topic in fold.inputs]
                for output in self._fold(fold, records):
                    self.written[output.topic] += 1
                    (told if output.topic == topics.COMMAND else waiting).append(output)
        return told

    def _fold(self, fold: Fold[Any], records: list[Input]) -> list[Output]:
        began = time.process_time()
        table, states, told = self.tables[fold.name], dict[bytes, Any](), list[Output]()
        for record in records:
            key = record.key
            state = states[key] if key in states else fold.load(key, table.get(key))
            states[key], outputs = fold.fold(state, record)
            fold.due(states[key])
            told += outputs
        for key, state in states.items():
            table[key] = fold.dump(state)
        self.seconds[fold.name] += time.process_time() - began
        self.records[fold.name] += len(records)
        return told


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        alone = Alone(topology.folds(components(Kafka("none:1"), "alone-", Path(folder)).fold_settings()))
    facts = list(Traffic(1_788_264_000_000).facts(count))
    alone.run(facts)
    for name, records in alone.records.items():
        seconds = alone.seconds[name]
        print(f"{name:12} {records:8,} records {seconds:6.2f} s {seconds / max(1, records) * 1e6:6.1f} us a record")
    print(f"{count:,} facts in {alone.seconds.total():.2f} s: {count / alone.seconds.total():,.0f}/s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30_000)
