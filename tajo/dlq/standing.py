"""In which state letters are: by what was decided about them, and by what came after them."""

from collections.abc import Collection, Mapping
from typing import Any, Literal, NamedTuple

import msgspec
from aiokafka import TopicPartition

from schemas import topics
from schemas.decisions import DeadLetterDecision
from streams.names import Names
from streams.reading import Reader
from tajo import topics as broker_topics
from tajo.components import Components
from tajo.dlq.followers import FACTS, Followers
from tajo.dlq.letters import Letter, Place, letters_of

State = Literal["open", "retried", "superseded", "dropped"]


class Standing(NamedTuple):
    """``superseded``: by what, in words."""

    letter: Letter
    state: State
    decision: DeadLetterDecision | None
    superseded: str

    @property
    def waits(self) -> bool:
        """Whether anything is still to come: a decision, or the fact that a retry asked for."""
        return self.state == "open" or (self.state == "retried" and self.letter.place.topic in FACTS)


class Survey:
    """Letters of some sources, oldest first, with what was decided about them and what lies behind them."""

    def __init__(
        self, letters: Mapping[Place, Letter], decisions: Mapping[str, DeadLetterDecision], followers: Followers
    ) -> None:
        self.letters, self.followers = letters, followers
        self._decisions = decisions

    def standing(self, place: Place) -> Standing:
        """Raises KeyError if there is no such letter."""
        letter = self.letters[place]
        decision = self._decisions.get(str(place))
        if decision is not None and decision.letter_at != letter.at:
            decision = None  # it was about a letter of a topic that has been made anew since
        superseded = self.followers.found.get(place, "")
        return Standing(letter, _state(letter, decision, superseded), decision, superseded)

    def all(self) -> list[Standing]:
        return [self.standing(place) for place in self.letters]


def _state(letter: Letter, decision: DeadLetterDecision | None, superseded: str) -> State:
    """A retried fact is superseded by what was fetched; a retried command is followed by itself, which says nothing."""
    if decision is not None and decision.decision == "dropped":
        return "dropped"
    if superseded and (decision is None or letter.place.topic in FACTS):
        return "superseded"
    return "retried" if decision is not None else "open"


async def survey(made: Components, reader: Reader, sources: Collection[str]) -> Survey:
    """Raises BrokerUnreachable."""
    names = made.names
    wanted = [names.topic(topic) for source in sources for topic in (source, names.dead(source))]
    counts = await broker_topics.counts(made.kafka, [*wanted, names.topic(topics.DECISION)])
    letters = await letters_of(reader, names, counts, sources)
    followers = Followers(reader, names, counts)
    await followers.look(letters.values())
    return Survey(letters, await _decisions(reader, names, counts), followers)


async def _decisions(reader: Reader, names: Names, counts: Mapping[str, int]) -> dict[str, DeadLetterDecision]:
    """The newest of each letter. None were made while the topic is not there."""
    name = names.topic(topics.DECISION)
    found: dict[str, DeadLetterDecision] = {}
    if name in counts:
        record: Any
        async for _, record in reader.records([TopicPartition(name, 0)]):
            decision = msgspec.json.decode(record.value, type=DeadLetterDecision)
            found[decision.letter] = decision
    return found
