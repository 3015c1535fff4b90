"""What it means that a transaction failed, as a sentence. Whatever failed, the owner writes nothing more.

aiokafka (0.14.0) tries for ever what may pass, a broker that is away or a partition without leader. And it tells by one
error that another producer has taken the id and that the broker gave a transaction up. Hence the bound in time, and the
look at how long the transaction was open.
"""

import asyncio
import time
from typing import Any, Final

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    InvalidProducerEpoch,
    InvalidProducerIdMapping,
    InvalidTxnState,
    KafkaError,
    MessageSizeTooLargeError,
    NotLeaderForPartitionError,
    OutOfOrderSequenceNumber,
    ProducerFenced,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownProducerId,
    UnknownTopicOrPartitionError,
)

from streams.errors import BrokerSilent, Fenced, NotWritten, StreamsError, TransactionExpired

ANSWER_S: Final = 30.0
"""Seconds for a transaction, or for taking a partition over: three times what the broker gives a transaction.

Lower, and the restart of a broker (10 to 20 s, in which nothing could be written anyway) would end every worker too.
Higher, and an owner that waits for what never comes holds up its partition, and a rebalance, for longer.
"""
CLOSE_S: Final = 5.0
REGISTER, SETTLE, COMMIT = "register its producer", "make sure how its last transaction ended", "commit"

_CAUSES: Final[dict[type[BaseException], str]] = {
    MessageSizeTooLargeError: "it is larger than the topic's max.message.bytes, which `tajo topics apply` sets",
    RecordListTooLargeError: "it is larger than the topic's segment.bytes, which `tajo topics apply` sets",
    UnknownTopicOrPartitionError: "there is no such partition; `tajo topics apply` creates what lacks",
    NotLeaderForPartitionError: "it has no leader, or there is no such partition; look at the brokers",
    TopicAuthorizationFailedError: "this user may not; allow it at the broker",
    ClusterAuthorizationFailedError: "Kafka has left it without an end in a partition, and this user may not mark it "
    "(ALTER on the cluster; docs/guarantees.md)",
    OutOfOrderSequenceNumber: "the broker lacks a batch before it (OutOfOrderSequenceNumber)",
    UnknownProducerId: "the broker has forgotten what this producer wrote (UnknownProducerId)",
    InvalidProducerIdMapping: "the broker has forgotten its producer, which was idle for longer than the broker's "
    "transactional.id.expiration.ms",
}


class Attempt:
    """What an owner tries. ``doing``: what it hands over, or what for. ``sent``: the batches that it has handed over.

    ``allowed``: seconds that the broker gives a transaction.
    """

    def __init__(self, owner: TopicPartition, allowed: float, doing: TopicPartition | str) -> None:
        self.owner, self.allowed, self.doing = _name(owner), allowed, doing
        self.began = time.monotonic()
        self.sent: list[tuple[TopicPartition, asyncio.Future[Any]]] = []

    def what(self) -> str:
        refused = [
            target for target, future in self.sent if future.done() and not future.cancelled() and future.exception()
        ]
        waiting = [target for target, future in self.sent if not future.done() or future.cancelled()]
        if targets := dict.fromkeys(refused or waiting):
            return f"write to {', '.join(map(_name, targets))}"
        return self.doing if isinstance(self.doing, str) else f"write to {_name(self.doing)}"


def _name(partition: TopicPartition) -> str:
    return f"{partition.topic}/{partition.partition}"


def explain(error: BaseException, producer: AIOKafkaProducer, attempt: Attempt) -> StreamsError:
    """The error to raise instead of ``error``."""
    if isinstance(error, StreamsError):
        return error
    cause, seconds = _cause(error, producer), time.monotonic() - attempt.began
    if isinstance(cause, ProducerFenced | InvalidProducerEpoch | InvalidTxnState):
        return _fenced(attempt, seconds)
    if isinstance(cause, TimeoutError):
        return BrokerSilent(
            f"Kafka has not answered {attempt.owner} for {seconds:.0f} s: it could not {attempt.what()}. The "
            f"next owner finds in the log whether the batch is written, and does it again if not. Look at the brokers, "
            f"and whether all partitions have a leader."
        )
    reason = _CAUSES.get(type(cause), f"{type(cause).__name__}: {cause}")
    return NotWritten(
        f"{attempt.owner} could not {attempt.what()}: {reason}. Nothing of the batch is written; the next owner does "
        f"it again."
    )


def _cause(error: BaseException, producer: AIOKafkaProducer) -> BaseException:
    """What ended the producer's sender, if it has ended: sending more then fails with other errors.

    A bare KafkaError stands around what aiokafka did not expect.
    """
    sender = producer._sender.sender_task
    if sender is not None and sender.done() and not sender.cancelled():
        error = sender.exception() or error
    while type(error) is KafkaError and error.__cause__ is not None:
        error = error.__cause__
    return error


def _fenced(attempt: Attempt, seconds: float) -> Fenced:
    if seconds < attempt.allowed:  # the broker cannot have given it up yet
        return Fenced(f"Another owner has taken {attempt.owner}; this one stops without having written.")
    return TransactionExpired(
        f"A transaction of {attempt.owner} was open for {seconds:.1f} s; the broker aborts it after "
        f"{attempt.allowed:g} s, so that readers go on. This process or the broker stood still; another owner may have "
        f"taken the partition meanwhile. Nothing of the batch is written; the next owner does it again."
    )


async def close(producer: AIOKafkaProducer) -> None:
    """Bounded: aiokafka waits for ever for what it cannot send any more."""
    try:
        async with asyncio.timeout(CLOSE_S):
            await producer.stop()
    except TimeoutError:
        sender = producer._sender.sender_task
        for _ in range(2):  # the first time it still waits for its own tasks
            if sender is not None and not sender.done():
                sender.cancel()
                await asyncio.wait([sender], timeout=1)
        await producer.client.close()
