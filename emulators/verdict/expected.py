"""The events that must exist: what is owed when something happens, and what is due of it in the end."""

from collections import defaultdict
from dataclasses import dataclass, field

from emulators.verdict.orders import Order

Key = tuple[str, ...]
"""An event's name and the ids that tell it from all others, as text."""


@dataclass(frozen=True)
class Due:
    """One event that must exist: to one of these addresses, with one of these statuses if it is about an order.

    An event tells the order's status of when it was fetched, so it may be a later one than that of the happening.
    """

    addresses: set[str]
    statuses: set[int]


@dataclass
class Expected:
    """Events that must exist, by key; ``sequences``: those about one order or cart, in their order."""

    events: dict[Key, list[Due]] = field(default_factory=lambda: defaultdict(list))
    sequences: dict[Key, list[Key]] = field(default_factory=lambda: defaultdict(list))
    in_doubt: int = 0


@dataclass(frozen=True)
class Owed:
    """An event on the way to its ``Due``; ``nth_status``: the order's status when it happened."""

    key: Key
    customer_id: int
    email: str
    at: int
    order: Order | None = None
    nth_status: int = 0
