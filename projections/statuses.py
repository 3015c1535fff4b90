"""What an order's status means: the one table and the one function that decide what counts.

docs/order-statuses.md shows the table; a test compares the two. Ids and names: orders v2, `status_id` (merchants rename
the labels, never the ids).
"""

from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

INCOMPLETE: Final = 0
REFUNDED: Final = 4
PARTIALLY_REFUNDED: Final = 14
REFUNDS: Final = frozenset({REFUNDED, PARTIALLY_REFUNDED})


class Status(NamedTuple):
    """``counts`` by default (`orders.counted_statuses` may say otherwise). ``ends``: the order got there in the end,
    whatever it was before; what does not end and does not count still waits to."""

    id: int
    name: str
    counts: bool
    ends: bool
    why: str


TABLE: Final = (
    Status(0, "Incomplete", False, False, "the checkout was not finished; neither a record nor a contact comes of it"),
    Status(1, "Pending", False, False, "payment has begun and is not confirmed"),
    Status(2, "Shipped", True, False, "sold"),
    Status(3, "Partially Shipped", True, False, "sold"),
    Status(4, "Refunded", True, True, "was sold; without any refund on record nothing is left of it"),
    Status(5, "Cancelled", False, True, "nothing was sold in the end"),
    Status(6, "Declined", False, True, "the payment was refused"),
    Status(7, "Awaiting Payment", False, False, "not paid yet"),
    Status(8, "Awaiting Pickup", True, False, "sold"),
    Status(9, "Awaiting Shipment", True, False, "sold"),
    Status(10, "Completed", True, True, "sold"),
    Status(11, "Awaiting Fulfillment", True, False, "sold"),
    Status(12, "Manual Verification Required", True, False, "sold, and being looked at"),
    Status(13, "Disputed", True, False, "counts until it is decided"),
    Status(14, "Partially Refunded", True, False, "was sold; what the refunds leave of it counts"),
)
_BY_ID: Final = {status.id: status for status in TABLE}
COUNTED: Final = tuple(status.id for status in TABLE if status.counts)


class Standing(NamedTuple):
    """``exists``: it has a record and makes its buyer a contact. ``counted``: it is in the order count.

    ``left``: what it adds to the total as paid, 0 when it does not count. Amounts: 1/10,000 (schemas.money).
    """

    name: str
    exists: bool
    counted: bool
    left: int


def standing(status_id: int, total: int, refunds: Iterable[int], counted: Collection[int] = COUNTED) -> Standing:
    """The rule. Archived orders (`is_deleted`) keep what they were, so archiving is not even asked for here."""
    refunded = list(refunds)
    counts = status_id in counted and status_id != INCOMPLETE
    left = 0 if status_id == REFUNDED and not refunded else max(0, total - sum(refunded))
    return Standing(name(status_id), status_id != INCOMPLETE, counts, left if counts else 0)


def name(status_id: int) -> str:
    """BigCommerce's English word. An id that is not in the table does not count and is shown as it is."""
    known = _BY_ID.get(status_id)
    return known.name if known else f"Status {status_id}"


def ends(status_id: int) -> bool:
    """Whether an order rests in this status, so that it may have counted before."""
    known = _BY_ID.get(status_id)
    return known is not None and known.ends
