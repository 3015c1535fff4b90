"""The quota of one store's API: a number of requests per window, shared with all other apps of the store.

What BigCommerce says in its headers is believed over any table of plans ("API rate limits" in its documentation):
`X-Rate-Limit-Requests-Quota` and `-Left`, `X-Rate-Limit-Time-Window-Ms`, and `-Time-Reset-Ms`, which is what is left of
the window. Waiting is done on the clock given.

What may still start is the least `Left` heard in this window, less the requests that are unanswered, less a reserve
for other apps. This errs on the safe side whatever the order in which answers arrive. Until the first answer of a
window only a few requests are under way, and before the first one ever a single one.
"""

import asyncio
import heapq
import itertools
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import IntEnum

from connectors.clock import Clock

WINDOW_MS = 30_000
QUOTA = 150  # per window, of the smallest plan: until headers say otherwise
PROBES = 3  # requests under way while nothing is known about a window
_BACKOFF_MS, _LONGEST_BACKOFF_MS = 1_000, 60_000


class Priority(IntEnum):
    """Who goes first, and how much it has to leave to others."""

    LIVE = 0
    BACKGROUND = 1  # imports: they leave a fifth of the quota to live traffic


@dataclass(slots=True)
class Usage:
    """For the live view. ``left`` and ``sent_in_window`` are of the present window, the others count from the start."""

    quota: int = QUOTA
    left: int = QUOTA
    window_ms: int = WINDOW_MS
    sent_in_window: int = 0
    sent: int = 0
    throttled: int = 0
    waited_ms: int = 0

    @property
    def share(self) -> float:
        """The part of the window's quota that we have used."""
        return self.sent_in_window / max(1, self.quota)

    @property
    def foreign(self) -> int:
        """Requests of other apps in this window, as far as headers told."""
        return max(0, self.quota - self.left - self.sent_in_window)


class Limiter:
    """One per store. ``concurrency`` bounds the requests under way, ``reserve`` is the part of the quota for others."""

    def __init__(
        self,
        clock: Clock,
        *,
        concurrency: int = 6,
        reserve: float = 0.05,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.usage = Usage()
        self.changed: Callable[[], None] = lambda: None  # called when a request ended: there may be room
        self._clock, self._concurrency, self._reserve, self._jitter = clock, concurrency, reserve, jitter
        self._in_flight = self._waiting = 0
        self._heard = False  # any headers, ever
        self._probing = True  # none yet in this window
        self._window_end = self._previous_end = 0
        self._paused_until = 0
        self._bare_refusals = 0
        self._queue: list[tuple[Priority, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._alarm: asyncio.Task[None] | None = None
        self._alarm_at = 0

    # --- turns --------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def slot(self, priority: Priority = Priority.LIVE) -> AsyncIterator[None]:
        """Waits for the right to send one request; inside, it is under way. Not to be held for anything else."""
        await self._turn(priority)
        try:
            yield
        finally:
            self._in_flight -= 1
            self._let_go()
            self.changed()

    @property
    def waiting(self) -> int:
        """Callers that wait for their turn, that is for the clock or for an answer; none while the alarm rings."""
        rings = self._alarm is not None and self._alarm_at <= self._clock.now()
        return 0 if rings else self._waiting

    def opens_at(self, priority: Priority = Priority.LIVE) -> int | None:
        """From when on a request could start: the present if now, None if an answer has to come first."""
        now = self._clock.now()
        if self._room(priority, now) > 0:
            return now
        if now < self._paused_until:
            return self._paused_until
        return self._window_end if self._exhausted(priority) and not self._in_flight else None

    async def _turn(self, priority: Priority) -> None:
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._queue, (priority, next(self._order), future))
        asked = self._clock.now()
        self._waiting += 1
        try:
            self._let_go()
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self._in_flight -= 1
                self._let_go()
            raise
        finally:
            self._waiting -= 1
        self.usage.waited_ms += self._clock.now() - asked

    def _let_go(self) -> None:
        """Lets those go, in their order, for whom there is room; sets the alarm for the others."""
        while self._queue:
            priority, _, future = self._queue[0]
            if future.done():
                heapq.heappop(self._queue)
                continue
            if self._room(priority, self._clock.now()) <= 0:
                self._set_alarm(priority)
                return
            heapq.heappop(self._queue)
            self._in_flight += 1
            self.usage.sent += 1
            self.usage.sent_in_window += 1
            future.set_result(None)

    def _room(self, priority: Priority, now: int) -> int:
        if now < self._paused_until:
            return 0
        if now >= self._window_end:
            self._begin_window(now)
        room = self._concurrency - self._in_flight
        if self._probing:
            room = min(room, (PROBES if self._heard else 1) - self._in_flight)
        return min(room, self._spare(priority) - self._in_flight)

    def _spare(self, priority: Priority) -> int:
        """What the window still gives, without what is left to others."""
        part = self._reserve if priority is Priority.LIVE else max(self._reserve, 0.2)
        return self.usage.left - min(max(1, round(self.usage.quota * part)), self.usage.quota - 1)

    def _exhausted(self, priority: Priority) -> bool:
        return self._spare(priority) <= 0

    def _begin_window(self, now: int) -> None:
        """The window is over. What the next one gives is guessed until an answer tells."""
        if not self._probing:
            self._previous_end = self._window_end
        self._window_end = now + self.usage.window_ms
        self._probing = True
        self.usage.left, self.usage.sent_in_window = self.usage.quota, 0

    def _set_alarm(self, priority: Priority) -> None:
        when = self._paused_until if self._clock.now() < self._paused_until else self._window_end
        if self._clock.now() >= self._paused_until and not self._exhausted(priority):
            return  # an answer that is under way makes the room
        if self._alarm is None or self._alarm.done() or when < self._alarm_at:
            if self._alarm is not None:
                self._alarm.cancel()
            self._alarm, self._alarm_at = asyncio.create_task(self._wake_at(when)), when

    async def _wake_at(self, when: int) -> None:
        await self._clock.sleep_until(when)
        self._alarm = None
        self._let_go()
        self.changed()

    # --- what answers tell --------------------------------------------------------------------------------------------

    def learn(self, status: int, headers: Mapping[str, str]) -> None:
        """Takes in an answer; ``status`` 0 with no headers when there was none. Called inside ``slot``."""
        quota = _number(headers.get("x-rate-limit-requests-quota"))
        left = _number(headers.get("x-rate-limit-requests-left"))
        window = _number(headers.get("x-rate-limit-time-window-ms"))
        reset = _number(headers.get("x-rate-limit-time-reset-ms"))
        if left is None or reset is None:
            self.usage.left -= 1
        else:
            self._hear(quota or self.usage.quota, left, window or self.usage.window_ms, self._clock.now() + reset)
        if status == 429:
            self._refused(reset, _number(headers.get("x-retry-after")))
        elif status:
            self._bare_refusals = 0

    def _hear(self, quota: int, left: int, window: int, end: int) -> None:
        usage = self.usage
        usage.quota, usage.window_ms, self._heard = max(1, quota), max(1, window), True
        if self._previous_end and end < self._previous_end + window // 2:
            usage.left -= 1  # the late answer of a window that is over; nobody knows in which it was counted
            return
        if self._probing:
            usage.left, self._window_end, self._probing = left, end, False
        elif end >= self._window_end + window // 2:
            self._previous_end, self._window_end = self._window_end, end
            usage.left, usage.sent_in_window = left, self._in_flight
        else:
            usage.left, self._window_end = min(usage.left, left), max(self._window_end, end)

    def _refused(self, reset: int | None, retry_after: int | None) -> None:
        """429: waits as told, by Reset-Ms first, since X-Retry-After is unreliable; untold, longer and longer."""
        self.usage.throttled += 1
        if reset is not None:
            delay = reset
        elif retry_after is not None:
            delay = retry_after * 1000
        else:
            longest = min(_LONGEST_BACKOFF_MS, _BACKOFF_MS << min(self._bare_refusals, 10))
            delay = longest // 2 + int(longest / 2 * self._jitter())
            self._bare_refusals += 1
        self._paused_until = max(self._paused_until, self._clock.now() + max(1, delay))

    async def close(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            await asyncio.gather(self._alarm, return_exceptions=True)


def _number(text: str | None) -> int | None:
    """A header's value; None for what is missing or no number: taking that for a number has caused hot loops."""
    if text is None:
        return None
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() else None
