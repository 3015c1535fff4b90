"""Transactions that Kafka has decided without telling their partitions.

A coordinator writes down how a transaction ends, and then sends each partition of it a marker. Kafka (4.3.1) takes a
partition that has no leader at that moment for a deleted one, and leaves it out: «Couldn't find leader endpoint ... can
be skipped». A single broker does that of all partitions while it stops or starts. Nobody decides such a transaction any
more: whoever reads committed records waits before it, until the same producer ends another one in that partition, which
then counts for both.

So an owner looks for what it, or its predecessor, has left like that: before its first transaction, and before the next
one when a connection was lost, also when that has begun but nothing of it is written. It marks as the coordinator
should have done (KIP-664). How it has ended is known:

- an owner only ever commits; an end that the coordinator gives, after a time-out or for a successor, raises the epoch;
- nothing is written before everything of before has its marker, so that what hangs is the last one of its epoch.

What is open with a later epoch than the owner's is left alone: it is its successor's, which may still be writing.
Whoever was frozen meanwhile hears only later that it was fenced, and a broker does not refuse markers.

Not seen: a broker that stops in the milliseconds after a commit, when it has taken the owner's next transaction in but
not told it so, and that one is never committed. Then both are taken for aborted.
"""

import logging
from collections.abc import Collection
from typing import NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import IncompatibleBrokerVersion

from streams.engine_markers import Last, Marks, Undecided
from streams.errors import TransactionUndecided

log = logging.getLogger("tajo.transactions")


class Session(NamedTuple):
    """A producer's. ``before``: what the coordinator remembered just before it began; None if nothing was written."""

    before: Last | None
    producer_id: int
    epoch: int


async def settle(marks: Marks, session: Session, tps: Collection[TopicPartition]) -> None:
    """Decides what hangs in these partitions and is of this producer, while it has no transaction under way.

    Raises TransactionUndecided if how it ended cannot be known, and KafkaError.
    """
    try:
        if not (unstable := await marks.unstable(tps)):
            return
        for tp, undecided in (await marks.undecided(unstable, session.producer_id)).items():
            if undecided.epoch > session.epoch:
                continue
            commit = committed(session, undecided, tp)
            await marks.mark(tp, session.producer_id, undecided, commit=commit)
            log.warning(
                "%s/%d: a transaction at offset %d had been %s and had no marker; it has one now, and readers go on.",
                *tp,
                undecided.start,
                "committed" if commit else "aborted",
            )
    except IncompatibleBrokerVersion as error:
        log.warning("%s Transactions that hang after its restart are not seen (Kafka 3.0 and later).", error)


def committed(session: Session, undecided: Undecided, tp: TopicPartition) -> bool:
    """Whether it was committed; else it was aborted. ``undecided``: not of a successor."""
    before, epoch = session.before, undecided.epoch
    if session.epoch - epoch <= 1:  # ours, or our predecessor's, that nothing has come between
        return True
    if before and before.producer_id == session.producer_id:
        if before.epoch == epoch and before.state == "Ongoing":  # until we began, or until it timed out just then
            return False
        if before.epoch == epoch + 1:  # raised by an abort, or by somebody who began and wrote nothing
            return not before.state.endswith(("Abort", "Fence"))
    raise TransactionUndecided(
        f"{tp.topic}/{tp.partition}: a transaction at offset {undecided.start} was decided, but never marked, and "
        f"several owners have begun since: how it ended cannot be known any more. Readers wait there. Look at its "
        f"records; Kafka's own tool aborts it: kafka-transactions.sh --bootstrap-server … "
        f"abort --topic {tp.topic} --partition {tp.partition} --start-offset {undecided.start}."
    )
