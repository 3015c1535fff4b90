"""The owners that read one input partition: a record is taken only when all of them have it.

Asked at every poll for every partition, so nothing is looked up twice here.
"""

from collections.abc import Iterable

from streams.inbox import Record
from streams.owner import Owner


class Readers:
    """``named``: each owner with the logical name under which it knows the topic. At least one."""

    def __init__(self, named: Iterable[tuple[Owner, str]]) -> None:
        self._named = tuple(named)
        self.owners = tuple(owner for owner, _ in self._named)

    def full(self) -> bool:
        """Whether one of them should not be fed for now."""
        for owner, topic in self._named:  # noqa: SIM110 - a generator would take three times as long
            if owner.full(topic):
                return True
        return False

    def take_no_more(self) -> bool:
        """Whether one of them is full, or has ended."""
        return self.full() or any(owner.stopped for owner in self.owners)

    def forgotten(self) -> bool:
        """Whether one was fed and not woken."""
        for owner in self.owners:  # noqa: SIM110
            if owner.forgotten:
                return True
        return False

    def position(self) -> int:
        """The offset up to which all of them have committed; 0 if one has not begun."""
        return min(owner.position.get(topic, 0) for owner, topic in self._named)

    def following(self) -> int:
        """Where the hindmost goes on."""
        owner, topic = self._named[0]
        following = owner.following(topic)
        for owner, topic in self._named[1:]:
            following = min(following, owner.following(topic))
        return following

    def feed(self, records: list[Record], end: int) -> None:
        """Each drops what it has. ``end``: up to where there is nothing more."""
        for owner, topic in self._named:
            owner.feed(topic, records, end)
