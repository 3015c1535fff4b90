"""An order as one fetch shows it, and what follows from that alone: whose it is, its worth, its contribution."""

from dataclasses import dataclass
from functools import cached_property

from projections.amounts import Rates, amount, paid_currency, rates, refunded
from projections.identity import customer_key, guest_key, normalise
from projections.mapping import CustomerMapping, guest_entity
from projections.occasions import is_historical
from projections.reading import digest
from projections.statuses import INCOMPLETE, Standing, standing
from projections.times import milliseconds
from schemas.facts import Order, OrderFact, OrderItem
from schemas.inner import GuestProfile, OrderPart
from schemas.settings import AccountSettings, StoreSettings


@dataclass(frozen=True)
class Purchase:
    """Amounts: 1/10,000 as paid (schemas.money). Times: Unix ms. BadRecord: a value cannot be read."""

    fact: OrderFact
    store: StoreSettings
    account: AccountSettings
    mapping: CustomerMapping

    @property
    def order(self) -> Order:
        return self.fact.entity

    @property
    def exists(self) -> bool:
        """Incomplete orders are checkouts that nobody finished: neither record nor contact comes of them."""
        return self.order.status_id != INCOMPLETE

    @cached_property
    def created_at(self) -> int:
        return milliseconds(self.order.date_created)

    @cached_property
    def modified_at(self) -> int:
        return milliseconds(self.order.date_modified) or self.created_at

    @cached_property
    def email(self) -> str:
        """Of the billing address, normalised; '' if it is none."""
        return normalise(self.order.billing_address.email)

    @cached_property
    def customer(self) -> str:
        """The key of its customer; '' when it belongs to nobody: a guest's order without an e-mail, or Incomplete."""
        if not self.exists:
            return ""
        if self.order.customer_id:
            return customer_key(self.fact.store, self.order.customer_id)
        return guest_key(self.fact.store, self.email) if self.email else ""

    @cached_property
    def currency(self) -> str:
        return paid_currency(self.fact)

    @cached_property
    def total(self) -> int:
        return amount(self.order.total_inc_tax, f"total_inc_tax of order {self.order.id}")

    @cached_property
    def refunds(self) -> list[int]:
        return refunded(self.fact.refunds)

    @cached_property
    def standing(self) -> Standing:
        return standing(self.order.status_id, self.total, self.refunds, self.store.counted_statuses)

    @cached_property
    def rates(self) -> Rates:
        return rates(self.fact, self.account)

    @cached_property
    def items(self) -> list[OrderItem]:
        parts = self.order.consignments
        return [
            item
            for group in (parts.shipping, parts.pickups, parts.downloads)
            for each in group
            for item in each.line_items
        ]

    def price(self, item: OrderItem) -> int:
        """Of one piece, as paid."""
        return amount(item.price_inc_tax, f"price_inc_tax of line {item.id} of order {self.order.id}")

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
                *(order.is_email_opt_in, order.billing_address, self.items),
            )
        )

    def _guest(self) -> GuestProfile:
        attributes, phone = self.mapping.profile(guest_entity(self.order.billing_address), self.fact.store_country)
        return GuestProfile(attributes, phone)
