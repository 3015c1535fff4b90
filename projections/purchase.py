"""An order as one fetch shows it, and what follows from that alone: whose it is, its worth, its contribution."""

from projections.amounts import Rates, amount, paid_currency, rates, refunded
from projections.identity import customer_key, guest_key, normalise
from projections.mapping import CustomerMapping
from projections.occasions import is_historical
from projections.reading import digest
from projections.statuses import INCOMPLETE, Standing, standing
from projections.times import milliseconds
from schemas.facts import Order, OrderFact, OrderItem
from schemas.inner import GuestProfile, OrderPart
from schemas.settings import AccountSettings, StoreSettings


class Purchase:
    """Amounts: 1/10,000 as paid (schemas.money). Times: Unix ms. BadRecord: a value cannot be read.

    ``exists``: Incomplete orders are checkouts that nobody finished: neither record nor contact comes of them.
    ``customer``: the key of its customer; '' when it belongs to nobody (a guest's order without an e-mail, Incomplete);
    what it is worth is not read then. ``email``: of the billing address, normalised, '' if it is none.
    ``lines``: its items, each with the price of one piece.
    """

    __slots__ = (
        *("account", "created_at", "currency", "customer", "email", "exists", "fact", "lines", "mapping"),
        *("modified_at", "order", "rates", "refunds", "standing", "store", "total"),
    )

    def __init__(
        self, fact: OrderFact, store: StoreSettings, account: AccountSettings, mapping: CustomerMapping
    ) -> None:
        self.fact, self.store, self.account, self.mapping = fact, store, account, mapping
        self.order: Order = fact.entity
        self.exists = self.order.status_id != INCOMPLETE
        self.created_at = milliseconds(self.order.date_created)
        self.modified_at = milliseconds(self.order.date_modified) or self.created_at
        self.email = normalise(self.order.billing_address.email)
        self.customer = self._customer() if self.exists else ""
        if self.customer:
            self._read_amounts()

    def _customer(self) -> str:
        if self.order.customer_id:
            return customer_key(self.fact.store, self.order.customer_id)
        return guest_key(self.fact.store, self.email) if self.email else ""

    def _read_amounts(self) -> None:
        order = self.order
        self.currency = paid_currency(self.fact)
        self.total = amount(order.total_inc_tax, "total_inc_tax of order {}", order.id)
        self.refunds = refunded(self.fact.refunds)
        self.standing: Standing = standing(order.status_id, self.total, self.refunds, self.store.counted_statuses)
        self.rates: Rates = rates(self.fact, self.account)
        what = "price_inc_tax of line {} of order {}"
        self.lines = [(item, amount(item.price_inc_tax, what, item.id, order.id)) for item in _items(order)]

    def part(self) -> OrderPart:
        """What it contributes to its customer."""
        rate = self.rates.account
        opted_in = self.store.order_opt_in and self.order.is_email_opt_in
        return OrderPart(
            order_id=self.order.id,
            present=True,
            created_at=self.created_at,
            modified_at=self.modified_at,
            counted=self.standing.counted,
            currency=self.currency,
            net=self.standing.left,
            reporting=rate.convert(self.standing.left) if rate else None,
            channel=self.order.channel_id,
            email=self.email,
            guest=None if self.order.customer_id else self._guest(),
            opted_in_at=self.created_at if opted_in else None,
            opted_in_live=opted_in and not is_historical(self.created_at, self.fact.live_since),
            historical=is_historical(self.modified_at, self.fact.live_since),
        )

    def content(self) -> str:
        """A digest of what `order_updated` is about: all but status, refunds and dates."""
        order = self.order
        return digest(
            (
                *(
                    order.customer_id,
                    self.total,
                    self.currency,
                    order.channel_id,
                    order.payment_method,
                    order.is_deleted,
                ),
                *(order.is_email_opt_in, order.billing_address, [item for item, _ in self.lines]),
            )
        )

    def _guest(self) -> GuestProfile:
        return GuestProfile(*self.mapping.guest(self.order.billing_address, self.fact.store_country))


def _items(order: Order) -> list[OrderItem]:
    parts = order.consignments
    return [
        item for group in (parts.shipping, parts.pickups, parts.downloads) for each in group for item in each.line_items
    ]
