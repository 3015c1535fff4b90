"""The embedded cluster: it loses a broker and nothing else."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tajo.kafka import EmbeddedCluster
from tajo.kafka.ports import is_free

pytestmark = pytest.mark.kafka


async def _create(bootstrap: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, num_partitions=3, replication_factor=3)])
    finally:
        await admin.close()


async def _write(bootstrap: str, topic: str, value: bytes) -> None:
    """Into every partition, acknowledged by all copies that are in step."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True) as producer:
        for partition in range(3):
            await producer.send_and_wait(topic, value, partition=partition)


async def _values(bootstrap: str, topic: str) -> dict[int, list[bytes | None]]:
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap) as consumer:
        tps = [TopicPartition(topic, partition) for partition in range(3)]
        consumer.assign(tps)
        await consumer.seek_to_beginning()
        ends, found = await consumer.end_offsets(tps), {partition: list[bytes | None]() for partition in range(3)}
        async with asyncio.timeout(20):
            while any(len(found[tp.partition]) < ends[tp] for tp in tps):
                record = await consumer.getone()
                found[record.partition].append(record.value)
        return found


async def test_a_cluster_that_loses_a_broker_takes_and_gives_records_and_takes_it_back() -> None:
    async with EmbeddedCluster() as cluster:
        addresses = [broker.bootstrap_servers for broker in cluster.brokers]
        assert cluster.bootstrap_servers == ",".join(addresses)
        await _create(cluster.bootstrap_servers, "kept")
        await _write(cluster.bootstrap_servers, "kept", b"before")
        cluster.brokers[0].kill()
        await _write(cluster.bootstrap_servers, "kept", b"meanwhile")
        await asyncio.to_thread(cluster.brokers[0].restart)
        assert [broker.bootstrap_servers for broker in cluster.brokers] == addresses
        await _write(cluster.bootstrap_servers, "kept", b"after")
        assert await _values(addresses[0], "kept") == {n: [b"before", b"meanwhile", b"after"] for n in range(3)}
        assert len({broker.pid for broker in cluster.brokers}) == 3
    assert all(
        broker.pid is None and is_free(int(broker.bootstrap_servers.split(":")[1])) for broker in cluster.brokers
    )
    assert not cluster.folder.exists()


def test_two_brokers_are_no_cluster() -> None:
    with pytest.raises(ValueError, match="2 brokers cannot lose one"):
        EmbeddedCluster(brokers=2)
