"""Going on until the outside world lets us: what a wrong token or an outage stops at start begins by itself later."""

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from connectors.clock import Clock
from schemas.errors import TajoError

AGAIN_MS = 60_000
T = TypeVar("T")
log = logging.getLogger("tajo")


async def until_it_works(
    work: Callable[[], Awaitable[T]], *, what: str, cured_by_waiting: tuple[type[TajoError], ...], clock: Clock
) -> T:
    """Tries each minute of the clock while it fails with one of ``cured_by_waiting``; says so each time."""
    while True:
        try:
            return await work()
        except cured_by_waiting as error:
            log.warning("%s: %s Tried again in a minute.", what, error)
        await clock.sleep_until(clock.now() + AGAIN_MS)
