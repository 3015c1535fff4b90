"""What has to be read, because of what, and when: the dirty marks of one store.

An entity is read some time after its first delivery, once for all deliveries until then. While it is being read its
mark is *under way*; what arrives meanwhile makes a new mark, which outlives the first. In the state both are one, until
what was read is committed.
"""

import heapq
import itertools
from dataclasses import dataclass

from connectors.bigcommerce.scopes import Kind
from schemas.facts import Cause, StatusChange
from streams.enrich.state import Changes, Mark, State

CAUSES_KEPT = 50
_FIRST_KEPT = 10  # of them the earliest: what began it, and the latest
_LONGEST_BATCH_SHIFT = 20


@dataclass(slots=True, eq=False)
class Wanted:
    """An entity to read, and what is known of its tries. ``due``: clock time of the next one."""

    kind: Kind
    id: str
    mark: Mark
    due: int
    attempts: int = 0


class Marks:
    def __init__(self, state: State, coalesce_ms: int) -> None:
        self._state, self._coalesce = state, coalesce_ms
        self._waiting: dict[Kind, dict[str, Wanted]] = {}
        self._under_way: dict[Kind, dict[str, Wanted]] = {}
        self._order: dict[Kind, list[tuple[int, int, Wanted]]] = {}
        self._numbers = itertools.count()
        self._watchers: list[tuple[Kind, set[str]]] = []
        for name, mark in state.scan("mark/", Mark):
            kind, _, id_ = name.partition("/")
            self._put(Wanted(kind, id_, mark, mark.since + coalesce_ms))  # type: ignore[arg-type]

    # --- marking ------------------------------------------------------------------------------------------------------

    def add(
        self,
        kind: Kind,
        id_: str,
        now: int,
        *,
        cause: Cause | None = None,
        change: StatusChange | None = None,
        refunded: bool = False,
        asked_due: int | None = None,
        requested: bool = False,
    ) -> Changes:
        """Marks an entity. One that somebody waits for (``asked_due``) is read at once, but not before it is due."""
        due = now + self._coalesce if asked_due is None else max(now, asked_due)
        wanted = self._waiting.get(kind, {}).get(id_)
        if wanted is None:
            wanted = self._put(Wanted(kind, id_, Mark(since=now), due))
        elif due < wanted.due and not wanted.attempts:
            wanted.due = due
            self._queue(wanted)
        mark = wanted.mark
        if cause is not None and cause not in mark.causes:
            mark.causes_count += 1
            mark.causes = _bounded([*mark.causes, cause])
        if change is not None and change not in mark.changes:
            mark.changes = [*mark.changes, change]
        mark.refunded |= refunded
        mark.requested |= requested
        if asked_due is not None:
            mark.asked_due = max(asked_due, mark.asked_due or asked_due)
        self._tell(kind, id_)
        return self._kept(kind, id_)

    def discard(self, kind: Kind, id_: str) -> tuple[Mark | None, Changes]:
        """Takes back a mark that has become pointless; what is under way ends by itself."""
        wanted = self._waiting.get(kind, {}).pop(id_, None)
        return (wanted.mark if wanted else None), self._kept(kind, id_)

    # --- reading ------------------------------------------------------------------------------------------------------

    def take(self, kind: Kind, now: int, most: int) -> list[Wanted]:
        """Those that are due, the earliest first, and puts them under way.

        Those that failed before go in smaller and smaller company, so that one that spoils answers ends up alone.
        """
        taken: list[Wanted] = []
        room = most
        while (first := self._first(kind)) is not None and first.due <= now:
            room = min(room, max(1, most >> min(2 * first.attempts, _LONGEST_BATCH_SHIFT)))
            if len(taken) >= room:
                break
            heapq.heappop(self._order[kind])
            del self._waiting[kind][first.id]
            self._under_way.setdefault(kind, {})[first.id] = first
            self._tell(kind, first.id)
            taken.append(first)
        return taken

    def done(self, wanted: Wanted) -> Changes:
        """It was read, or given up: what was under way is cleared, what came since stays, and may be read now."""
        del self._under_way[wanted.kind][wanted.id]
        if later := self._waiting.get(wanted.kind, {}).get(wanted.id):
            self._queue(later)
        return self._kept(wanted.kind, wanted.id)

    def failed(self, wanted: Wanted, retry_at: int, *, counts: bool = True) -> None:
        """It could not be read. Its mark and what came since are one again. The state has not changed."""
        del self._under_way[wanted.kind][wanted.id]
        later = self._waiting.get(wanted.kind, {}).pop(wanted.id, None)
        wanted.mark = _joined(wanted.mark, later.mark if later else None)
        wanted.attempts += counts
        wanted.due = retry_at
        self._put(wanted)

    def next_due(self, kind: Kind) -> int | None:
        first = self._first(kind)
        return first.due if first else None

    def marked(self, kind: Kind, id_: str) -> bool:
        """Whether it is to be read, or is being read."""
        return id_ in self._waiting.get(kind, ()) or id_ in self._under_way.get(kind, ())

    def waiting(self, kind: Kind) -> list[Wanted]:
        return list(self._waiting.get(kind, {}).values())

    def count(self, kind: Kind) -> int:
        return len(self._waiting.get(kind, ())) + len(self._under_way.get(kind, ()))

    # --- pages --------------------------------------------------------------------------------------------------------

    def watch(self, kind: Kind) -> set[str]:
        """From now on collects the ids that are marked or put under way. End with ``unwatch``."""
        seen: set[str] = set()
        self._watchers.append((kind, seen))
        return seen

    def unwatch(self, seen: set[str]) -> None:
        self._watchers = [watcher for watcher in self._watchers if watcher[1] is not seen]

    # --- inside -------------------------------------------------------------------------------------------------------

    def _tell(self, kind: Kind, id_: str) -> None:
        for watched, seen in self._watchers:
            if watched == kind:
                seen.add(id_)

    def _put(self, wanted: Wanted) -> Wanted:
        self._waiting.setdefault(wanted.kind, {})[wanted.id] = wanted
        self._queue(wanted)
        return wanted

    def _queue(self, wanted: Wanted) -> None:
        heapq.heappush(self._order.setdefault(wanted.kind, []), (wanted.due, next(self._numbers), wanted))

    def _first(self, kind: Kind) -> Wanted | None:
        """The head of the queue; entries that were taken, discarded or moved since are dropped on the way.

        So are those of what is being read: two readings of one entity could be written in the wrong order.
        """
        order, waiting = self._order.get(kind, []), self._waiting.get(kind, {})
        under_way = self._under_way.get(kind, {})
        while order:
            due, _, wanted = order[0]
            if waiting.get(wanted.id) is wanted and wanted.due == due and wanted.id not in under_way:
                return wanted
            heapq.heappop(order)
        return None

    def _kept(self, kind: Kind, id_: str) -> Changes:
        waiting = self._waiting.get(kind, {}).get(id_)
        under_way = self._under_way.get(kind, {}).get(id_)
        if waiting and under_way:
            return self._state.change(f"mark/{kind}/{id_}", _joined(under_way.mark, waiting.mark))
        either = waiting or under_way
        return self._state.change(f"mark/{kind}/{id_}", either.mark if either else None)


def _joined(earlier: Mark, later: Mark | None) -> Mark:
    if later is None:
        return earlier
    new = [cause for cause in later.causes if cause not in earlier.causes]
    dues = [due for due in (earlier.asked_due, later.asked_due) if due is not None]
    return Mark(
        since=earlier.since,
        causes=_bounded([*earlier.causes, *new]),
        causes_count=earlier.causes_count + later.causes_count - (len(later.causes) - len(new)),
        changes=[*earlier.changes, *(change for change in later.changes if change not in earlier.changes)],
        refunded=earlier.refunded or later.refunded,
        asked_due=max(dues, default=None),
        requested=earlier.requested or later.requested,
    )


def _bounded(causes: list[Cause]) -> list[Cause]:
    if len(causes) <= CAUSES_KEPT:
        return causes
    return [*causes[:_FIRST_KEPT], *causes[_FIRST_KEPT - CAUSES_KEPT :]]
