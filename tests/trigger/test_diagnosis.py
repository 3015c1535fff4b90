"""What is said of a link that does not come: who does not run, how far behind it is, and what it waits for."""

from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas import topics
from streams.enrich.state import StoreInfo, Trouble
from streams.reading import Reader
from tajo.components import Components
from tajo.errors import TopicsError
from tajo.settings import load
from tajo.trigger.chain import Awaited, Component
from tajo.trigger.diagnosis import why
from tajo.trigger.log import Entity, Record, log_of
from tests.dlq.desk import STORE, components, configured
from tests.streams import logs

pytestmark = pytest.mark.kafka


def unread(topic: str) -> Record:
    return Record(topic, 0, 1, STORE.encode(), b"{}", (), 0.0, 1, 0)


async def told(made: Components, component: Component, topic: str) -> str:
    async with Reader(made.kafka) as reader:
        return await why(made, reader, Awaited("something", component, [unread(topic)]), STORE)


async def test_a_component_that_does_not_run_is_named(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    made = await components(tmp_path, kafka, topic_prefix)
    await logs.write(kafka, made.names.topic(topics.ORDER), [(STORE.encode(), b"{}")] * 2)
    assert await told(made, "worker", topics.ORDER) == (
        f"No `tajo worker` runs: the group {topic_prefix}tajo.v1 has no member. Start it; it has not begun with "
        f"{topic_prefix}commerce.order.v1/0, which ends at 2."
    )
    assert "writes to another broker or under another kafka.prefix" in await told(made, "gateway", topics.ORDER)


async def test_one_that_runs_is_told_with_its_lag_and_with_the_stores_trouble(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    made = await components(tmp_path, kafka, topic_prefix)
    webhooks = made.names.topic(topics.WEBHOOK)
    await logs.write(kafka, webhooks, [(STORE.encode(), b"{}")] * 3)
    trouble = Trouble("disconnected", "The token is refused: connect the store again.", 0)
    infos = [StoreInfo(), StoreInfo(trouble={"connection": trouble})]
    changelog = made.names.changelog("enrich", versioned=False)
    await logs.write(kafka, changelog, [(f"{STORE}/info".encode(), msgspec.msgpack.encode(info)) for info in infos])
    group = made.names.group("enrich")
    member = AIOKafkaConsumer(
        webhooks, bootstrap_servers=kafka, group_id=group, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    async with member:
        await member.getone()  # it belongs to the group now
        await member.commit({TopicPartition(webhooks, 0): 1})
        assert await told(made, "enrich", topics.WEBHOOK) == (
            f"The group {group} has 1 member; it has come to offset 1 of 3 in {webhooks}/0. "
            f"The store is disconnected: The token is refused: connect the store again."
        )


async def test_before_the_topics_are_applied_it_is_said_which_is_not_there(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    settings = load(configured(tmp_path, kafka, topic_prefix))
    made = Components(settings, settings.kafka_access())
    async with Reader(made.kafka) as reader:
        with pytest.raises(TopicsError, match=r"no topic .*webhook\.v1 at the broker: `tajo topics apply` makes it"):
            await log_of(made, reader, STORE, "main", [Entity("order", "7")])


async def test_a_log_reads_what_is_written_after_its_beginning(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    made = await components(tmp_path, kafka, topic_prefix)
    name = made.names.topic(topics.ORDER)
    await logs.write(kafka, name, [(b"before", b"{}")])
    async with Reader(made.kafka) as reader:
        log = await log_of(made, reader, STORE, "main", [Entity("order", "7")])
        await log.begin()
        await logs.write(kafka, name, [(b"after", b"{}")])
        await logs.write(
            kafka, made.names.changelog("orders"), [(b"row", b"1"), (b"__position/" + topics.ORDER.encode(), b"2")]
        )
        await log.sweep()
        await log.sweep()
    (record,) = log.seen.records[topics.ORDER]
    assert (record.key, record.place) == (b"after", "commerce.order.v1/0, offset 1")
    assert log.seen.folded("orders", record)
    assert not log.seen.folded("orders", record._replace(offset=2))
    assert log.seen.states["orders", b"row"].value == b"1"
