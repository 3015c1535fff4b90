"""What it means that a transaction failed, as a sentence. Whatever failed, the owner writes nothing more.

A producer tries for ever what may pass, a broker that is away or a partition without leader. And a broker tells by one
error that another producer has taken the id and that it gave a transaction up. Hence the bound in time, and the look
at how long the transaction was open.
"""

import time
from collections.abc import Collection
from typing import Final

from aiokafka import TopicPartition
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    InvalidProducerIdMapping,
    InvalidTxnState,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumber,
    ProducerFenced,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownProducerId,
)

from streams.errors import BrokerSilent, Fenced, NotWritten, StreamsError, TransactionExpired

ANSWER_S: Final = 30.0
"""Seconds for a transaction, or for taking a partition over: three times what the broker gives a transaction.

Lower, and the restart of a broker (10 to 20 s, in which nothing could be written anyway) would end every worker too.
Higher, and an owner that waits for what never comes holds up its partition, and a rebalance, for longer.
"""
REGISTER, SETTLE, COMMIT = "register its producer", "make sure how its last transaction ended", "commit"

_CAUSES: Final[dict[type[BaseException], str]] = {
    MessageSizeTooLargeError: "it is larger than the topic's max.message.bytes, which `tajo topics apply` sets",
    RecordListTooLargeError: "it is larger than the topic's segment.bytes, which `tajo topics apply` sets",
    TopicAuthorizationFailedError: "this user may not; allow it at the broker",
    ClusterAuthorizationFailedError: "Kafka has left it without an end in a partition, and this user may not mark it "
    "(ALTER on the cluster; docs/guarantees.md)",
    OutOfOrderSequenceNumber: "the broker lacks a batch before it (OutOfOrderSequenceNumber)",
    UnknownProducerId: "the broker has forgotten what this producer wrote (UnknownProducerId)",
    InvalidProducerIdMapping: "the broker has forgotten its producer, which was idle for longer than the broker's "
    "transactional.id.expiration.ms",
}


class Attempt:
    """What an owner tries. ``doing``: what for, or the partitions that it writes to and that have not taken it yet.

    ``allowed``: seconds that the broker gives a transaction.
    """

    def __init__(self, owner: TopicPartition, allowed: float, doing: Collection[TopicPartition] | str) -> None:
        self.owner, self.allowed, self.doing = _name(owner), allowed, doing
        self.began = time.monotonic()

    def what(self) -> str:
        return self.doing if isinstance(self.doing, str) else f"write to {', '.join(map(_name, sorted(self.doing)))}"


def _name(partition: TopicPartition) -> str:
    return f"{partition.topic}/{partition.partition}"


def explain(error: BaseException, attempt: Attempt) -> StreamsError:
    """The error to raise instead of ``error``."""
    if isinstance(error, StreamsError):
        return error
    seconds = time.monotonic() - attempt.began
    if isinstance(error, ProducerFenced | InvalidTxnState):
        return _fenced(attempt, seconds)
    if isinstance(error, TimeoutError):
        return BrokerSilent(
            f"Kafka has not answered {attempt.owner} for {seconds:.0f} s: it could not {attempt.what()}. The "
            f"next owner finds in the log whether the batch is written, and does it again if not. Look at the brokers, "
            f"and whether all partitions have a leader."
        )
    reason = _CAUSES.get(type(error), f"{type(error).__name__}: {error}")
    return NotWritten(
        f"{attempt.owner} could not {attempt.what()}: {reason}. Nothing of the batch is written; the next owner does "
        f"it again."
    )


def _fenced(attempt: Attempt, seconds: float) -> Fenced:
    if seconds < attempt.allowed:  # the broker cannot have given it up yet
        return Fenced(f"Another owner has taken {attempt.owner}; this one stops without having written.")
    return TransactionExpired(
        f"A transaction of {attempt.owner} was open for {seconds:.1f} s; the broker aborts it after "
        f"{attempt.allowed:g} s, so that readers go on. This process or the broker stood still; another owner may have "
        f"taken the partition meanwhile. Nothing of the batch is written; the next owner does it again."
    )
