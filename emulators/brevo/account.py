"""What all endpoints share: the clock, the state, and Brevo's checks of e-commerce and of list ids."""

from emulators.brevo.errors import Refusal, invalid
from emulators.brevo.state import State
from emulators.clock import Clock

COMMERCE_DELAY = 120_000
"""From the activation call until e-commerce works: "after a few minutes"."""


class Account:
    def __init__(self, clock: Clock, state: State) -> None:
        self.clock = clock
        self.state = state
        self._last_ids: dict[str, int] = {}

    def now(self) -> int:
        return self.clock.now()

    def next_id(self, kind: str, taken: int = 0) -> int:
        """The next free number of a kind, above ``taken``."""
        self._last_ids[kind] = max(self._last_ids.get(kind, 0), taken) + 1
        return self._last_ids[kind]

    def check_lists(self, list_ids: list[int]) -> list[int]:
        unknown = sorted(set(list_ids) - self.state.lists.keys())
        if unknown:
            raise invalid(f"List {unknown[0]} does not exist")
        return list_ids

    def check_commerce(self) -> None:
        """Raises 403 before e-commerce is active.

        Brevo documents this answer for the configuration calls; here products, categories, orders and alerts give it
        too, which is the harder case for a client.
        """
        since = self.state.commerce_from
        if since is None or self.now() < since:
            raise Refusal(403, "permission_denied", "E-commerce is not activated on this account")
