"""A producer's way to the brokers: an id of its own, sequence numbers, and batches that are sent until acknowledged.

On aiokafka's connections, without its producer: an idempotent one of aiokafka 0.14.0 never gives a batch up
(aio-libs/aiokafka#1101), never recovers from a lost sequence number (aio-libs/aiokafka#1017), and hands each batch
through tasks that wait for each other.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Collection, Coroutine, Mapping
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import UnknownTopicOrPartitionError, for_code
from aiokafka.protocol.transaction import InitProducerIdRequest

from connectors.kafka.batches import builder, built
from connectors.kafka.sending import look_again, send

BATCH_BYTES: Final = 256 << 10
REQUEST_MS: Final = 10_000
CLOSE_SECONDS: Final = 1.5


class Client:
    """``kafka``: aiokafka's keyword arguments, `bootstrap_servers` at least. One batch of a partition at a time."""

    def __init__(self, kafka: Mapping[str, Any]) -> None:
        self.partitions: dict[str, int] = {}  # how many each topic has
        self._client = AIOKafkaClient(**kafka, request_timeout_ms=REQUEST_MS)
        self._id = self._epoch = -1
        self._sequences: dict[TopicPartition, int] = defaultdict(int)
        self._under_way: set[asyncio.Timeout] = set()

    async def open(self, topics: Collection[str]) -> None:
        """``topics``: all that it writes to. Raises KafkaError."""
        client = self._client
        await client.bootstrap()
        await client.set_topics(topics)
        for topic in topics:
            if not (found := client.cluster.partitions_for_topic(topic)):
                raise UnknownTopicOrPartitionError(f"Kafka does not tell of the topic {topic}.")
            self.partitions[topic] = len(found)
        answer = await client.send(client.get_random_node(), InitProducerIdRequest(None, REQUEST_MS))
        if answer.error_code:
            raise for_code(answer.error_code)
        self._id, self._epoch = answer.producer_id, answer.producer_epoch

    def batch(self, tp: TopicPartition) -> Any:
        """aiokafka's builder, for `deliver`: `append` takes a record's place in it, time, key, value and headers."""
        return builder(self._id, self._epoch, self._sequences[tp], BATCH_BYTES, transactional=False)

    async def deliver(self, tp: TopicPartition, batch: Any, records: int, *, within: float) -> None:
        """Sends the batch until all replicas have it; the broker drops what it has already.

        Raises KafkaError or TimeoutError when that is not so, or not known: then this client is of no more use.
        """
        whole = built(batch, self._sequences[tp], records)
        async with asyncio.timeout(within) as limit:
            self._under_way.add(limit)
            try:
                while not (answers := await send(self._client, None, {tp: whole}, REQUEST_MS)).first:
                    if answers.final:
                        raise for_code(answers.final[tp])
                    await look_again(self._client)
            finally:
                self._under_way.discard(limit)
        self._sequences[tp] = whole.following

    async def close(self) -> None:
        """Bounded, in whatever state it is. Who still waits in `deliver` gets a TimeoutError."""
        now = asyncio.get_running_loop().time()
        for limit in self._under_way:
            if not limit.expired():
                limit.reschedule(now)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                while self._under_way:  # noqa: ASYNC110 - else one of them might open a connection once more
                    await asyncio.sleep(0)
                await self._client.close()


async def ended(task: "asyncio.Task[Any]") -> None:
    """Cancels a task and waits for its end, whatever that is."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await task


async def surely(work: Coroutine[Any, Any, None]) -> None:
    """Finishes the work even when we are cancelled meanwhile; the cancellation goes on afterwards."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise
