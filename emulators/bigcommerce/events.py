"""What a store tells the world: a scope and its data, at a moment of the store's clock."""

from collections.abc import Callable, Mapping

from emulators.clock import Clock

Listener = Callable[[str, Mapping[str, object]], None]


class NoSuchThing(LookupError):
    """A shopper or merchant acted on something that the store does not have."""


class Events:
    """Shared by all parts of a store. Listeners are called at once, in the order in which they came."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.listeners: list[Listener] = []

    def now(self) -> int:
        """Unix milliseconds, exact."""
        return self._clock.now()

    def second(self) -> int:
        """Unix milliseconds of the present second, which is how exact BigCommerce's dates are."""
        return self._clock.now() // 1000 * 1000

    def emit(self, scope: str, data: Mapping[str, object]) -> None:
        for listener in self.listeners:
            listener(scope, data)
