"""A day in the shop: who comes, when, and what they do. Same seed and same past, same day."""

from collections.abc import Mapping
from functools import partial

from emulators.bigcommerce.records import Order
from emulators.bigcommerce.store import Store
from emulators.bigcommerce.subscribers import ABANDONED_CART
from emulators.clock import Clock
from emulators.ledger import Ledger
from emulators.shoppers import account_stories as accounts
from emulators.shoppers import cart_stories as carts_
from emulators.shoppers import order_stories as orders_
from emulators.shoppers.people import person
from emulators.shoppers.shop import Shop
from emulators.shoppers.stories import HOUR, Chance, Story, Teller, play

FIRST_STRANGER = 500_000
"""People who are not yet customers have numbers from here on, beyond all customer ids of the past."""

GUEST_SHARE = 10
RUSH_BEGINS = 0.7


async def play_day(
    store: Store,
    clock: Clock,
    ledger: Ledger,
    *,
    seed: int,
    start: int,
    hours: float = 24,
    deliveries_at_least: int = 2_000,
    carts: int = 300,
    buyers: int = 110,
    fates: Mapping[str, int] = carts_.FATES,
    guest_fates: Mapping[str, int] = carts_.GUEST_FATES,
) -> None:
    """Plays from ``start`` (Unix ms) for ``hours`` of the clock's time and notes in ``ledger`` what truly happened.

    Nobody plays two parts, and between an act and the moment at which the cart of the same person is due (1, 24 and 72
    hours after its last change) lie at least five minutes, so that what has to follow from the day is exact.
    ``deliveries_at_least``: so many events fire of the scopes a connector listens to, one delivery each when a hook is
    there for each of them. Raises ``ValueError`` when the store has too few customers for all parts.
    """
    shop = Shop(store, ledger)
    end = start + int(hours * HOUR)
    enough = orders_.Enough(shop, deliveries_at_least)
    cast = _Cast(shop, f"{seed}", start, end, enough)
    cast.carts(carts, fates, guest_fates)
    cast.orders(buyers)
    cast.accounts()
    cast.newsletter()
    cast.merchant()
    cast.rush(deliveries_at_least)
    try:
        await play(clock, cast.stories, end)
    finally:
        enough.stop()


_TOO_FEW = (
    "The store's {} customers are too few for all parts of the day: ask for fewer carts, or load more of the past."
)


class _Cast:
    """Gives each part to somebody who has none yet."""

    def __init__(self, shop: Shop, seed: str, start: int, end: int, enough: orders_.Enough) -> None:
        self.stories: list[partial[Story]] = []
        self._shop = shop
        self._seed = seed
        self._start, self._end = start, end
        self._enough = enough
        self._chance = Chance(f"{seed}/cast")
        self._free = self._chance.shuffled([customer.id for customer in shop.store.customers.table])
        self._strangers = FIRST_STRANGER

    def carts(self, count: int, fates: Mapping[str, int], guest_fates: Mapping[str, int]) -> None:
        """A tenth are guests, half of whom give an e-mail. Most of the customers consented to reminders."""
        guests = count * GUEST_SHARE // 100
        for nth, fate in enumerate(carts_.fates(self._chance, guests, guest_fates)):
            extra = {"guest_number": self._stranger(), "gives_email": nth % 2 == 0}
            self._tell(carts_.shopper, 0, self._when(0.85), fate, **extra)
        for fate in carts_.fates(self._chance, count - guests, fates):
            consenting = fate.startswith("opted out") or (not fate.startswith("opted in") and not self._chance.of(13))
            customer_id = self._customer(consenting=consenting)
            self._tell(carts_.shopper, customer_id, self._when(0.85), fate, gives_email=self._chance.of(20))

    def orders(self, buyers: int) -> None:
        for nth in range(buyers):
            when = self._when(0.8)
            if nth % 4 == 3:
                self._tell(orders_.guest, self._stranger(), when, registers=nth % 12 == 3)
            else:
                self._tell(orders_.buyer, self._customer(), when)
        for _ in range(40):
            self._tell(orders_.newcomer, self._stranger(), self._when(0.8))

    def accounts(self) -> None:
        for _ in range(50):
            self._tell(accounts.mover, self._customer(), self._when(0.95))
        for nth in range(15):
            self._tell(accounts.renamed, self._customer(subscribed=nth % 2 == 0), self._when(0.85))
        for nth in range(12):
            customer_id = self._customer()
            refund = self._refundable(customer_id) if nth % 3 == 0 else None
            self._tell(accounts.farewell, customer_id, self._when(0.85), refund=refund)

    def newsletter(self) -> None:
        for nth in range(36):
            self._tell(accounts.reader, person(self._stranger()).email, self._when(0.75), stays=nth % 5 != 0)
        for _ in range(12):
            self._tell(accounts.reader, self._email(self._customer(subscribed=False)), self._when(0.9), stays=True)
        for nth in range(34):
            email = self._email(self._customer(consenting=True))
            self._tell(accounts.leaver, email, self._when(0.95), deletes=nth % 4 == 0)

    def merchant(self) -> None:
        products = self._chance.shuffled([product.id for product in self._shop.store.catalogue.products])
        self._tell(accounts.merchant, products[:25], self._start, self._end)

    def rush(self, deliveries: int) -> None:
        """Its orders make three events each and come quickly enough to make them all, if nothing else happened."""
        begins = self._start + int((self._end - self._start) * RUSH_BEGINS)
        orders = deliveries // 3 + 1
        every = (self._end - begins) // (orders + 1)
        if not self._free:
            raise ValueError(_TOO_FEW.format(len(self._shop.store.customers.table)))
        buyers = [self._free[nth % len(self._free)] for nth in range(orders)]
        self._tell(orders_.late_rush, buyers, begins, every, self._enough)

    def _tell(self, story: Teller, *given: object, **named: object) -> None:
        chance = Chance(f"{self._seed}/{len(self.stories)}")
        self.stories.append(partial(story, self._shop, chance, *given, **named))

    def _when(self, until: float) -> int:
        """In the day's first part up to ``until`` of it, so that the rest of the story has room."""
        span = self._end - self._start
        return self._start + self._chance.number(span // 100, int(span * until))

    def _stranger(self) -> int:
        self._strangers += 1
        return self._strangers

    def _customer(self, *, consenting: bool | None = None, subscribed: bool | None = None) -> int:
        """Somebody without a part; ``consenting`` to reminders of carts, ``subscribed``: with a subscriber record."""
        for place, customer_id in enumerate(self._free):
            record = self._shop.store.subscribers.by_email(self._email(customer_id))
            fits = subscribed is None or subscribed == (record is not None)
            consents = record is not None and ABANDONED_CART in record.consents
            if fits and (consenting is None or consenting == consents):
                return self._free.pop(place)
        raise ValueError(_TOO_FEW.format(len(self._shop.store.customers.table)))

    def _email(self, customer_id: int) -> str:
        return self._shop.store.customers.get(customer_id).email

    def _refundable(self, customer_id: int) -> Order | None:
        orders = [self._shop.store.orders.get(id_) for id_ in self._shop.store.orders.of_customer(customer_id)]
        return next((order for order in orders if order.total > 1), None)
