"""The quota of a store's API: a number of requests per window of the given clock, shared by all who use the store."""

from dataclasses import dataclass

from emulators.clock import Clock


@dataclass(frozen=True, slots=True)
class Share:
    """What is left after a request; ``allowed`` is false for the request that found nothing left."""

    allowed: bool
    left: int
    reset_ms: int
    quota: int
    window_ms: int

    def headers(self) -> dict[str, str]:
        headers = {
            "X-Rate-Limit-Time-Window-Ms": str(self.window_ms),
            "X-Rate-Limit-Time-Reset-Ms": str(self.reset_ms),
            "X-Rate-Limit-Requests-Quota": str(self.quota),
            "X-Rate-Limit-Requests-Left": str(self.left),
        }
        if not self.allowed:
            headers["X-Retry-After"] = str(-(-self.reset_ms // 1000))
        return headers


class Quota:
    """A window begins with the first request after the last one ended."""

    def __init__(self, clock: Clock, limit: int, window_ms: int = 30_000) -> None:
        self.limit = limit
        self.window_ms = window_ms
        self.refused = 0
        self._clock = clock
        self._ends = 0
        self._used = 0

    def take(self, requests: int = 1) -> Share:
        """Another application of the store takes its part by the same call."""
        now = self._clock.now()
        if now >= self._ends:
            self._ends, self._used = now + self.window_ms, 0
        allowed = self._used + requests <= self.limit
        if allowed:
            self._used += requests
        else:
            self.refused += 1
        return Share(allowed, self.limit - self._used, self._ends - now, self.limit, self.window_ms)
