"""Several gateway processes on one port: what each has of its own, and the figures of all in one answer.

Each writes its figures to a file once a second; who is asked for `/metrics` adds its own of this moment to the others'.
"""

import asyncio
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

WRITE_SECONDS: Final = 1.0
_log = structlog.get_logger("gateway.fleet")
_LEAST: Final = frozenset({"tajo_kafka_answers"})
"""Of these the least is told, not the sum: Kafka answers when it answers everybody."""


class _Family(msgspec.Struct, array_like=True):
    name: str
    told: str
    kind: str
    samples: list[tuple[str, dict[str, str], float]]


_DECODER: Final = msgspec.json.Decoder(list[_Family])


@dataclass(frozen=True, slots=True)
class Place:
    """Which of how many processes this is, 0 to ``workers`` - 1, and the folder that they share."""

    folder: Path
    worker: int = 0
    workers: int = 1

    def spool(self) -> Path:
        return self._spool(self.worker)

    def orphans(self) -> list[Path]:
        """Spools of processes that there are no longer, for the first of those that there are."""
        if self.worker != 0:
            return []
        used = {self._spool(worker) for worker in range(self.workers)}
        return sorted(set(self.folder.glob("gateway-spool*.db")) - used)

    def figures(self, worker: int) -> Path:
        return self.folder / f"gateway-figures-{worker}.json"

    def _spool(self, worker: int) -> Path:
        return self.folder / ("gateway-spool.db" if self.workers == 1 else f"gateway-spool-{worker}.db")


async def keep_writing(place: Place, registry: CollectorRegistry) -> None:
    """Until cancelled, and then once more. What cannot be written is said once, and tried again."""
    said = ""
    try:
        while True:
            try:
                _write(place.figures(place.worker), registry)
                said = ""
            except OSError as error:
                if said != (said := str(error)):
                    _log.warning("figures cannot be written; others tell the last ones", said=said)
            await asyncio.sleep(WRITE_SECONDS)
    finally:
        _write(place.figures(place.worker), registry)


def _write(path: Path, registry: CollectorRegistry) -> None:
    families = [
        _Family(
            family.name,
            family.documentation,
            family.type,
            [(one.name, one.labels, one.value) for one in family.samples],
        )
        for family in registry.collect()
    ]
    beside = path.with_suffix(".new")
    beside.write_bytes(msgspec.json.encode(families))
    os.replace(beside, path)


class Together(Collector):
    """``registry``, with what the others have written last."""

    def __init__(self, place: Place, registry: CollectorRegistry) -> None:
        self._place, self._registry = place, registry

    def collect(self) -> Iterable[Metric]:
        values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}
        heads: dict[str, tuple[str, str]] = {}
        for family in (*self._own(), *self._others()):
            heads.setdefault(family.name, (family.told, family.kind))
            seen = values.setdefault(family.name, {})
            for name, labels, value in family.samples:
                key = (name, tuple(sorted(labels.items())))
                seen[key] = min(seen.get(key, value), value) if name in _LEAST else seen.get(key, 0.0) + value
        for name, (told, kind) in heads.items():
            metric = Metric(name, told, kind)
            metric.samples = [Sample(sample, dict(labels), value) for (sample, labels), value in values[name].items()]
            yield metric

    def _own(self) -> Iterator[_Family]:
        for family in self._registry.collect():
            # When a counter began differs between processes, and is of no use for their sum.
            samples = [(one.name, one.labels, one.value) for one in family.samples if not one.name.endswith("_created")]
            yield _Family(family.name, family.documentation, family.type, samples)

    def _others(self) -> Iterator[_Family]:
        for worker in range(self._place.workers):
            if worker == self._place.worker:
                continue
            try:
                yield from _DECODER.decode(self._place.figures(worker).read_bytes())
            except (OSError, msgspec.MsgspecError):
                continue  # it has not written yet
