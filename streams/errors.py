"""Errors of the log and its owners.

TajoError
└── StreamsError
    ├── Fenced               another owner has taken the partition
    ├── PositionLost         the log was cut or created anew under a stored position
    └── SettingsChanged      the folds' settings differ from those that the tables were built with
"""

from schemas.errors import TajoError


class StreamsError(TajoError):
    """Something about the log or an owner that an operator has to know."""


class Fenced(StreamsError):
    """Another owner has taken the partition; this one has written nothing since."""


class PositionLost(StreamsError):
    """The stored position lies outside the topic: it was cut, or deleted and created again."""


class SettingsChanged(StreamsError):
    """A version was started with other settings than it was built with."""
