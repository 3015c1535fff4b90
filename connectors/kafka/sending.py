"""Batches to the leaders of their partitions, and what these say."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from typing import Final, NamedTuple

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, for_code

from connectors.kafka.batches import Batch
from connectors.kafka.requests import Produce

AGAIN_S: Final = 0.1


class Answers(NamedTuple):
    """``first``: the offset of the first record, of batches that all replicas have. ``final``: error codes of what no
    attempt will change. Who is in neither was not taken, or nobody knows: it can be sent again, as it is."""

    first: dict[TopicPartition, int]
    final: dict[TopicPartition, int]


async def send(
    client: AIOKafkaClient, transactional_id: str | None, batches: Mapping[TopicPartition, Batch], timeout_ms: int
) -> Answers:
    """One attempt. Brokers know by its sequence number a batch that they have already. Raises KafkaError."""
    nodes: dict[int, dict[TopicPartition, bytearray]] = defaultdict(dict)
    for tp, batch in batches.items():
        leader = client.cluster.leader_for_partition(tp)
        if leader is not None and leader >= 0:
            nodes[leader][tp] = batch.data
    sending = [_sent(client, node, Produce(transactional_id, timeout_ms, data)) for node, data in nodes.items()]
    answers = Answers({}, {})
    # One alone needs no task of its own, and has none of the turns of the loop that this takes.
    for answered in [await sending[0]] if len(sending) == 1 else await asyncio.gather(*sending):
        for tp, (code, first) in answered.items():
            if not code:
                answers.first[tp] = first
            elif not for_code(code).retriable:
                answers.final[tp] = code
    return answers


async def look_again(client: AIOKafkaClient) -> None:
    """Waits a moment, and asks who leads which partition."""
    await asyncio.sleep(AGAIN_S)
    await client.force_metadata_update()


async def _sent(client: AIOKafkaClient, node: int, request: Produce) -> dict[TopicPartition, tuple[int, int]]:
    """{partition: (error code, first offset)}; none if the broker did not answer."""
    try:
        answered: dict[TopicPartition, tuple[int, int]] = await client.send(node, request)
    except KafkaError as error:
        if not error.retriable:
            raise
        return {}
    return answered
