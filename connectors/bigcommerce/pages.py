"""Pages of lists, and where the next one begins.

v3 answers `data` and `meta.pagination`; customers go by cursor (`after=<end_cursor>`). v2 answers a bare array, and
204 for an empty page; orders go by `min_id`, which does not shift when something is deleted meanwhile. A place is a
text, so that it can be kept and taken up after a restart; the empty text is the beginning, None the end.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from connectors.bigcommerce.client import Client, Parameter
from connectors.bigcommerce.errors import Garbage
from connectors.bigcommerce.limits import Priority

T = TypeVar("T")
MOST = 250  # rows on a page, at most


class Pagination(msgspec.Struct, kw_only=True):
    total: int | None = None
    current_page: int | None = None
    total_pages: int | None = None


class Cursors(msgspec.Struct, kw_only=True):
    end_cursor: str | None = None


class Meta(msgspec.Struct, kw_only=True):
    pagination: Pagination | None = None
    cursor_pagination: Cursors | None = None


class Listing(msgspec.Struct, kw_only=True):
    """A v3 list, its rows unread."""

    data: list[msgspec.Raw]
    meta: Meta = msgspec.field(default_factory=Meta)


@dataclass(frozen=True, slots=True)
class Page:
    """``rows`` as they came. ``next``: place of the next page. ``total``: of the whole list, None if it is not told."""

    rows: list[bytes]
    next: str | None
    total: int | None
    started_at: int


class RowId(msgspec.Struct):
    id: int


async def page_v3(
    client: Client,
    path: str,
    parameters: Mapping[str, Parameter],
    *,
    place: str,
    limit: int,
    scope: str,
    priority: Priority,
) -> Page:
    """By number. ``place`` is `page:total as it was then`.

    When rows went meanwhile, others moved forward over the edge of a page; the pages they may be on are read again.
    """
    number, _, before = place.partition(":")
    page = int(number or 1)
    answer = await client.get(
        path, Listing, {**parameters, "page": page, "limit": limit}, scope=scope, priority=priority
    )
    listing = answer.data or Listing(data=[])
    pagination = listing.meta.pagination or Pagination()
    gone = max(0, int(before) - pagination.total) if before and pagination.total is not None else 0
    if gone and page > 1:
        return Page([], f"{max(1, page + -gone // limit)}:{pagination.total}", pagination.total, answer.started_at)
    pages = pagination.total_pages
    more = bool(listing.data) and (page < pages if pages is not None else len(listing.data) >= limit)
    total = "" if pagination.total is None else pagination.total
    return Page(_rows(listing.data), f"{page + 1}:{total}" if more else None, pagination.total, answer.started_at)


async def page_after(
    client: Client,
    path: str,
    parameters: Mapping[str, Parameter],
    *,
    place: str,
    limit: int,
    scope: str,
    priority: Priority,
) -> Page:
    """By cursor. Only the first page tells the total."""
    at: dict[str, Parameter] = {"after": place} if place else {}
    answer = await client.get(path, Listing, {**parameters, **at, "limit": limit}, scope=scope, priority=priority)
    listing = answer.data or Listing(data=[])
    cursor = listing.meta.cursor_pagination.end_cursor if listing.meta.cursor_pagination else None
    if cursor and cursor == place:
        raise Garbage(
            f"{path} answered the cursor {place} with the same cursor, so the list would never end.",
            request=f"GET {path}",
            status=answer.status,
        )
    total = listing.meta.pagination.total if listing.meta.pagination else None
    return Page(_rows(listing.data), cursor if len(listing.data) >= limit else None, total, answer.started_at)


async def page_v2_by_id(
    client: Client,
    path: str,
    parameters: Mapping[str, Parameter],
    *,
    place: str,
    limit: int,
    scope: str,
    priority: Priority,
) -> Page:
    """By id, ascending; ``place`` is the lowest id wanted."""
    wanted: dict[str, Parameter] = {**parameters, "min_id": int(place or 0), "sort": "id:asc", "limit": limit}
    answer = await client.get(path, list[msgspec.Raw], wanted, scope=scope, priority=priority)
    rows = _rows(answer.data or [])
    following = str(max(row_as(row, RowId).id for row in rows) + 1) if len(rows) >= limit else None
    return Page(rows, following, None, answer.started_at)


def row_as(row: bytes, shape: type[T]) -> T:
    """What is needed of a row. Raises Garbage for a row of another shape."""
    try:
        return msgspec.json.decode(row, type=shape)
    except msgspec.MsgspecError as error:
        raise Garbage(f"A row of an answer has not the shape that is described: {error}.", request="") from error


def _rows(rows: list[msgspec.Raw]) -> list[bytes]:
    return [bytes(row) for row in rows]
