"""A Brevo account as the fold `contacts` sees it: what the stores that report to it map, list and wish, together."""

from typing import Final

from projections.mapping import COMPUTED
from schemas.settings import FoldSettings, StoreSettings

ALL_CUSTOMERS: Final = "all_customers"
BUYERS: Final = "buyers"
ABANDONED_CART: Final = "abandoned_cart"


class Account:
    """Compiled once from the settings. ``profile``: the attributes that are read from customers.

    ``counts``/``spent``: attribute -> the stores whose orders it adds up. ``lists``: (key, store, name, channel or
    None) of all that the settings name. ``deletes``: a contact without any source left is deleted, which cannot be
    undone and is done only when all stores of the account wish it.
    """

    def __init__(self, name: str, settings: FoldSettings) -> None:
        self.name = name
        self.resubscribe = settings.accounts[name].resubscribe
        self.stores = {key: store for key, store in settings.stores.items() if store.account == name}
        stores = self.stores.values()
        self.profile = sorted({attribute for store in stores for attribute in _read_from_customers(store)})
        self.counts = self._adding_up("orders_count")
        self.spent = self._adding_up("total_spent")
        self.lists = self._all_lists()
        self.deletes = all(store.on_customer_deleted == "delete" for store in stores)
        self.blocklist_unknown = any(store.consent_unknown == "blocklist" for store in stores)

    def _adding_up(self, path: str) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for key, store in self.stores.items():
            for mapped, attribute in store.mapping:
                if mapped == path:
                    found.setdefault(attribute, set()).add(key)
        return found

    def _all_lists(self) -> list[tuple[str, StoreSettings, str, int | None]]:
        found: list[tuple[str, StoreSettings, str, int | None]] = []
        for store in self.stores.values():
            found += ((f"{store.name}:{name}", store, name, None) for name in store.lists)
            for channel, names in store.channel_lists.items():
                found += ((f"{store.name}:{channel}:{name}", store, name, int(channel)) for name in names)
        return found


def _read_from_customers(store: StoreSettings) -> list[str]:
    """As projections.mapping reads them: the e-mail is the identity, sums are made from orders."""
    return [name for path, name in store.mapping if path not in COMPUTED and name.lower() != "email"]
