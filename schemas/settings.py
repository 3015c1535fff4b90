"""What folds depend on, compiled from the configuration: part of a projection's state (its hash tells versions apart).

Durations and ages are milliseconds. Amounts are integers of 1/10,000 of the currency unit (see schemas.money).
"""

from hashlib import sha256
from typing import Literal

import msgspec


class CartSettings(msgspec.Struct, frozen=True):
    steps: tuple[int, ...] = (3_600_000, 86_400_000, 259_200_000)  # ages since the cart's last change
    min_value: int = 0
    min_items: int = 1
    max_age: int = 7 * 86_400_000
    require_consent: bool = True


class StoreSettings(msgspec.Struct, frozen=True):
    name: str  # leads order records' ids and the property `store`; the hash unless named
    store_hash: str  # leads every fact's key
    account: str  # name of the Brevo account it reports to
    rank: int = 0  # place among `stores`: earlier ones win profile fields
    mapping: tuple[tuple[str, str], ...] = ()  # (path at BigCommerce, attribute at Brevo)
    lists: tuple[str, ...] = ()  # which of all_customers, buyers, abandoned_cart are configured
    include_guests: bool = False  # guests in all_customers too
    channels: dict[str, str] = {}  # channel id -> name
    channel_lists: dict[str, tuple[str, ...]] = {}  # channel id -> which lists it has of its own
    on_customer_deleted: Literal["keep", "delete"] = "keep"
    consent_unknown: Literal["blocklist", "leave"] = "blocklist"
    counted_statuses: tuple[int, ...] = (2, 3, 4, 8, 9, 10, 11, 12, 13, 14)
    unexplained_after: int = 15 * 60_000
    order_opt_in: bool = False  # an order's opt-in box counts as an opt-in to the newsletter
    events: dict[str, str] = {}  # scope listed in `webhooks` -> its destination, the event's name at Brevo
    carts: CartSettings = CartSettings()


class AccountSettings(msgspec.Struct, frozen=True):
    name: str
    currency: str = ""  # reporting currency; empty: that of the only store
    rates: dict[str, str] = {}  # currency -> how much of the reporting currency one unit is, as decimal text
    resubscribe: bool = False


class FoldSettings(msgspec.Struct, frozen=True):
    stores: dict[str, StoreSettings]  # by store hash
    accounts: dict[str, AccountSettings]  # by name

    def digest(self) -> str:
        """16 hex digits that change whenever anything above does."""
        return sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()[:16]
