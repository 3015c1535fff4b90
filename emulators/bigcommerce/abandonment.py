"""Tells of carts that nobody changed for an hour."""

import asyncio
from collections.abc import Mapping

from emulators.bigcommerce.store import Store


class Abandonment:
    """``run`` sleeps to the next due cart; carts fall due in the order of their changes, so a new one is never next."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._changed = asyncio.Event()
        store.events.listeners.append(self._heard)

    def _heard(self, scope: str, data: Mapping[str, object]) -> None:
        if scope == "store/cart/updated":
            self._changed.set()

    async def run(self) -> None:
        carts = self._store.carts
        while True:
            self._changed.clear()
            carts.abandon_due()
            when = carts.next_abandonment()
            if when is None:
                await self._changed.wait()
            else:
                await self._store.clock.sleep_until(when)
