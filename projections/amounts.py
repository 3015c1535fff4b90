"""What an order is worth: as paid, and in the reporting currency of its Brevo account.

`store_default_to_transactional_exchange_rate` (orders v2) is what one unit of the store's currency costs in the
shopper's, so it divides. Amounts are integers of 1/10,000 (schemas.money), and each is rounded once.
"""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import NamedTuple

from schemas import money
from schemas.errors import BadRecord
from schemas.facts import Order, OrderFact, Refund
from schemas.settings import AccountSettings


class Rate(NamedTuple):
    """From what was paid to ``currency``."""

    divide_by: str
    multiply_by: str
    currency: str

    def convert(self, amount: int) -> int:
        return money.convert(amount, divide_by=self.divide_by, multiply_by=self.multiply_by, currency=self.currency)


class Rates(NamedTuple):
    """``account``: to the account's reporting currency, None without a configured rate.

    ``record``: the same, or else to the store's own reporting currency, which order records then keep.
    """

    account: Rate | None
    record: Rate


def paid_currency(fact: OrderFact) -> str:
    """What the shopper paid in: `default_currency_code`, in spite of its name."""
    order = fact.entity
    return order.default_currency_code or order.currency_code or _store_currency(fact)


def rates(fact: OrderFact, account: AccountSettings) -> Rates:
    """Raises BadRecord for an exchange rate that is no positive number."""
    store = _store_currency(fact) or paid_currency(fact)
    own = Rate(_store_rate(fact.entity), "1", store)
    if account.currency in ("", store):
        return Rates(own, own)
    configured = account.rates.get(store)
    if configured is None:
        return Rates(None, own)
    reporting = own._replace(multiply_by=configured, currency=account.currency)
    return Rates(reporting, reporting)


def amount(text: str | float | int, what: str, *ids: int) -> int:
    """Raises BadRecord for what is no amount. ``what``: it is, with places for ``ids``."""
    try:
        return money.parse(text)
    except ValueError as error:
        raise BadRecord(f"{what.format(*ids)}: {error} Fetch the order again.") from error


def refunded(refunds: Iterable[Refund]) -> list[int]:
    """As paid, one amount a refund."""
    return [amount(refund.total_amount, "total_amount of refund {}", refund.id) for refund in refunds]


def _store_currency(fact: OrderFact) -> str:
    return fact.entity.store_default_currency_code or fact.store_currency


def _store_rate(order: Order) -> str:
    text = order.store_default_to_transactional_exchange_rate
    if (rate := _positive(text or "1")) is None:
        raise BadRecord(
            f"store_default_to_transactional_exchange_rate of order {order.id} is {text!r}, where a positive number "
            "was expected. Fetch the order again."
        )
    return rate


@lru_cache(1 << 10)
def _positive(text: str) -> str | None:
    """The rate as it is written, '1' for every way to write it; None if it is no positive number."""
    try:
        rate = Decimal(text)
    except InvalidOperation:
        return None
    if not (rate.is_finite() and rate > 0):
        return None
    return "1" if rate == 1 else text
