"""The history of the shop: the CDNOW purchases, read by a plain loop, and who was known before the played traffic."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Customer:
    """A registered customer; ``created_at`` in Unix milliseconds."""

    email: str
    created_at: int


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A subscriber's record as it is when the played traffic begins; ``since`` in Unix milliseconds."""

    email: str
    consents: tuple[str, ...]
    since: int


@dataclass(frozen=True, slots=True)
class Purchase:
    """An order in a counted status, in the store's own currency.

    ``order_id`` is needed only when the played traffic goes on with the order (a refund, a change of status).
    """

    customer_id: int
    total: Decimal
    order_id: int | None = None


def read_purchases(path: Path, order_ids: Mapping[int, Sequence[int]] | None = None) -> Iterator[Purchase]:
    """The lines of ``CDNOW_sample.txt`` or ``CDNOW_master.txt``, in their order.

    A line holds the customer's number in the master, which is ``customer_id``, in the sample also his number there, the
    day, the number of CDs and the dollars; the master begins with the names of its columns. ``order_ids``: the shop's
    ids of each customer's orders, oldest first. Raises ``ValueError`` for a line of another form, and for a customer
    with more purchases than ids.
    """
    nth: Counter[int] = Counter()
    with path.open(encoding="ascii") as lines:
        for number, line in enumerate(lines, 1):
            fields = line.split()
            if not fields or (number == 1 and fields[0] == "customer_id"):
                continue
            if len(fields) not in (4, 5):
                raise ValueError(f"Line {number} of {path.name} has {len(fields)} fields, expected are four or five.")
            customer = int(fields[0])
            yield Purchase(customer, Decimal(fields[-1]), _order_id(order_ids, customer, nth[customer]))
            nth[customer] += 1


def _order_id(order_ids: Mapping[int, Sequence[int]] | None, customer: int, nth: int) -> int | None:
    if order_ids is None:
        return None
    known = order_ids.get(customer, ())
    if nth >= len(known):
        raise ValueError(f"Customer {customer} has {len(known)} orders in the shop, but more purchases in the file.")
    return known[nth]
