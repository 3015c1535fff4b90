"""The owner of a store's deliveries and requests: coalesces, reads back within the quota, writes facts.

Read in this order: deliveries (what came in), marks (what is to be read), lanes (when), customers, subscribers, orders,
carts, catalogue (how), importer (everything at once), store (one store), owner (a partition).
"""

from streams.enrich.owner import EnrichOwner
from streams.enrich.settings import EnrichSettings, StoreConnection

__all__ = ["EnrichOwner", "EnrichSettings", "StoreConnection"]
