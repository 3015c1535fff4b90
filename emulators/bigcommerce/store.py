"""A store as its shoppers and its merchant see it. What they do is told to the listeners of ``events``."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from emulators.bigcommerce.carts import Carts
from emulators.bigcommerce.catalogue import Catalogue
from emulators.bigcommerce.customers import Customers
from emulators.bigcommerce.events import Events
from emulators.bigcommerce.orders import Orders
from emulators.bigcommerce.records import Channel
from emulators.bigcommerce.subscribers import Subscribers
from emulators.clock import Clock


@dataclass(frozen=True, slots=True)
class CustomerGroup:
    id: int
    name: str


class Store:
    """``rates``: what one unit of ``currency`` costs in each other currency. ``seed`` decides cart ids and tokens.

    ``store_hash`` names the store in paths and as ``producer``; ``store_id`` is its number.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        store_hash: str = "tj4kq1w9zc",
        store_id: int = 1003502318,
        name: str = "Second Spin Records",
        domain: str = "secondspin.example.com",
        currency: str = "USD",
        rates: Mapping[str, Decimal] | None = None,
        seed: int = 0,
    ) -> None:
        self.clock = clock
        self.store_hash = store_hash
        self.store_id = store_id
        self.name = name
        self.domain = domain
        self.currency = currency
        self.rates = {currency: Decimal(1), **({"EUR": Decimal("0.92")} if rates is None else rates)}
        self.channels = [Channel(id=1, name=name, url=f"https://{domain}")]
        self.groups = [CustomerGroup(1, "Collectors"), CustomerGroup(2, "Wholesale")]
        self.events = Events(clock)
        self.customers = Customers(self.events)
        self.subscribers = Subscribers(self.events)
        self.catalogue = Catalogue(self.events)
        self.carts = Carts(self.events, self.catalogue, self.rates, random.Random(seed))
        self.orders = Orders(self.events, self.catalogue, self.carts, self.subscribers, self.rates)
