"""What came after a dead record in its own topic: what supersedes it there need not, or must not, come again.

fact, Brevo's consent   a newer record of the same key
upsert                  a newer one of the same entity, or the contact's rename or deletion
event                   its contact's rename or deletion: it would make a contact under the old e-mail
rename, deletion        whatever makes the contact that it is about exist again
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol

from aiokafka import TopicPartition

from schemas import topics
from schemas.errors import BadRecord
from streams.enrich.facts import TOPIC_OF
from streams.names import Names
from streams.reading import Reader
from streams.sink.items import Item
from tajo.dlq.letters import Letter, Place, Source

FACTS: Final = {topic: entity for entity, topic in TOPIC_OF.items()}


class _Trail(Protocol):
    """The dead records of one partition."""

    def superseded(self, record: Any) -> Iterable[tuple[Place, str]]:
        """Those that this record supersedes, and in which words."""


class _ByKey:
    def __init__(self, what: str) -> None:
        self._what = what
        self._letters: defaultdict[bytes | None, list[tuple[Place, int]]] = defaultdict(list)

    def add(self, place: Place, source: Source) -> None:
        if source.key is not None:
            self._letters[source.key].append((place, source.offset))

    def superseded(self, record: Any) -> Iterable[tuple[Place, str]]:
        for place, offset in self._letters.get(record.key, ()):
            if offset < record.offset:
                yield place, f"a newer {self._what} of the same key lies at offset {record.offset}"


class _Commands:
    def __init__(self) -> None:
        self._letters: defaultdict[str, list[tuple[Place, Item]]] = defaultdict(list)

    def add(self, place: Place, source: Source) -> None:
        """What is no command is superseded by none."""
        try:
            item = Item(source)
        except BadRecord:
            return
        for name in {item.entity, item.keys[0]}:
            self._letters[name].append((place, item))

    def superseded(self, record: Any) -> Iterable[tuple[Place, str]]:
        try:
            later = Item(record)
        except BadRecord:
            return
        for name in {later.entity, later.keys[0]}:
            for place, dead in self._letters.get(name, ()):
                if dead.offset < later.offset and (how := _follows(dead, later)):
                    yield place, f"{how} lies at offset {later.offset}"


def _follows(dead: Item, later: Item) -> str:
    """How ``later`` supersedes ``dead``; '' if it does not. ``keys[0]`` is the lane of the contact it is about."""
    if later.barrier and later.keys[0] == dead.keys[0]:
        return f"the contact's {'rename' if later.kind == 'rename' else 'deletion'}"
    if dead.barrier:
        return "a newer state of the contact" if later.entity == dead.keys[0] else ""
    return f"a newer {later.kind} command" if dead.kind != "event" and later.entity == dead.entity else ""


class Followers:
    """``found``: letter -> what supersedes it. ``cut``: letters of which that cannot be told any more, since the log
    right behind their records has been deleted.
    """

    def __init__(self, reader: Reader, names: Names, counts: Mapping[str, int]) -> None:
        self.found: dict[Place, str] = {}
        self.cut: set[Place] = set()
        self._reader, self._names, self._counts = reader, names, counts
        self._trails: dict[TopicPartition, _ByKey | _Commands] = {}
        self._seen: dict[TopicPartition, int] = {}  # up to where it was looked

    async def look(self, letters: Iterable[Letter]) -> None:
        """Reads on from each letter's record to the present end of its partition."""
        start: dict[TopicPartition, int] = {}
        behind: dict[Place, tuple[TopicPartition, int]] = {}
        for letter in letters:
            tp, source = self._at(letter), letter.source
            if tp is not None and source is not None:
                self._trails.setdefault(tp, _trail(letter.place.topic)).add(letter.place, source)
                start[tp] = min(start.get(tp, source.offset + 1), source.offset + 1)
                behind[letter.place] = (tp, source.offset + 1)
        if not start:
            return
        beginnings = await self._reader.beginnings(start)
        self.cut = {place for place, (tp, first) in behind.items() if beginnings[tp] > first}
        self._seen = start
        await self.look_on(await self._reader.ends(start))

    async def look_on(self, ends: Mapping[TopicPartition, int]) -> bool:
        """Reads on to these offsets. True if anything was found there that supersedes a letter."""
        before, ends = len(self.found), {tp: end for tp, end in ends.items() if tp in self._seen}
        if ends:
            start = {tp: self._seen[tp] for tp in ends}
            async for tp, record in self._reader.records(ends, start, ends):
                self.found.update(self._trails[tp].superseded(record))
            self._seen |= ends
        return len(self.found) > before

    def _at(self, letter: Letter) -> TopicPartition | None:
        """Where its record lies, if its topic is one in which records follow one another."""
        topic, source = letter.place.topic, letter.source
        if source is None or (topic not in FACTS and topic not in (topics.CONSENT, topics.COMMAND)):
            return None
        name = self._names.topic(topic)
        return TopicPartition(name, source.partition) if source.partition < self._counts.get(name, 0) else None


def _trail(topic: str) -> _ByKey | _Commands:
    if topic == topics.COMMAND:
        return _Commands()
    return _ByKey("fact" if topic in FACTS else "record")
