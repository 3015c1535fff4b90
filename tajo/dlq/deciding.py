"""Deciding about dead letters: what a retry writes and the record of the decision are one transaction.

The producer's transactional id is fixed, so who begins later fences who began before: two people at once cannot retry a
letter twice. A command that enters the log again must not lie behind a newer one of the same contact or order. So it is
written, and before the commit everything in front of it is looked at: once more than was known means to begin anew.
"""

import asyncio
import contextlib
import getpass
import os
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import msgspec
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import IllegalOperation, KafkaError

from projections.fold import Output
from schemas import topics
from schemas.decisions import DeadLetterDecision
from streams.reading import Reader
from streams.transaction import TIMEOUT_MS
from tajo import topics as broker_topics
from tajo.components import Components
from tajo.dlq.cures import Cures, NoCure
from tajo.dlq.followers import Followers
from tajo.dlq.letters import Place
from tajo.dlq.standing import Standing, Survey, survey
from tajo.errors import DeadLetterError, TopicsError

_AT_ONCE = 200  # letters in one transaction


class Outcome(NamedTuple):
    """``done``: whether it was decided as asked; ``said``: what happens now, or why nothing does."""

    place: Place
    done: bool
    said: str


class Step(NamedTuple):
    outputs: list[Output]
    decision: DeadLetterDecision


async def retry(made: Components, places: Sequence[Place]) -> list[Outcome]:
    """Raises DeadLetterError if one of them does not exist; then nothing was done."""
    async with opened(made, {place.topic for place in places}) as (desk, found):
        _check(found, places)
        return await _retried(made, desk, found, places)


async def retry_all(made: Components, topic: str) -> list[Outcome]:
    """All open letters of a topic. Raises DeadLetterError if there are none."""
    async with opened(made, {topic}) as (desk, found):
        places = [one.letter.place for one in found.all() if one.state == "open"]
        if not places:
            raise DeadLetterError(f"No dead letter of {topic} is open: nothing is retried.")
        return await _retried(made, desk, found, places)


async def drop(made: Components, places: Sequence[Place], reason: str) -> list[Outcome]:
    """Raises DeadLetterError if one of them does not exist; then nothing was done."""
    async with opened(made, {place.topic for place in places}) as (desk, found):
        _check(found, places)
        outcomes, steps = [], []
        for standing in map(found.standing, places):
            old = standing.decision
            if old is not None and old.decision == "dropped":
                outcomes.append(Outcome(standing.letter.place, True, f"was dropped already by {old.by}"))
                continue
            decision = _decision(standing, made.clock.now())
            steps.append(Step([], msgspec.structs.replace(decision, decision="dropped", reason=reason)))
            outcomes.append(Outcome(standing.letter.place, True, "dropped"))
        await desk.write(steps, found.followers)
        return outcomes


async def _retried(made: Components, desk: "Desk", found: Survey, places: Sequence[Place]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for first in range(0, len(places), _AT_ONCE):
        some = places[first : first + _AT_ONCE]
        told, steps = planned(made, found, some)
        while not await desk.write(steps, found.followers):
            told, steps = planned(made, found, some)
        outcomes += told
    return outcomes


def planned(made: Components, found: Survey, places: Iterable[Place]) -> tuple[list[Outcome], list[Step]]:
    accounts = {account.name for account in made.settings.accounts()}
    cures = Cures(made.store_connections(), accounts, made.clock.now())
    outcomes, steps = [], []
    for place in places:
        standing = found.standing(place)
        try:
            cure = cures.cure(standing, cut=place in found.followers.cut)
        except NoCure as why:
            outcomes.append(Outcome(place, False, f"not retried: {why}"))
            continue
        decision = msgspec.structs.replace(_decision(standing, cures.now), done=cure.said)
        steps.append(Step(cure.outputs, decision))
        outcomes.append(Outcome(place, True, f"retried: {cure.said}"))
    return outcomes, steps


def _decision(standing: Standing, now: int) -> DeadLetterDecision:
    letter = standing.letter
    return DeadLetterDecision(letter=str(letter.place), letter_at=letter.at, decision="retried", at=now, by=_who())


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"user {os.getuid()}"


def _check(found: Survey, places: Collection[Place]) -> None:
    if missing := [place for place in places if place not in found.letters]:
        raise unknown(missing[0])


def unknown(place: Place) -> DeadLetterError:
    return DeadLetterError(
        f"There is no dead letter {place}: `tajo dlq list --all` shows those that there are; they are kept for 14 days."
    )


class Desk:
    def __init__(self, made: Components, producer: AIOKafkaProducer) -> None:
        self._names, self._producer = made.names, producer

    async def write(self, steps: Sequence[Step], followers: Followers) -> bool:
        """All of it, or False and nothing of it: ``followers`` then know more than what the steps were made from."""
        if not steps:
            return True
        await self._producer.begin_transaction()
        try:
            own = await self._send(steps)
            news = await followers.look_on(own)
        except BaseException:
            with contextlib.suppress(AssertionError):  # after a fence nothing is left to abort (aiokafka 0.14.0)
                await self._producer.abort_transaction()
            raise
        if news:
            await self._producer.abort_transaction()
            return False
        await self._producer.commit_transaction()
        return True

    async def _send(self, steps: Iterable[Step]) -> dict[TopicPartition, int]:
        """Partition -> offset of the first record of ours."""
        futures = []
        for outputs, decision in steps:
            said = Output(topics.DECISION, decision.letter.encode(), msgspec.json.encode(decision), partition=0)
            for output in (*outputs, said):
                name, headers = self._names.topic(output.topic), list(output.headers)
                future = await self._producer.send(name, output.value, output.key, output.partition, headers=headers)
                future.add_done_callback(lambda done: done.cancelled() or done.exception())  # heard, whatever comes
                futures.append(future)
        first: dict[TopicPartition, int] = {}
        for metadata in await asyncio.gather(*futures):
            tp = TopicPartition(metadata.topic, metadata.partition)
            first[tp] = min(first.get(tp, metadata.offset), metadata.offset)
        return first


@asynccontextmanager
async def opened(made: Components, sources: Collection[str]) -> AsyncIterator[tuple[Desk, Survey]]:
    """Fences whoever decides at the same time, and only then looks at what was decided.

    Raises BrokerUnreachable, TopicsError if decisions have no topic yet, DeadLetterError if Kafka does not take them.
    """
    name = made.names.topic(topics.DECISION)
    if name not in await broker_topics.counts(made.kafka, [name]):
        raise TopicsError(f"There is no topic {name} for decisions: `tajo topics apply` makes it.")
    producer = AIOKafkaProducer(
        **made.kafka.client(),
        transactional_id=f"{made.names.prefix}tajo.dlq",
        transaction_timeout_ms=TIMEOUT_MS,
        max_batch_size=1 << 20,
        max_request_size=topics.MAX_MESSAGE,
    )
    try:
        await producer.start()
        async with Reader(made.kafka) as reader:
            yield Desk(made, producer), await survey(made, reader, sources)
    except (KafkaError, IllegalOperation) as error:  # the latter from a producer that has been fenced before
        raise DeadLetterError(
            f"It is not sure that the decision was recorded ({error}); where it was not, nothing was done. Look with "
            f"`tajo dlq list --all` and try again. Of two who decide at the same time only the later one does."
        ) from error
    finally:
        await producer.stop()
