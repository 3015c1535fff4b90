"""Whether what a soak has measured is bounded: the last third of it beside the middle third."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from streams.names import INNER
from tests.soak.measures import CHANGELOGS, MIB, Sample

LEAST = 9  # samples: three in a third


class Bound(NamedTuple):
    """In the last third at most ``factor`` times the middle third's most, and ``slack`` bytes."""

    factor: float
    slack: int


class Bounds(NamedTuple):
    """``topic``: of an inner topic. A store may hold what RocksDB is about to compact."""

    topic: Bound
    changelogs: Bound
    store: Bound = Bound(1.2, 16 * MIB)
    memory: Bound = Bound(1.1, 16 * MIB)


def bounds(partitions: int, segment: int) -> Bounds:
    """A segment for each partition is what the moment of rolling, purging and compacting makes of a difference."""
    return Bounds(topic=Bound(1.2, partitions * segment), changelogs=Bound(1.2, 2 * partitions * segment))


def grown(samples: Sequence[Sample], bounds: Bounds) -> list[str]:
    """A sentence for everything that has grown. Raises ValueError if there are too few samples to tell."""
    if len(samples) < LEAST:
        raise ValueError(f"There are {len(samples)} samples, which tells nothing; take {LEAST} or more.")
    watched: list[tuple[str, list[int], Bound]] = [
        (f"inner topic {name}", [sample.disk[name] for sample in samples], bounds.topic) for name in INNER
    ]
    watched.append((CHANGELOGS, [sample.disk[CHANGELOGS] for sample in samples], bounds.changelogs))
    for number in range(len(samples[0].stores)):
        watched.append((f"store of worker {number + 1}", [s.stores[number] for s in samples], bounds.store))
        watched.append((f"memory of worker {number + 1}", [s.memory[number] for s in samples], bounds.memory))
    return [sentence for name, values, bound in watched if (sentence := _growth(name, values, bound))]


def _growth(name: str, values: Sequence[int], bound: Bound) -> str:
    third = len(values) // 3
    middle, last = max(values[third : 2 * third]), max(values[2 * third :])
    if last <= middle * bound.factor + bound.slack:
        return ""
    return (
        f"The {name} has grown from {middle / MIB:.1f} MiB in the middle third to {last / MIB:.1f} MiB in the last; "
        f"allowed are {bound.factor:g} times and {bound.slack / MIB:g} MiB more."
    )


def miscounted(expected: Mapping[str, int], found: Mapping[str, int]) -> list[str]:
    """A sentence for every `topic by fold` of which not exactly the expected number of records was folded."""
    return [
        f"{name}: {found.get(name, 0)} records were folded, and there were {expected.get(name, 0)}."
        for name in sorted(expected.keys() | found.keys())
        if expected.get(name, 0) != found.get(name, 0)
    ]
