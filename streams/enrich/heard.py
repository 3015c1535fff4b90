"""What is known of a store's webhooks: when each scope was heard, what BigCommerce told of failing deliveries, until
when each was known good, and which gaps are open. Part of the enricher's state, under `<store hash>/hooks`.

Times are Unix ms of the events, so that deliveries that come late or are read late tell the same.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from connectors.bigcommerce.hooks import EXCEPTIONS
from connectors.clock import Clock
from streams.enrich.state import Changes, State

NAME: Final = "hooks"  # of the state's key
DAY: Final = 86_400_000
DAYS_KEPT: Final = 14
_TOLD_KEPT: Final = 20
_KEEP_MS: Final = 60_000  # heard deliveries go into the state at most so often
_LONGEST_MESSAGE: Final = 300


class Rhythm(msgspec.Struct, array_like=True):
    """Of one scope: first and last delivery, how many, and day -> longest pause that ended on it."""

    first: int
    last: int
    count: int = 1
    pauses: dict[int, int] = {}

    def longest(self, now: int) -> int:
        """The longest pause of the last days; 0 if there was none."""
        return max((pause for day, pause in self.pauses.items() if day > now // DAY - DAYS_KEPT), default=0)

    def add(self, at: int) -> None:
        """One that came late counts, but makes no pause."""
        self.count += 1
        if at <= self.last:
            return
        day = at // DAY
        pauses = {old: pause for old, pause in self.pauses.items() if old > day - DAYS_KEPT}
        self.pauses = {**pauses, day: max(pauses.get(day, 0), at - self.last)}
        self.last = at


class Told(msgspec.Struct, array_like=True):
    """A `store/hook/deliveryException`. ``taken``: the watch has drawn its conclusions."""

    hash: str
    at: int
    hook_id: int
    code: int
    message: str
    taken: bool = False


class Gap(msgspec.Struct, array_like=True):
    """Deliveries of a scope may have been lost from ``since`` on, and as late as ``until``."""

    since: int
    until: int


class HookMemory(msgspec.Struct, array_like=True):
    """By scope. ``good``: the last look at which its hook was as it should be. ``looked``: the last look of all."""

    rhythms: dict[str, Rhythm] = {}
    told: list[Told] = []
    good: dict[str, int] = {}
    gaps: dict[str, Gap] = {}
    looked: int | None = None

    def known_good(self, scope: str) -> int | None:
        """The latest moment at which its hook surely was active: seen so, or proven by the event of a delivery."""
        rhythm = self.rhythms.get(scope)
        moments = [self.good.get(scope), rhythm.last if rhythm else None]
        return max((moment for moment in moments if moment is not None), default=None)


class Heard:
    """The memory of one store, and its way into the state."""

    def __init__(self, state: State, clock: Clock) -> None:
        self.memory = state.get(NAME, HookMemory) or HookMemory()
        self._state, self._clock = state, clock
        self._dirty, self._kept_at = False, 0

    def delivered(self, scope: str, hash_: str, at: int, data: object) -> None:
        """A delivery of this scope, whose event happened ``at``. The same one again changes nothing that matters."""
        if scope == EXCEPTIONS and isinstance(data, Mapping):
            self._told(hash_, at, data)
        rhythm = self.memory.rhythms.get(scope)
        if rhythm is None:
            self.memory.rhythms = {**self.memory.rhythms, scope: Rhythm(at, at)}
        else:
            rhythm.add(at)
        self._dirty = True

    def _told(self, hash_: str, at: int, data: Mapping[str, Any]) -> None:
        if any(told.hash == hash_ for told in self.memory.told):
            return
        hook_id, code = (value if isinstance(value := data.get(name), int) else 0 for name in ("id", "error_code"))
        message = str(data.get("message", ""))[:_LONGEST_MESSAGE]
        self.memory.told = [*self.memory.told, Told(hash_, at, hook_id, code, message)][-_TOLD_KEPT:]
        self._kept_at = 0

    def settle(self) -> Changes:
        """After a batch. What a crash takes back makes a gap begin earlier, never later."""
        if not self._dirty or self._clock.now() < self._kept_at + _KEEP_MS:
            return {}
        return self.changes()

    def changes(self) -> Changes:
        self._dirty, self._kept_at = False, self._clock.now()
        return self._state.change(NAME, self.memory)
