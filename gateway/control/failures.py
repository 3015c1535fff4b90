"""How often somebody may fail to show a token: by address, and all together. Who shows one is never held up.

A token has 256 random bits, so this is not what keeps guesses out; it keeps their noise out of logs and figures, and a
client with a wrong token from running hot.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import Final

EACH_A_MINUTE: Final = 10
ALL_A_MINUTE: Final = 600
_MOST_ADDRESSES: Final = 10_000


class _Bucket:
    """Full at first, refilled evenly. ``most``: what it holds, and what a minute brings."""

    __slots__ = ("_at", "_left", "_most")

    def __init__(self, most: int, now: float) -> None:
        self._most, self._left, self._at = most, float(most), now

    def wait(self, now: float) -> float:
        """Seconds until there is something in it; 0 when there is."""
        self._left = min(self._most, self._left + (now - self._at) * self._most / 60)
        self._at = now
        return max(0.0, (1 - self._left) * 60 / self._most)

    def take(self) -> None:
        self._left -= 1


class Failures:
    """``now``: seconds of a clock that only goes forward. Remembers the last 10,000 addresses."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._all = _Bucket(ALL_A_MINUTE, now())
        self._by_address: OrderedDict[str, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_address)

    def count(self, address: str) -> int:
        """One more failure of this address. 0, or after how many whole seconds it may try again."""
        now = self._now()
        bucket = self._bucket(_network(address), now)
        wait = max(bucket.wait(now), self._all.wait(now))
        if wait > 0:
            return int(wait) + 1
        bucket.take()
        self._all.take()
        return 0

    def _bucket(self, network: str, now: float) -> _Bucket:
        bucket = self._by_address.pop(network, None) or _Bucket(EACH_A_MINUTE, now)
        self._by_address[network] = bucket
        if len(self._by_address) > _MOST_ADDRESSES:
            self._by_address.popitem(last=False)
        return bucket


def _network(address: str) -> str:
    """Of IPv6 the first half: who has one address has the whole network."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return parsed.exploded[:19] if isinstance(parsed, IPv6Address) else address
