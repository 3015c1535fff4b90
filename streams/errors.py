"""Errors of the log and its owners.

TajoError
└── StreamsError
    ├── Fenced               another owner has taken the partition
    │   └── TransactionExpired   the broker has given up a transaction that took too long
    ├── NotWritten           the broker refused a batch, or has forgotten the producer
    ├── BrokerSilent         the broker did not answer in time
    ├── TransactionUndecided  a transaction hangs, and how it ended cannot be known
    ├── CutOff               what restores or polls was cancelled by nobody, and would be gone
    ├── Standstill           something does not come on, although the broker answers
    ├── PositionLost         the log was cut or created anew under a stored position
    ├── SettingsChanged      the folds' settings differ from those that the tables were built with
    ├── TopicsMissing        topics that have to be there are not
    └── TopologyBroken       what folds declare of their topics does not hold together
"""

from typing import Final

from schemas.errors import TajoError

EXIT_FAILED: Final = 70  # EX_SOFTWARE: a supervisor starts the process anew


class StreamsError(TajoError):
    """Something about the log or an owner that an operator has to know."""


class Fenced(StreamsError):
    """Another owner has taken the partition; this one has written nothing since."""


class TransactionExpired(Fenced):
    """A transaction was open for longer than the broker allows; it was aborted."""


class NotWritten(StreamsError):
    """The broker refused a batch, or has forgotten the producer: nothing of the transaction is written."""


class BrokerSilent(StreamsError):
    """The broker did not answer in time; whether the transaction was committed, only the log can say."""


class TransactionUndecided(StreamsError):
    """A transaction of a predecessor hangs in a partition, and how it ended cannot be known any more."""


class CutOff(StreamsError):
    """What restores or polls ended by a cancellation that nobody had asked for."""


class Standstill(StreamsError):
    """Something does not come on, although the broker answers: owners that begin, inputs that are read."""


class PositionLost(StreamsError):
    """The stored position lies outside the topic: it was cut, or deleted and created again."""


class TopicsMissing(StreamsError):
    """Topics that have to be there are not, or the broker has not heard of them yet."""


class SettingsChanged(StreamsError):
    """A version was started with other settings than it was built with."""


class TopologyBroken(StreamsError):
    """Folds name a topic that nobody creates, share a name, or stand in the wrong order (streams/topology.py)."""
