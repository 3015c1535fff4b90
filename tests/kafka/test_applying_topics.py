"""`tajo topics apply` against a real broker: creates, alters, tells, refuses."""

from dataclasses import dataclass

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from schemas.topics import CATALOGUE, DAY, Topic
from streams.access import Kafka
from tajo.errors import BrokerUnreachable, PartitionsFixed, TopicsError
from tajo.kafka.ports import free_port
from tajo.topics import Diff, apply
from tests.streams.logs import until

pytestmark = pytest.mark.kafka


@dataclass(frozen=True)
class Cluster:
    kafka: Kafka
    admin: AIOKafkaAdminClient

    async def apply(self, *catalogue: Topic, partitions: int = 2, dry_run: bool = False) -> Diff:
        return await apply(self.kafka, catalogue, partitions=partitions, replication=1, dry_run=dry_run)

    async def partitions(self, name: str) -> int:
        (entry,) = await self.admin.describe_topics([name])
        return len(entry["partitions"])

    async def config(self, name: str) -> dict[str, str]:
        """What is set on the topic itself."""
        (answer,) = await self.admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
        return {entry[0]: entry[1] for entry in answer.resources[0][4] if entry[3] == 1}

    async def set_by_others(self, name: str, config: dict[str, str]) -> None:
        """Returns when the broker tells it: it answers a change a moment before that."""
        await self.admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, config)])

        async def told() -> bool:
            return await self.config(name) == config

        await until(told, f"{name} is told with {config}", timeout=30)


@pytest.fixture
async def cluster(kafka: str):  # type: ignore[no-untyped-def]
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    yield Cluster(Kafka(kafka), admin)
    await admin.close()


async def test_the_whole_catalogue_is_created_with_its_settings(cluster: Cluster, topic_prefix: str) -> None:
    catalogue = [
        Topic(topic_prefix + t.name, t.key, t.value, t.cleanup, t.retention, t.internal, t.partitioned)
        for t in CATALOGUE
    ]
    diff = await cluster.apply(*catalogue)
    assert {new.topic for new in diff.created} == {topic.name for topic in catalogue}
    for topic in catalogue:
        assert await cluster.partitions(topic.name) == (2 if topic.partitioned else 1)
        assert await cluster.config(topic.name) == topic.config()
    again = await cluster.apply(*catalogue)
    assert not again
    assert again.unchanged == len(catalogue)


async def test_a_dry_run_tells_and_changes_nothing(cluster: Cluster, topic_prefix: str) -> None:
    topic = Topic(topic_prefix + "orders", "store/id", "orders")
    diff = await cluster.apply(topic, dry_run=True)
    assert f"+ {topic.name} (2 partitions, cleanup.policy=delete" in str(diff)
    assert str(diff).endswith("1 to create, 0 to change, 0 as they have to be")
    assert await cluster.partitions(topic.name) == 0


async def test_a_setting_that_differs_is_told_and_set_and_what_others_set_stays(
    cluster: Cluster, topic_prefix: str
) -> None:
    topic = Topic(topic_prefix + "orders", "store/id", "orders", retention=7 * DAY)
    await cluster.apply(Topic(topic.name, "store/id", "orders"))
    foreign = {**topic.config(), "retention.ms": "1000", "compression.type": "zstd"}
    await cluster.set_by_others(topic.name, foreign)
    diff = await cluster.apply(topic)
    assert f"~ {topic.name}: retention.ms 1000 -> {7 * DAY}" in str(diff)
    assert await cluster.config(topic.name) == {**topic.config(), "compression.type": "zstd"}
    assert not await cluster.apply(topic)


async def test_another_number_of_partitions_is_refused_before_anything_is_changed(
    cluster: Cluster, topic_prefix: str
) -> None:
    old, new = Topic(topic_prefix + "old", "k", "v"), Topic(topic_prefix + "new", "k", "v")
    await cluster.apply(old, partitions=2)
    with pytest.raises(PartitionsFixed, match=r"docs/partitions\.md") as caught:
        await cluster.apply(old, new, partitions=3)
    assert f"{old.name} has 2 partitions, configured: 3" in str(caught.value)
    assert await cluster.partitions(new.name) == 0


async def test_more_copies_than_brokers_is_told_in_the_brokers_words(kafka: str, topic_prefix: str) -> None:
    topic = Topic(topic_prefix + "orders", "k", "v")
    with pytest.raises(TopicsError, match=r"could not be created: .*replicat"):
        await apply(Kafka(kafka), [topic], partitions=1, replication=3)


async def test_three_copies_ask_for_two_at_each_write(kafka: str, topic_prefix: str) -> None:
    topic = Topic(topic_prefix + "orders", "k", "v")
    diff = await apply(Kafka(kafka), [topic], partitions=1, replication=3, dry_run=True)
    assert diff.created[0].config["min.insync.replicas"] == "2"


async def test_a_broker_that_is_not_there_is_named_with_the_cure() -> None:
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(BrokerUnreachable, match=rf"No Kafka broker answers at {address} .*kafka\.bootstrap_servers"):
        await apply(Kafka(address), CATALOGUE, partitions=1, replication=1)
