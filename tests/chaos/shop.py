"""One store of the run: it writes facts as the enricher does, and says when things happen there.

A day of the run is a day of business time. Whoever needs two things in a certain order, though they lie in different
partitions, puts them into different days: no day begins before the one before it is folded to its end.
"""

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from projections.fold import Output
from schemas.facts import Cause, StatusChange
from schemas.requests import Entity
from streams.enrich.facts import Envelope, Facts, Shopper
from streams.enrich.state import Mark, State, StoreInfo, SubscriberMemory
from tajo.settings import load

SETTINGS: Final = load(Path(__file__).with_name("shop.yml"), {}).fold_settings()
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
BEGIN: Final = 1_786_406_400_000  # a midnight, UTC
LIVE_SINCE: Final = BEGIN - 30 * DAY
TICK: Final = 30 * MINUTE  # nothing else happens within 5 minutes of a tick: that is the margin around time limits
_CURRENCIES: Final = {"h1": "USD", "h2": "EUR", "h3": "JPY"}
Row = dict[str, Any]


class _Known:
    """What Facts reads of the enricher's state."""

    def __init__(self, store_hash: str) -> None:
        self.store_hash = store_hash
        url = f"https://{store_hash}.example"
        self.info = StoreInfo(
            live_since=LIVE_SINCE, asked=True, currency=_CURRENCIES[store_hash], country="US", url=url
        )


class Shop:
    def __init__(self, store_hash: str, chance: random.Random) -> None:
        self.store_hash, self.currency, self.chance = store_hash, _CURRENCIES[store_hash], chance
        self.account = SETTINGS.stores[store_hash].account
        self._facts = Facts(cast(State, _Known(store_hash)))

    # --- time -------------------------------------------------------------------------------------------------------

    def moment(self, day: int, *, hours: tuple[int, int] = (0, 23)) -> int:
        """Some moment of a day, between ``hours``, away from ticks; a whole second, in Unix ms."""
        half = self.chance.randrange(hours[0] * 2, hours[1] * 2)
        return BEGIN + day * DAY + half * TICK + self.chance.randrange(5 * 60, 25 * 60) * 1000

    # --- facts ------------------------------------------------------------------------------------------------------

    def customer(self, row: Row, at: int) -> Output:
        return self._facts.entity("customer", str(row["id"]), _json(row), self._because(at, "store/customer/updated"))

    def product(self, row: Row, at: int) -> Output:
        return self._facts.entity("product", str(row["id"]), _json(row), self._because(at, "store/product/updated"))

    def category(self, row: Row, at: int) -> Output:
        of = self._because(at, "store/category/updated")
        return self._facts.entity("category", str(row["category_id"]), _json(row), of)

    def order(self, row: Row, at: int, *, pairs: Iterable[StatusChange] = (), refunds: Iterable[Row] = ()) -> Output:
        of = self._because(at, "store/order/updated", pairs=list(pairs))
        return self._facts.order(str(row["id"]), _json(row), [_json(refund) for refund in refunds], of)

    def pair(self, at: int, previous: int, new: int) -> StatusChange:
        return StatusChange(hash=self._hash(), created_at=at // 1000 * 1000, previous=previous, new=new)

    def subscriber(self, row: Row, at: int, *, since: int, withdrawn_at: int | None = None) -> Output:
        known = SubscriberMemory(row["email"], row["consents"], withdrawn_at=withdrawn_at, since=since)
        return self._facts.subscriber(str(row["id"]), _json(row), self._because(at, "store/subscriber/updated"), known)

    def cart(self, row: Row, at: int) -> Output:
        return self._facts.cart(row["id"], _json(row), self._because(at, "store/cart/updated"))

    def answer(self, row: Row, at: int, due: int, subscriber: Row | None, since: int) -> Output:
        """The fresh look at a cart that is due."""
        of = Envelope(fetched_at=at, origin="request", mark=Mark(since=at, asked_due=due))
        return self._facts.cart(row["id"], _json(row), of, Shopper(_json(subscriber), since) if subscriber else None)

    def cart_deleted(self, cart_id: str, at: int) -> Output:
        return self._facts.cart_deleted(cart_id, self._because(at, "store/cart/deleted"))

    def cart_converted(self, cart_id: str, order_id: int, at: int) -> Output:
        return self._facts.cart_converted(cart_id, order_id, self._because(at, "store/cart/converted"))

    def tombstone(self, kind: Entity, id_: int | str, at: int) -> Output:
        return self._facts.tombstone(kind, str(id_), at)

    def _because(self, at: int, *scopes: str, pairs: list[StatusChange] | None = None) -> Envelope:
        """Fetched a second after the deliveries."""
        causes = [Cause(scope, self._hash(), at // 1000 * 1000) for scope in scopes]
        mark = Mark(since=at, causes=causes, causes_count=len(causes), changes=pairs or [])
        return Envelope(fetched_at=at + 1000, mark=mark)

    def _hash(self) -> str:
        return f"{self.chance.getrandbits(160):040x}"


def _json(row: Row) -> bytes:
    return msgspec.json.encode(row)
