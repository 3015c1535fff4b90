"""What the judge has to know of the settings of the run: the same figures as in the configuration of the connector."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

HOUR = 3_600_000
DAY = 24 * HOUR

ALWAYS_IGNORED = frozenset({"order_updated", "customer_created", "customer_updated", "cart_created", "cart_updated"})


@dataclass(frozen=True, kw_only=True)
class Rules:
    """All times and durations in milliseconds.

    ``end``: when the played time ended; ``live_since``: orders and refunds before it are history and make no
    events.
    ``lists``: Brevo's ids of ``all_customers``, ``buyers`` and ``abandoned_cart``; others are not looked at.
    ``brevo_opt_outs``: e-mail and moment of who unsubscribed at Brevo itself, which stands for good.
    ``steps_begin_anew``: whether the first step may be told again after a change of the cart.
    ``grace``: how long after a cart's due moment the fresh look at it may come; when the cart, its shopper or his
    consent changes within it, both outcomes are right, and what Brevo was told is taken as the one that happened.
    ``settling``: a reason to be a contact that lasted no longer than this may have passed unseen.
    """

    end: int
    lists: Mapping[str, int]
    live_since: int = 0
    steps: tuple[int, ...] = (HOUR, 24 * HOUR, 72 * HOUR)
    max_age: int = 7 * DAY
    min_items: int = 1
    min_value: Decimal = Decimal(0)
    require_consent: bool = True
    brevo_opt_outs: Mapping[str, int] = field(default_factory=dict)
    ignored_events: frozenset[str] = ALWAYS_IGNORED
    steps_begin_anew: bool = True
    grace: int = 0
    settling: int = 0
    order_count: str = "ORDER_COUNT"
    total_spent: str = "TOTAL_SPENT"
    signup_date: str = "SIGNUP_DATE"
