"""Every error that a user can meet, in one tree.

TajoError (schemas.errors)   exit code 1
└── ToolError
    ├── SettingsError        exit code 2: the configuration, before anything starts
    ├── KafkaMissing         exit code 3: there is no broker and none can be started
    │   ├── JavaMissing
    │   ├── KafkaJarsMissing
    │   └── KafkaNotStarted
    ├── BrokerUnreachable    exit code 3: a broker is configured but does not answer
    ├── TopicsError          exit code 4: the topics on the broker are not as they have to be
    │   └── PartitionsFixed
    ├── GatewayNotStarted    exit code 1: its port or its spool cannot be used
    ├── DeadLetterError      exit code 1: nothing was decided about a dead letter
    └── TriggerError         exit code 1: a triggered delivery was not taken, or went no further

Messages are sentences: what was found, what was expected, the cure. The command line prints them without a traceback
and ends with the error's exit code. Whatever else is raised is a defect: a traceback, and exit code 70.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from schemas.errors import TajoError

__all__ = [
    "AccessError",
    "BrokerUnreachable",
    "CannotOpen",
    "ConnectionsChanged",
    "ControlError",
    "ControlRefused",
    "ControlUnreachable",
    "DeadLetterError",
    "GatewayNotStarted",
    "JavaMissing",
    "KafkaJarsMissing",
    "KafkaMissing",
    "KafkaNotStarted",
    "NoEncryptionKey",
    "PartitionsFixed",
    "Problem",
    "RegisterUnavailable",
    "SettingsError",
    "TajoError",
    "ToolError",
    "TopicsError",
    "TriggerError",
    "exit_code",
]


class ToolError(TajoError):
    """What the command line meets before or beside the pipeline; each kind has an exit code of its own."""

    exit_code: ClassVar[int] = 1


def exit_code(error: TajoError) -> int:
    """What the process ends with: 1 unless the kind of error has its own."""
    return error.exit_code if isinstance(error, ToolError) else 1


@dataclass(frozen=True)
class Problem:
    """One thing wrong in the configuration.

    ``where``: `tajo.yml, line 7`, or `environment variable TAJO_SINK__MODE`. ``key``: dotted, as the user wrote it.
    ``sentence``: the value found (never a secret), what was expected, and the cure.
    """

    where: str
    key: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.where}: {self.key}: {self.sentence}" if self.key else f"{self.where}: {self.sentence}"


class SettingsError(ToolError):
    """The configuration cannot be used. All problems are told at once, each on a line of its own."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class KafkaMissing(ToolError):
    """No broker: none was named, and none can be started here."""

    exit_code = 3


class JavaMissing(KafkaMissing):
    """No Java of a usable version was found."""


class KafkaJarsMissing(KafkaMissing):
    """Kafka's jars are not here and could not be fetched."""


class KafkaNotStarted(KafkaMissing):
    """The embedded broker ended, or did not answer in time. The message quotes the end of its log."""


class BrokerUnreachable(ToolError):
    """The broker that the configuration names does not answer."""

    exit_code = 3


class TopicsError(ToolError):
    """A topic could not be created or changed."""

    exit_code = 4


class PartitionsFixed(TopicsError):
    """A topic has another number of partitions than configured. It cannot be changed in place: keys would move."""


class GatewayNotStarted(ToolError):
    """The gateway cannot listen, or cannot open its spool."""


class DeadLetterError(ToolError):
    """There is no such dead letter, none that is open, or the decision could not be recorded."""


class TriggerError(ToolError):
    """The gateway did not take a triggered delivery, or a link of its way did not come."""


class AccessError(ToolError):
    """There is no such token or store, or more than one."""


class NoEncryptionKey(AccessError):
    """Credentials are never stored as they are, and there is no key to encrypt them with."""


class CannotOpen(AccessError):
    """Stored credentials that no key opens."""


class RegisterUnavailable(AccessError):
    """Kafka did not take a record of a token or a store in time."""


class ConnectionsChanged(ToolError):
    """What this component was started with is no longer so. A supervisor starts it anew."""

    exit_code = 75  # EX_TEMPFAIL


class ControlError(ToolError):
    """The control API was asked for something and did not do it."""


class ControlUnreachable(ControlError):
    """No answer came; whether the request was done is not known."""


class ControlRefused(ControlError):
    """``status``: of the answer. The message is the sentence that came with it."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status
