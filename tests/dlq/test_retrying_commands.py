"""A retried command: a one-shot goes to Brevo again under its id, an upsert only if nothing newer lies behind it."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from schemas import topics
from schemas.commands import Command, DeleteContact, RenameContact
from streams.headers import dead_letter
from tajo.components import Components
from tajo.dlq import deciding
from tajo.dlq.letters import Source, place_named
from tajo.errors import DeadLetterError
from tests.dlq.desk import components, decisions, one, states, written
from tests.streams import logs
from tests.streams.sink_stand import ACCOUNT, SinkStand, event, order, product, sink_stand, upsert

pytestmark = pytest.mark.kafka
ANN, BOB, CAT = "ann@shop.test", "bob@shop.test", "cat@shop.test"


class World(NamedTuple):
    sink: SinkStand
    made: Components

    async def send(self) -> None:
        """The sink takes what lies in the log, and all of it is settled."""
        records = await written(self.made, topics.COMMAND)
        self.sink.owner.feed(topics.COMMAND, records)
        await self.sink.owner.run()
        await self.sink.settled(records[-1].offset + 1)


@pytest.fixture
async def world(kafka: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[World]:
    made = await components(tmp_path, kafka, topic_prefix)
    async with sink_stand(kafka, topic_prefix, tmp_path) as sink:
        await sink.start()
        yield World(sink, made)


async def test_an_event_that_was_refused_is_sent_under_its_id_and_only_once(world: World) -> None:
    world.sink.brevo.faults.answer("POST /events", 400)
    await world.sink.tell(event(ANN))
    await world.sink.settled()
    assert await states(world.made) == {"brevo.command:0:0": "open"}
    assert world.sink.brevo.state.events == []

    outcome = await one(deciding.retry, world.made, "brevo.command:0:0")
    assert (outcome.done, "under its id" in outcome.said) == (True, True)
    await world.send()
    assert [sent.properties["tajo_id"] for sent in world.sink.brevo.state.events] == ["order_placed:shop:1"]
    assert await states(world.made) == {"brevo.command:0:0": "retried"}

    assert (await one(deciding.retry, world.made, "brevo.command:0:0")).done
    await world.send()
    assert len(world.sink.brevo.state.events) == 1
    assert Counter(outcome for _, outcome in await world.sink.outcomes()) == Counter(
        {"attempt": 2, "refused": 1, "done": 1, "repeated": 1}
    )


async def test_an_upsert_goes_again_unless_a_newer_one_lies_behind_it(world: World) -> None:
    world.sink.brevo.faults.answer("POST /orders/status", 400, times=2)
    await world.sink.tell(order(ANN, 1, amount=5), order(BOB, 2, amount=5))
    await world.sink.settled()
    await world.sink.tell(order(BOB, 2, amount=7))
    await world.sink.settled()
    first, second = await states(world.made)
    if b"shop:2" in (await written(world.made, topics.dead(topics.COMMAND)))[0].value:
        first, second = second, first
    assert await states(world.made) == {first: "open", second: "superseded"}

    outcomes = await deciding.retry(world.made, [place_named(first), place_named(second)])
    assert [outcome.done for outcome in outcomes] == [True, False]
    assert outcomes[1].said == "not retried: it is superseded: a newer order command lies at offset 2."
    await world.send()
    amounts = {number: sent.record["amount"] for number, sent in world.sink.brevo.state.orders.items()}
    assert amounts == {"shop:1": 5, "shop:2": 7}
    assert [decision.letter for decision in await decisions(world.made)] == [first]


async def test_a_newer_upsert_that_comes_in_between_is_not_overtaken(world: World) -> None:
    world.sink.brevo.faults.answer("POST /orders/status", 400)
    await world.sink.tell(order(ANN, 1, amount=5))
    await world.sink.settled()
    place = place_named("brevo.command:0:0")
    async with deciding.opened(world.made, {topics.COMMAND}) as (desk, found):
        outcomes, steps = deciding.planned(world.made, found, [place])
        assert outcomes[0].done
        await world.sink.tell(order(ANN, 1, amount=7))
        assert not await desk.write(steps, found.followers)
        outcomes, steps = deciding.planned(world.made, found, [place])
        assert (outcomes[0].done, steps) == (False, [])
    await world.sink.settled()
    assert [msgspec.json.decode(record.value)["amount"] for record in await written(world.made, topics.COMMAND)] == [
        5,
        7,
    ]
    assert await decisions(world.made) == []


async def test_of_two_who_decide_at_the_same_time_only_one_does(world: World) -> None:
    world.sink.brevo.faults.answer("POST /events", 400)
    await world.sink.tell(event(ANN))
    await world.sink.settled()
    place = place_named("brevo.command:0:0")

    async def is_overtaken() -> None:
        async with deciding.opened(world.made, {topics.COMMAND}) as (desk, found):
            _, steps = deciding.planned(world.made, found, [place])
            assert (await one(deciding.retry, world.made, str(place))).done
            await desk.write(steps, found.followers)

    with pytest.raises(DeadLetterError, match="It is not sure that the decision was recorded"):
        await is_overtaken()
    assert len(await written(world.made, topics.COMMAND)) == 2
    assert len(await decisions(world.made)) == 1


COMMANDS: list[tuple[Command, str]] = [
    (upsert(ANN), "superseded"),  # by the newer one
    (upsert(ANN, attributes={"ORDER_COUNT": 2}), "open"),
    (event(ANN, 1), "open"),
    (product(1), "superseded"),  # by its deletion
    (product(1, deleted=True), "open"),
    (order(BOB, 1), "superseded"),  # the contact was renamed
    (event(BOB, 2), "superseded"),
    (RenameContact(id="r", email=BOB, to=CAT), "open"),  # the upsert of the new address belongs to it
    (upsert(CAT), "superseded"),  # the contact was deleted
    (DeleteContact(id="d", email=CAT), "superseded"),  # somebody lives there again
    (upsert(CAT, attributes={"ORDER_COUNT": 3}), "open"),
]


async def test_what_supersedes_a_command_and_what_does_not(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    made = await components(tmp_path, kafka, topic_prefix)
    values = [msgspec.json.encode(command) for command, _ in COMMANDS]
    await logs.write(kafka, made.names.topic(topics.COMMAND), [(ACCOUNT.encode(), value) for value in values])
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for offset, value in enumerate(values):
            source = Source(0, offset, 0, ACCOUNT.encode(), value, ())
            letter = dead_letter(topics.dead(topics.COMMAND), topics.COMMAND, 0, source, RuntimeError("It is refused."))
            name = made.names.topic(letter.topic)
            await producer.send_and_wait(name, value, key=letter.key, headers=list(letter.headers), partition=0)
    assert await states(made) == {f"brevo.command:0:{n}": state for n, (_, state) in enumerate(COMMANDS)}
