"""Domains that take too little: BigCommerce's success ratio, and the block that follows (webhooks/overview.mdx).

The ratio is of the attempts of the last two minutes, computed from 100 of them on; below 90 % the domain is blocked for
three minutes, in which nothing is sent to it.
"""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from emulators.clock import Clock

WINDOW_MS = 120_000
FEWEST = 100
RATIO = 0.9
BLOCK_MS = 180_000


@dataclass(slots=True)
class _Second:
    """Attempts that ended in one second."""

    at: int
    made: int = 0
    taken: int = 0


@dataclass(slots=True)
class _Domain:
    seconds: deque[_Second] = field(default_factory=deque)
    made: int = 0
    taken: int = 0
    failures: Counter[str] = field(default_factory=Counter)  # since the last block began
    last_failed: dict[str, int] = field(default_factory=dict)
    blocked_until: int = 0
    reasons: list[dict[str, Any]] = field(default_factory=list)

    def add(self, now: int, taken: bool) -> None:
        if not self.seconds or self.seconds[-1].at != now // 1000:
            self.seconds.append(_Second(now // 1000))
        self.seconds[-1].made += 1
        self.seconds[-1].taken += taken
        self.made, self.taken = self.made + 1, self.taken + taken
        while self.seconds[0].at * 1000 <= now - WINDOW_MS:
            gone = self.seconds.popleft()
            self.made, self.taken = self.made - gone.made, self.taken - gone.taken

    def fails(self) -> bool:
        return self.made >= FEWEST and self.taken < RATIO * self.made

    def block(self, now: int) -> None:
        """The window begins anew afterwards."""
        self.blocked_until = now + BLOCK_MS
        self.reasons = [
            {"failure_description": what, "count": count, "timestamp": self.last_failed[what] // 1000}
            for what, count in self.failures.items()
        ]
        self.seconds, self.failures, self.last_failed = deque(), Counter(), {}
        self.made = self.taken = 0


class Blocklist:
    """Of one API account. Hooks to one domain, which is host and port here, share its fate."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._domains: dict[str, _Domain] = {}

    def blocks(self, destination: str) -> bool:
        domain = self._domains.get(_domain_of(destination))
        return domain is not None and self._clock.now() < domain.blocked_until

    def attempted(self, destination: str, failure: str | None) -> bool:
        """Counts an attempt; ``failure`` says what was wrong with it. Whether the domain is blocked because of it."""
        now = self._clock.now()
        domain = self._domains.setdefault(_domain_of(destination), _Domain())
        domain.add(now, failure is None)
        if failure is not None:
            domain.failures[failure] += 1
            domain.last_failed[failure] = now
        if now < domain.blocked_until or not domain.fails():
            return False
        domain.block(now)
        return True

    def shown(self) -> list[dict[str, Any]]:
        """``blocked_domains`` of `GET /v3/hooks/admin`."""
        now = self._clock.now()
        return [
            {"destination": name, "time_left": -(-(domain.blocked_until - now) // 1000), "reasons": domain.reasons}
            for name, domain in self._domains.items()
            if now < domain.blocked_until
        ]


def _domain_of(destination: str) -> str:
    parts = urlsplit(destination)
    return f"{parts.scheme}://{parts.netloc}"
