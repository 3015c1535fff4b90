"""Waiting for news or for a time of the clock, whichever comes first."""

import asyncio

from connectors.clock import Clock


async def first_of(news: asyncio.Event, clock: Clock, until: int | None) -> None:
    """Returns when ``news`` is set, or at ``until`` (Unix ms of the clock; None: never)."""
    waits: list[asyncio.Future[object]] = [asyncio.ensure_future(_of(news))]
    if until is not None:
        waits.append(asyncio.ensure_future(_at(clock, until)))
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


async def _of(news: asyncio.Event) -> object:
    return await news.wait()


async def _at(clock: Clock, until: int) -> object:
    await clock.sleep_until(until)
    return None
