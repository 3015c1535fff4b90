"""A component is healthy when Kafka counts a member of its group from this address."""

import pytest
from aiokafka import AIOKafkaConsumer

from schemas.topics import Topic
from streams.access import Kafka
from tajo.health import GROUPS, check, main
from tajo.kafka.ports import free_port
from tajo.topics import apply

pytestmark = pytest.mark.kafka


async def test_a_member_of_the_group_is_healthy_until_it_leaves(kafka: str, topic_prefix: str) -> None:
    topic = Topic(topic_prefix + "orders", "k", "v")
    group = topic_prefix + "tajo.sink"
    await apply(Kafka(kafka), [topic], partitions=1, replication=1)
    consumer = AIOKafkaConsumer(topic.name, bootstrap_servers=kafka, group_id=group)
    await consumer.start()
    try:
        assert await check(Kafka(kafka), group) is None
        assert await check(Kafka(kafka), group, 2) == f"group {group} has 1 of its 2 members from 127.0.0.1"
    finally:
        await consumer.stop()
    assert await check(Kafka(kafka), group) == f"group {group} has no member from 127.0.0.1, only from nowhere"


async def test_without_a_broker_nothing_is_healthy() -> None:
    trouble = await check(Kafka(f"127.0.0.1:{free_port()}"), "tajo.sink")
    assert trouble is not None
    assert trouble.startswith("Kafka does not answer at 127.0.0.1:")


def test_only_components_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gatway"]) == 2
    assert "usage: python -m tajo.health enrich|worker|sink" in capsys.readouterr().err
    assert set(GROUPS) == {"enrich", "worker", "sink"}
