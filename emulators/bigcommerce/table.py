"""Records by id and by date of change, both kept sorted, so that a page costs a page and not the whole table."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Generic, Protocol, TypeVar


class Row(Protocol):
    id: int
    date_modified: int


T = TypeVar("T", bound=Row)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """``total`` rows match; these are those of the page."""

    rows: list[T]
    total: int


class Table(Generic[T]):
    def __init__(self) -> None:
        self._rows: dict[int, T] = {}
        self._ids: list[int] = []
        self._modified: list[tuple[int, int]] = []
        self._highest = 0

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[T]:
        """In the order of ids."""
        return (self._rows[id_] for id_ in self._ids)

    def get(self, id_: int) -> T | None:
        return self._rows.get(id_)

    def __getitem__(self, id_: int) -> T:
        return self._rows[id_]

    def next_id(self, first: int = 1) -> int:
        """One more than the highest id ever given: the ids of deleted records do not come back."""
        return max(first, self._highest + 1)

    def add(self, row: T) -> None:
        if row.id in self._rows:
            raise ValueError(f"Id {row.id} is taken: give the new record the next free id, {self.next_id()}.")
        self._rows[row.id] = row
        self._highest = max(self._highest, row.id)
        insort(self._ids, row.id)
        insort(self._modified, (row.date_modified, row.id))

    def touch(self, row: T, when: int) -> None:
        """Sets ``date_modified``, and only this way, since the order of changes depends on it."""
        self._modified.pop(bisect_left(self._modified, (row.date_modified, row.id)))
        row.date_modified = when
        insort(self._modified, (when, row.id))

    def remove(self, id_: int) -> T:
        row = self._rows.pop(id_)
        self._ids.pop(bisect_left(self._ids, id_))
        self._modified.pop(bisect_left(self._modified, (row.date_modified, id_)))
        return row

    def among(self, ids: Iterable[int]) -> list[T]:
        """Those of ``ids`` that exist, by id."""
        return [self._rows[id_] for id_ in sorted(set(ids)) if id_ in self._rows]

    def by_id(
        self, lowest: int | None = None, highest: int | None = None, *, reverse: bool = False, after: int | None = None
    ) -> "Slice[T]":
        """Both bounds included; ``after`` is the id at which the page before ended."""
        start = 0 if lowest is None else bisect_left(self._ids, lowest)
        end = len(self._ids) if highest is None else bisect_right(self._ids, highest)
        if after is not None and reverse:
            end = min(end, bisect_left(self._ids, after))
        elif after is not None:
            start = max(start, bisect_right(self._ids, after))
        return Slice(self._ids, start, max(start, end), reverse, self._rows.__getitem__)

    def by_modified(
        self, earliest: int | None = None, latest: int | None = None, *, reverse: bool = False
    ) -> "Slice[T]":
        """Both bounds included."""
        start = 0 if earliest is None else bisect_left(self._modified, (earliest, -1))
        end = len(self._modified) if latest is None else bisect_left(self._modified, (latest + 1, -1))
        return Slice(self._modified, start, max(start, end), reverse, lambda entry: self._rows[entry[1]])


E_ = TypeVar("E_")


class Slice(Generic[T]):
    """A stretch of a sorted index, read lazily."""

    def __init__(self, index: Sequence[E_], start: int, end: int, reverse: bool, row: Callable[[E_], T]) -> None:
        self._entry: Callable[[int], T] = lambda place: row(index[place])
        self._places = range(end - 1, start - 1, -1) if reverse else range(start, end)

    def __iter__(self) -> Iterator[T]:
        return (self._entry(place) for place in self._places)

    def page(self, page: int, limit: int, wanted: Callable[[T], bool] | None = None) -> Page[T]:
        """Without ``wanted`` only the page itself is looked at; with it every row of the stretch is asked once."""
        first = (page - 1) * limit
        if wanted is None:
            return Page([self._entry(place) for place in self._places[first : first + limit]], len(self._places))
        rows, total = [], 0
        for row in filter(wanted, self):
            if first <= total < first + limit:
                rows.append(row)
            total += 1
        return Page(rows, total)


def page_of(rows: Sequence[T], page: int, limit: int) -> Page[T]:
    """A page of rows that are already chosen and sorted."""
    first = (page - 1) * limit
    return Page(list(islice(rows, first, first + limit)), len(rows))
