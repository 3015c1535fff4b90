"""Brevo's rate limits: per-second and per-hour windows by endpoint family, on the clock given.

Figures: https://developers.brevo.com/docs/api-limits. What has no row of its own there (batch endpoints, categories,
processes, account, e-commerce settings, webhooks, listings) shares one bucket, ``other``. Windows begin with the first
request in them. The tracker publishes no limits and has none here.
"""

import math
from dataclasses import dataclass

from emulators.clock import Clock

SECOND = 1_000
HOUR = 3_600_000

# family: (requests a second, requests an hour); None where nothing is published.
PLANS: dict[str, dict[str, tuple[int | None, int | None]]] = {
    "general": {
        "events": (10, 36_000),
        "contacts": (10, 36_000),
        "orders": (5, 18_000),
        "products": (2, 7_200),
        "other": (None, 100),
    },
    "advanced": {
        "events": (20, 72_000),
        "contacts": (20, 72_000),
        "orders": (10, 36_000),
        "products": (4, 14_400),
        "other": (None, 200),
    },
    "extended": {
        "events": (60, None),
        "contacts": (60, None),
        "orders": (15, None),
        "products": (None, 21_600),
        "other": (None, 600),
    },
}


@dataclass
class Window:
    length: int
    limit: int
    started: int = 0
    used: int = 0

    def roll(self, now: int) -> None:
        if now >= self.started + self.length:
            self.started, self.used = now, 0

    @property
    def remaining(self) -> int:
        return self.limit - self.used

    def reset(self, now: int) -> int:
        """Seconds left in this window, rounded up."""
        return math.ceil((self.started + self.length - now) / 1000)


@dataclass(frozen=True)
class Grant:
    """Whether a request may pass, and what its answer's headers say of the window that is nearest to its end."""

    passes: bool
    limit: int
    remaining: int
    reset: int

    def headers(self) -> dict[str, str]:
        return {
            "x-sib-ratelimit-limit": str(self.limit),
            "x-sib-ratelimit-remaining": str(self.remaining),
            "x-sib-ratelimit-reset": str(self.reset),
        }


class Limits:
    def __init__(self, clock: Clock, plan: str) -> None:
        if plan not in PLANS:
            raise ValueError(f"The plan is {plan!r}, but one of {', '.join(PLANS)} is expected.")
        self._clock = clock
        self._windows = {
            family: [Window(length, limit) for length, limit in ((SECOND, second), (HOUR, hour)) if limit is not None]
            for family, (second, hour) in PLANS[plan].items()
        }

    def take(self, family: str) -> Grant | None:
        """Counts a request; one that is refused is not counted. ``None`` for a family without limits."""
        windows = self._windows.get(family)
        if not windows:
            return None
        now = self._clock.now()
        for window in windows:
            window.roll(now)
        passes = all(window.remaining > 0 for window in windows)
        if passes:
            for window in windows:
                window.used += 1
        # Of several full windows the client has to wait for the longest.
        nearest = min(windows, key=lambda window: (window.remaining, -window.reset(now)))
        return Grant(passes, nearest.limit, nearest.remaining, nearest.reset(now))
