"""What a demo lent itself on somebody's cluster is given back, and nothing else is touched."""

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from streams.access import Kafka
from tajo import topics
from tajo.errors import BrokerUnreachable
from tajo.kafka.ports import free_port
from tests.streams.logs import create, until

pytestmark = pytest.mark.kafka


async def names(bootstrap: str, prefix: str) -> set[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        return {name for name in await admin.list_topics() if name.startswith(prefix)}
    finally:
        await admin.close()


async def created(bootstrap: str, prefix: str, *endings: str) -> None:
    """Returns when they are seen: a broker learns of them a moment later."""
    await create(bootstrap, [prefix + ending for ending in endings])

    async def seen() -> bool:
        return len(await names(bootstrap, prefix)) == len(endings)

    await until(seen, "the topics are seen")


async def test_only_topics_with_the_prefix_are_deleted(kafka: str, topic_prefix: str) -> None:
    await created(kafka, topic_prefix, "demo-a", "demo-b", "other")
    assert await topics.delete(Kafka(kafka), f"{topic_prefix}demo-") == 2
    assert await names(kafka, topic_prefix) == {f"{topic_prefix}other"}
    assert await topics.delete(Kafka(kafka), f"{topic_prefix}demo-") == 0


async def test_topics_of_a_moment_ago_are_found(kafka: str, topic_prefix: str) -> None:
    await create(kafka, [f"{topic_prefix}{number}" for number in range(10)])
    assert await topics.delete(Kafka(kafka), topic_prefix) == 10
    assert await names(kafka, topic_prefix) == set()


async def test_without_a_prefix_nothing_is_deleted(kafka: str, topic_prefix: str) -> None:
    await created(kafka, topic_prefix, "a")
    with pytest.raises(ValueError, match="all topics of the cluster"):
        await topics.delete(Kafka(kafka), "")
    assert await names(kafka, topic_prefix) == {f"{topic_prefix}a"}


async def test_brokers_are_counted_and_their_absence_is_told(kafka: str) -> None:
    assert await topics.brokers(Kafka(kafka)) >= 1
    nowhere = f"127.0.0.1:{free_port()}"
    with pytest.raises(BrokerUnreachable, match=f"No Kafka broker answers at {nowhere}"):
        await topics.brokers(Kafka(nowhere))
