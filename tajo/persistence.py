"""Going on until the outside world lets us: what a wrong token or an outage stops at start begins by itself later."""

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from connectors.clock import Clock
from schemas.errors import TajoError

MINUTE_MS = 60_000
T = TypeVar("T")
log = logging.getLogger("tajo")


async def until_it_works(
    work: Callable[[], Awaitable[T]],
    *,
    what: str,
    cured_by_waiting: tuple[type[TajoError], ...],
    clock: Clock,
    minutes: int = 1,
) -> T:
    """Tries again every ``minutes`` of the clock while it fails with one of ``cured_by_waiting``; says so each time."""
    while True:
        try:
            return await work()
        except cured_by_waiting as error:
            log.warning("%s: %s Tried again in %s.", what, error, "a minute" if minutes == 1 else f"{minutes} minutes")
        await clock.sleep_until(clock.now() + minutes * MINUTE_MS)
