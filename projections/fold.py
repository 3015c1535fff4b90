"""What a fold is: a pure function from a key's state and a record to the key's next state and what follows from it.

The engine calls it, one record at a time, serially per partition. What it returns is committed together with the
position (streams.owner), or not at all; so a fold never asks whether it has seen a record before.
"""

from typing import Protocol, TypeVar

import msgspec

TICK = b"tick"  # the key of ticks in commerce.cart.v1

S = TypeVar("S")


class Input(msgspec.Struct, frozen=True, gc=False):
    """A record as a fold sees it. ``topic`` is the logical name: inner inputs are called `customers` and `contacts`.

    ``time``: Unix ms of the header `ce_time`, else of the record: the business time of a tombstone (value None).
    A tick reaches every state that is due, with that state's ``key``.
    """

    topic: str
    key: bytes
    value: bytes | None
    time: int


class Output(msgspec.Struct, frozen=True, gc=False):
    """A record to be written. ``topic`` may be an inner name. Without ``partition`` the key decides (murmur2)."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = None


class Fold(Protocol[S]):
    """A projection. ``name`` is its table's; ``inputs`` its co-partitioned topics (logical names).

    ``outputs``: the topics that it writes to (logical names). An output to any other ends the process (streams.owner).
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def load(self, key: bytes, stored: bytes | None) -> S:
        """The state of a key; a new one when nothing is stored."""

    def dump(self, state: S) -> bytes | None:
        """The state as the table keeps it; None when the key leaves the table."""

    def fold(self, state: S, record: Input) -> tuple[S, list[Output]]:
        """The next state, and outputs in order. ``state`` is handed over: the caller never looks at it again.

        Raises schemas.errors.BadRecord for a record that cannot be used. Whatever it raises, and whatever it has
        changed in place by then, the engine dead-letters the record and goes on with the state as it was before.
        """

    def due(self, state: S) -> int | None:
        """From which moment on (Unix ms) the state wants a tick; None: never. Ticks come with commerce.cart.v1 only."""
