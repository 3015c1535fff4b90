"""What can go wrong at the gateway, in one tree. No message quotes a body or a secret.

TajoError
├── GatewayError
│   ├── Untrusted          401: no store's secret, or a signature that is not right
│   ├── TooLarge           413: a body over the limit
│   ├── ClientGone         no answer: the sender left, or was too slow, before the body was complete
│   ├── NotDelivered       Kafka has not taken a record (yet); the spool is the way out
│   ├── NotDurable         503: neither Kafka nor the spool has it
│   │   └── SpoolFull
│   ├── SpoolUnusable      at the start: the spool's file cannot be opened
│   └── Declined           the control API does not do what it is asked for; it says why
└── BadRecord
    ├── NotADelivery       200 and a dead letter: not JSON, or not the envelope of a delivery
    └── StoreNotConfigured 200 and a dead letter: authentic, but of a store that nobody configured
"""

from collections.abc import Mapping
from typing import Literal

from schemas.errors import BadRecord, TajoError

Verdict = Literal["good", "stale", "bad", "absent", "unchecked"]
"""On a signature. `stale`: right, but its timestamp is too far from our clock. `unchecked`: mode off, or no client
secret."""


class GatewayError(TajoError):
    """Something between the network and the log."""


class Untrusted(GatewayError):
    """``reason``: `secret`, `store`, or what the signature is; a label of metrics and logs. ``verdict``: on the
    signature, where that is the reason."""

    def __init__(self, reason: str, verdict: Verdict | None = None) -> None:
        super().__init__(f"The request is not trusted ({reason}): compare the webhook with the configuration.")
        self.reason = reason
        self.verdict: Verdict | None = verdict


class TooLarge(GatewayError):
    """The body is over the limit; it is not read further."""


class ClientGone(GatewayError):
    """The request was not complete when the sender left, or when its time was over."""


class NotDelivered(GatewayError):
    """Kafka did not acknowledge it. Whether it lies in the log is not known; sending it again is harmless."""


class NotDurable(GatewayError):
    """The delivery is in no log and on no disk: BigCommerce has to send it again."""


class SpoolFull(NotDurable):
    """Kafka is away, and the spool has reached its limit."""


class SpoolUnusable(GatewayError):
    """The spool's file cannot be opened."""


class Declined(GatewayError):
    """``status``: of the answer, whose sentence is the message. ``headers``: further ones of it."""

    def __init__(self, status: int, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status, self.headers = status, headers


class NotADelivery(BadRecord):
    """Authentic, but not JSON or not the envelope that BigCommerce sends."""


class StoreNotConfigured(BadRecord):
    """Authentic, but its `producer` is not among the configured stores."""
