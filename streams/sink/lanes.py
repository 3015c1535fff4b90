"""Who may go when: commands of one contact (order, product) in the order of the log, different ones at once."""

from collections import defaultdict
from collections.abc import Callable, Iterable

from streams.sink.items import Item


class Lanes:
    """``ready`` is called for each command whose turn has come. Everything is added in the order of the log.

    No deadlock: a command joins all its lanes at once, so the oldest one is first in each of its lanes.
    """

    def __init__(self, ready: Callable[[Item], None]) -> None:
        self._ready = ready
        self._lanes: dict[str, list[Item]] = {}
        self._entities: dict[str, list[Item]] = {}
        self._barriers: defaultdict[str, list[int]] = defaultdict(list)  # lane -> offsets, ascending

    def __len__(self) -> int:
        return sum(len(items) for items in self._entities.values())

    def add(self, item: Item) -> None:
        self._entities.setdefault(item.entity, []).append(item)
        for key in item.keys:
            self._lanes.setdefault(key, []).append(item)
            if item.barrier:
                self._barriers[key].append(item.offset)
        for key in item.keys:
            self._advance(key)

    def group(self, item: Item) -> list[Item]:
        """What may be done by one request in place of ``item``, oldest first: the last one's content is enough.

        Upserts are convergent, so the newest may be sent early, as long as nothing that comes before it in the log is
        about another state of the contact: never past a rename or deletion, and for an order never past a version of it
        that belongs to another contact.
        """
        pending = self._entities[item.entity]
        first = pending[0]
        barrier = next((offset for offset in self._barriers.get(first.keys[0], ()) if offset > first.offset), None)
        found = []
        for other in pending:
            if other.email != first.email or (barrier is not None and other.offset > barrier):
                break
            found.append(other)
        return found

    def first(self, item: Item) -> Item:
        """The oldest pending command of its entity."""
        return self._entities[item.entity][0]

    def finish(self, items: Iterable[Item]) -> None:
        """They are done: who waited for them may go."""
        keys: dict[str, None] = {}
        for item in items:
            item.done = True
            self._forget(item)
            keys.update(dict.fromkeys(item.keys))
        for key in keys:
            self._advance(key)

    def _forget(self, item: Item) -> None:
        pending = self._entities[item.entity]
        pending.remove(item)
        if not pending:
            del self._entities[item.entity]
        if item.barrier:
            for key in item.keys:
                self._barriers[key].remove(item.offset)
                if not self._barriers[key]:
                    del self._barriers[key]

    def _advance(self, key: str) -> None:
        lane = [item for item in self._lanes.get(key, ()) if not item.done]
        if not lane:
            self._lanes.pop(key, None)
            return
        self._lanes[key] = lane
        for item in lane:
            if item is not lane[0] and not (item.parallel and lane[0].parallel):
                return
            if key not in item.released:
                item.released.add(key)
                if len(item.released) == len(item.keys):
                    self._ready(item)
