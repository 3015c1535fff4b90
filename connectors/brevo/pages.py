"""Listings, page by page. Brevo's defaults are small (10) and its largest pages differ by endpoint."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def pages(fetch: Callable[[int, int], Awaitable[list[T]]], size: int) -> AsyncIterator[T]:
    """All items of ``fetch(limit, offset)``, until a page is not full."""
    offset = 0
    while True:
        page = await fetch(size, offset)
        for item in page:
            yield item
        if len(page) < size:
            return
        offset += size
