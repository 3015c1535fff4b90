"""Brevo's rate limits, kept so that no request is refused for them. One limiter per account, on the clock given.

Families and the general plan's figures: https://developers.brevo.com/docs/api-limits. Everything without a row of its
own there shares 100 requests an hour. Which bucket batch endpoints and a bare POST /contacts fall into is not told:
they are counted in both possible ones until the answers' headers (x-sib-ratelimit-*) show which.

A slot is used from before the request until one window after its end. So whatever moment Brevo counts a request at, no
window of its holds more than the limit.
"""

import asyncio
import math
from collections import deque
from collections.abc import Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Literal, NamedTuple

import msgspec

from connectors.clock import Clock

SECOND, HOUR = 1_000, 3_600_000
MARGIN = 20  # ms added to every window: two machines' clocks do not run equally fast

_LIKELY = 8  # larger plans have at most so many times the general plan's figures

Family = Literal["events", "contacts", "orders", "products", "other"]

# family: {window in ms: requests}
GENERAL: dict[Family, dict[int, int]] = {
    "events": {SECOND: 10, HOUR: 36_000},
    "contacts": {SECOND: 10, HOUR: 36_000},
    "orders": {SECOND: 5, HOUR: 18_000},
    "products": {SECOND: 2, HOUR: 7_200},
    "other": {HOUR: 100},
}


class Endpoint(NamedTuple):
    """``name`` as in Brevo's reference. ``sibling``: the family that it may belong to instead, as headers will tell."""

    name: str
    family: Family
    sibling: Family | None = None


EVERYTHING_ELSE = Endpoint("everything else", "other")


class Snapshot(msgspec.Struct, array_like=True):
    """What has to outlive the process: learned figures, and when slots of the scarce bucket become free."""

    limits: dict[str, dict[int, int]] = {}
    moved: dict[str, Family] = {}
    used: list[int] = []


class Window:
    """At most ``limit`` slots are used at a time; a slot becomes free ``length`` after its request ended."""

    __slots__ = ("_free_at", "length", "limit", "under_way")

    def __init__(self, length: int, limit: int) -> None:
        self.length, self.limit, self.under_way = length, limit, 0
        self._free_at: deque[int] = deque()

    def begin(self) -> None:
        self.under_way += 1

    def end(self, now: int) -> None:
        self.under_way -= 1
        self._free_at.append(now + self.length + MARGIN)

    def free(self, now: int) -> int:
        while self._free_at and self._free_at[0] <= now:
            self._free_at.popleft()
        return self.limit - self.under_way - len(self._free_at)

    def next_free(self) -> int | None:
        """When a slot becomes free; None: only once a request under way has ended."""
        excess = len(self._free_at) + self.under_way - self.limit  # more than 0 after a limit was lowered
        place = max(0, excess)
        return self._free_at[place] if place < len(self._free_at) else None

    def used(self) -> list[int]:
        return list(self._free_at)

    def remember(self, free_at: list[int]) -> None:
        self._free_at = deque(sorted([*self._free_at, *free_at]))


class Bucket:
    """The windows that a family's requests share, and what Brevo said last: ``left`` requests until ``told_until``."""

    def __init__(self, limits: Mapping[int, int]) -> None:
        self.windows = [Window(length, limit) for length, limit in limits.items()]
        self.turn = asyncio.Lock()  # requests pass in the order in which they came
        self.ended = asyncio.Event()
        self.left, self.told_until = 0, 0

    def free(self, now: int) -> int:
        own = min(window.free(now) for window in self.windows)
        return max(0, min(own, self.left) if now < self.told_until else own)

    def next_free(self, now: int) -> int | None:
        times = [window.next_free() for window in self.windows if window.free(now) <= 0]
        if now < self.told_until and self.left <= 0:
            times.append(self.told_until)
        known = [time for time in times if time is not None]
        return max(known) if len(known) == len(times) and known else None

    def begin(self) -> None:
        self.left -= 1
        for window in self.windows:
            window.begin()

    def end(self, now: int) -> None:
        for window in self.windows:
            window.end(now)
        self.ended.set()

    def told(self, left: int, until: int, now: int) -> None:
        """Requests under way may or may not be counted in ``left``: they are taken off, which is the safe side.

        A window said to be used up stays so, whatever an answer about another window says.
        """
        if self.left <= 0 and now < self.told_until and until < self.told_until:
            return
        self.left, self.told_until = left - max(window.under_way for window in self.windows), until

    def nearest(self, limit: int, reset: int) -> tuple[float, Window]:
        """The window that a told figure belongs to, and how far off it is: 20 a second and 72,000 an hour are told
        apart by the window's length where that leaves a likely figure, else by the figure alone."""
        likely = [window for window in self.windows if (window.length == SECOND) == (reset <= SECOND)]
        found = [(_distance(window.limit, limit), window) for window in likely]
        found = [pair for pair in found if pair[0] <= math.log(_LIKELY)] or [
            (_distance(window.limit, limit), window) for window in self.windows
        ]
        return min(found, key=lambda pair: pair[0])


class Slot:
    """The right to one request; end it when the answer is there. A context manager, and safe to end twice."""

    def __init__(self, buckets: list[Bucket], clock: Clock) -> None:
        self._buckets, self._clock, self._ended = buckets, clock, False
        for bucket in buckets:
            bucket.begin()

    def end(self) -> None:
        if not self._ended:
            self._ended = True
            for bucket in self._buckets:
                bucket.end(self._clock.now())

    def __enter__(self) -> "Slot":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()


class Limiter:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets = {family: Bucket(limits) for family, limits in GENERAL.items()}
        self._moved: dict[str, Family] = {}
        self.refusals = 0  # answers 429: there should be none

    def family(self, endpoint: Endpoint) -> Family:
        return self._moved.get(endpoint.name, endpoint.family)

    async def slot(self, endpoint: Endpoint) -> Slot:
        """Waits its turn, on the clock."""
        while True:
            buckets = self._of(endpoint)
            async with AsyncExitStack() as turns:
                for bucket in buckets:  # the scarce one first: while that is full, the other one serves others
                    await turns.enter_async_context(bucket.turn)
                    await self._room(bucket)
                if self._full(buckets) is None:
                    return Slot(buckets, self._clock)

    def free_slot(self, endpoint: Endpoint) -> Slot | None:
        """A slot if one is free now and nobody waits for it."""
        buckets = self._of(endpoint)
        if any(bucket.turn.locked() for bucket in buckets) or self._full(buckets) is not None:
            return None
        return Slot(buckets, self._clock)

    def free(self, endpoint: Endpoint) -> int:
        """How many requests could pass now."""
        return min(bucket.free(self._clock.now()) for bucket in self._of(endpoint))

    def delay(self, endpoint: Endpoint) -> int:
        """For how long (ms) no request can pass, as far as that is known."""
        now = self._clock.now()
        full = [bucket.next_free(now) or now for bucket in self._of(endpoint) if not bucket.free(now)]
        return max(full, default=now) - now

    def _of(self, endpoint: Endpoint) -> list[Bucket]:
        known = self._moved.get(endpoint.name)
        families = [known] if known else [endpoint.family, endpoint.sibling or endpoint.family]
        return [self._buckets[family] for family in dict.fromkeys(families)]

    def _full(self, buckets: list[Bucket]) -> Bucket | None:
        now = self._clock.now()
        return next((bucket for bucket in buckets if not bucket.free(now)), None)

    async def _room(self, bucket: Bucket) -> None:
        while not bucket.free(now := self._clock.now()):
            if (when := bucket.next_free(now)) is not None:
                await self._clock.sleep_until(when)
            else:
                bucket.ended.clear()
                await bucket.ended.wait()

    def learn(self, endpoint: Endpoint, headers: Mapping[str, str]) -> None:
        """Believes the headers of an answer; answers without them (401 has none) teach nothing."""
        try:
            limit = int(headers["x-sib-ratelimit-limit"])
            left = int(headers["x-sib-ratelimit-remaining"])
            reset = _milliseconds(headers["x-sib-ratelimit-reset"])
        except (KeyError, ValueError):
            return
        if limit <= 0:
            return
        family, window = self._place(endpoint, limit, reset)
        window.limit = limit
        now = self._clock.now()
        self._buckets[family].told(left, now + reset, now)

    def refused(self, endpoint: Endpoint, headers: Mapping[str, str]) -> int:
        """After a 429: closes the bucket for as long as told; returns that in ms."""
        self.refusals += 1
        try:
            reset = _milliseconds(headers["x-sib-ratelimit-reset"])
        except (KeyError, ValueError):
            reset = SECOND
        bucket = self._buckets[self.family(endpoint)]
        now = self._clock.now()
        bucket.told(0, now + reset, now)
        return reset

    def _place(self, endpoint: Endpoint, limit: int, reset: int) -> tuple[Family, Window]:
        """Among the possible families the one with the figure nearest to the one told; it is remembered."""
        found = {
            family: self._buckets[family].nearest(limit, reset)
            for family in (endpoint.family, endpoint.sibling or endpoint.family)
        }
        family = min(found, key=lambda family: found[family][0])
        if endpoint.sibling is not None:
            self._moved[endpoint.name] = family
        return family, found[family][1]

    def snapshot(self) -> Snapshot:
        limits = {
            family: {window.length: window.limit for window in bucket.windows}
            for family, bucket in self._buckets.items()
        }
        return Snapshot(
            {family: found for family, found in limits.items() if found != GENERAL[family]},
            dict(self._moved),
            self._buckets["other"].windows[0].used(),
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Goes on where a predecessor stopped; call it before the first request."""
        for family, bucket in self._buckets.items():
            for window in bucket.windows:
                window.limit = snapshot.limits.get(family, {}).get(window.length, window.limit)
        self._moved.update(snapshot.moved)
        self._buckets["other"].windows[0].remember(snapshot.used)


def _distance(one: int, other: int) -> float:
    return abs(math.log(one / other))


def _milliseconds(reset: str) -> int:
    """Time remaining, in seconds; some accounts were seen to get milliseconds. No window is longer than an hour."""
    value = int(reset)
    return min(max(value if value > HOUR // SECOND else value * SECOND, SECOND), HOUR)
