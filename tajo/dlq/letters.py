"""Dead letters as they lie in `*.dead.v1`: the record as it was, where it came from, and why it could not be used."""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

from aiokafka import TopicPartition

from schemas import topics
from streams.names import INNER, Names
from streams.reading import Reader
from tajo.errors import Problem, SettingsError

Headers = tuple[tuple[str, bytes], ...]
SOURCES: Final = (*topics.WITH_DEAD_LETTERS, *INNER)  # logical names of the topics that have dead letters
_TOLD: Final = "__connect.errors."
_ID: Final = re.compile(r"([a-z.-]+):([0-9]{1,9}):([0-9]{1,18})")


class Place(NamedTuple):
    """Where a letter lies: ``topic`` is its source's logical name, partition and offset are of the dead-letter topic.

    As text it is what a person types: `commerce.order:2:17`.
    """

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{short(self.topic)}:{self.partition}:{self.offset}"


class Source(NamedTuple):
    """The record as its owner met it (a streams.owner.Record); ``headers`` are its own."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class Letter(NamedTuple):
    """``at``: when it was written (Unix ms)."""

    place: Place
    at: int
    key: bytes | None
    value: bytes | None
    headers: Headers

    def told(self, name: str) -> str:
        """What the error headers say under this name; '' if they do not. Of several the last is ours."""
        return next((_text(value) for found, value in reversed(self.headers) if found == _TOLD + name), "")

    @property
    def reason(self) -> str:
        return self.told("exception.message") or self.told("exception.class.name") or "no reason is told"

    @property
    def kept(self) -> Headers:
        """The record's own headers."""
        return tuple(header for header in self.headers if not header[0].startswith(_TOLD))

    @property
    def source(self) -> Source | None:
        """None for what never lay in a topic: it came over HTTP, or is what several deliveries asked for."""
        partition, offset = self.told("partition"), self.told("offset")
        if not (partition.isdecimal() and offset.isdecimal()):
            return None
        return Source(int(partition), int(offset), self.at, self.key, self.value, self.kept)


def short(topic: str) -> str:
    return topic.removesuffix(".v1")


def topic_named(text: str) -> str:
    """The logical topic that a person means: in short, in full, or by the name of its dead letters.

    Raises SettingsError with those that there are.
    """
    for topic in SOURCES:
        if text in (topic, short(topic), topics.dead(topic)):
            return topic
    known = ", ".join(map(short, SOURCES))
    raise SettingsError([Problem("command line", "--topic", f"{text!r} has no dead letters; these can: {known}.")])


def place_named(text: str) -> Place:
    """Raises SettingsError for what is no id."""
    found = _ID.fullmatch(text)
    topic = next((topic for topic in SOURCES if found and short(topic) == found[1]), None)
    if found is None or topic is None:
        sentence = f"{text!r} is no dead letter's id; they look like commerce.order:2:17, see `tajo dlq list --all`."
        raise SettingsError([Problem("command line", "ID", sentence)])
    return Place(topic, int(found[2]), int(found[3]))


async def letters_of(
    reader: Reader, names: Names, counts: Mapping[str, int], sources: Collection[str]
) -> dict[Place, Letter]:
    """All that lie in the dead-letter topics of these sources, oldest first. ``counts``: partitions by broker's name.

    Topics that are not at the broker have none.
    """
    logical = {names.topic(names.dead(source)): source for source in sources}
    tps = [TopicPartition(name, partition) for name in logical for partition in range(counts.get(name, 0))]
    found = [_letter(logical[tp.topic], record) async for tp, record in reader.records(tps)] if tps else []
    found.sort(key=lambda letter: (letter.at, letter.place))
    return {letter.place: letter for letter in found}


def _letter(source: str, record: Any) -> Letter:
    place = Place(source, record.partition, record.offset)
    headers = tuple((name, value or b"") for name, value in record.headers)
    return Letter(place, record.timestamp, record.key, record.value, headers)


def _text(value: bytes) -> str:
    return value.decode(errors="replace")
