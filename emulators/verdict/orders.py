"""What an order is worth, and which of its happenings are told."""

from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal

INCOMPLETE = 0
COMPLETED = 10
REFUNDED = 4
# Incomplete, Pending, Cancelled, Declined, Awaiting Payment.
NOT_COUNTED = frozenset({INCOMPLETE, 1, 5, 6, 7})
CENT = Decimal("0.01")


@dataclass
class Order:
    """``rate``: units of the order's currency per unit of the reporting one.

    ``told``: order_placed is due or was. ``historic``: its exact status is not known, only that it counts.
    ``statuses``: all that it had since.
    """

    customer_id: int
    email: str
    status: int
    total: Decimal
    rate: Decimal = Decimal(1)
    cart_id: str | None = None
    refunds: list[Decimal] = field(default_factory=list)
    told: bool = False
    historic: bool = False
    statuses: list[int] = field(default_factory=list)

    def become(self, status: int) -> None:
        self.status, self.historic = status, False
        self.statuses.append(status)

    @property
    def counted(self) -> bool:
        return self.status not in NOT_COUNTED

    @property
    def spent(self) -> Decimal:
        """What is left after the refunds, in the reporting currency, rounded half-even per order."""
        if not self.counted or (self.status == REFUNDED and not self.refunds):
            return Decimal(0)
        return ((self.total - sum(self.refunds)) / self.rate).quantize(CENT, ROUND_HALF_EVEN)
