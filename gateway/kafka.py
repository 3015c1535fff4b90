"""Opening, asking and taking apart an aiokafka producer.

The only place of the gateway that touches private parts of aiokafka 0.14.0 (`_sender`, `_message_accumulator`). An
idempotent producer of it never gives a batch up (aio-libs/aiokafka#1101), and one that lost a sequence number never
recovers (aio-libs/aiokafka#1017), so it has to be looked at and taken apart from outside.
"""

import asyncio
import contextlib
from collections.abc import Coroutine, Mapping
from itertools import chain
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

BATCH_BYTES: Final = 256 << 10
REQUEST_MS: Final = 10_000
CLOSE_SECONDS: Final = 1.5
_MAX_REQUEST: Final = 8 << 20

_log = structlog.get_logger("gateway.kafka")


def new_client(kafka: Mapping[str, Any]) -> AIOKafkaProducer:
    """``kafka``: aiokafka's keyword arguments, `bootstrap_servers` at least. Not started."""
    return AIOKafkaProducer(
        acks="all",
        enable_idempotence=True,
        max_batch_size=BATCH_BYTES,
        max_request_size=_MAX_REQUEST,
        request_timeout_ms=REQUEST_MS,
        **kafka,
    )


async def acknowledged(client: AIOKafkaProducer, batch: Any, topic: str, partition: int, *, within: float) -> None:
    """Sends a closed batch and returns once all replicas have it.

    Raises KafkaError or TimeoutError when that is not so, or not known: it does not wait for a sender that has died,
    and not for ever.
    """
    sender = client._sender.sender_task
    async with asyncio.timeout(within):
        delivery = await client.send_batch(batch, topic, partition=partition)
        # Heard here also when it fails after we have stopped waiting.
        delivery.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.wait({delivery, sender}, return_when=asyncio.FIRST_COMPLETED)
    if not delivery.done() or delivery.cancelled():
        raise KafkaError("The task that sends batches has ended.")
    delivery.result()


async def take_apart(client: AIOKafkaProducer) -> None:
    """Ends a producer for good, whatever state it is in; batches that it still holds may or may not be in the log.

    `stop()` alone waits for its batches, which is for ever while Kafka is away.
    """
    stopping = asyncio.create_task(client.stop())
    await asyncio.wait({stopping}, timeout=CLOSE_SECONDS)
    if not stopping.done():
        # Closed connections fail the requests under way, so that the sender can end.
        await client.client.close()
        await _end(client._sender.sender_task)
        _drop_batches(client)
        await client.client.close()  # also a connection that was opened meanwhile
        await asyncio.wait({stopping}, timeout=CLOSE_SECONDS)
    if not stopping.done():
        await ended(stopping)
    elif error := stopping.exception():
        _log.info("a producer ended with an error", error=type(error).__name__)


async def _end(sender: "asyncio.Task[None]") -> None:
    """The first cancellation makes it wait for its requests, the second one ends that too."""
    for _ in range(3):
        sender.cancel()
        await asyncio.wait({sender}, timeout=CLOSE_SECONDS / 3)
        if sender.done():
            return


def _drop_batches(client: AIOKafkaProducer) -> None:
    """Without a sender nothing would ever resolve them, and who waits for them would wait for ever."""
    held = client._message_accumulator
    for batch in (*chain.from_iterable(held._batches.values()), *held._pending_batches):
        held._pending_batches.add(batch)  # where the batch's own callback will look for it
        batch.future.cancel()


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
