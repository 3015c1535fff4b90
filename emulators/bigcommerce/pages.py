"""A v3 page of rows, with its ``meta.pagination``."""

from collections.abc import Callable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from emulators.bigcommerce.answers import pagination, v3_answer
from emulators.bigcommerce.queries import MOST, Query
from emulators.bigcommerce.table import Page

Shown = Callable[[Any], dict[str, Any]]


def plain_page(request: Request, query: Query, rows: Sequence[Any], shown: Shown, most: int = MOST) -> Response:
    """Of rows that are already chosen and sorted; ``most`` rows at most, whatever ``limit`` says."""
    limit = query.limit_v3(most)
    first = (query.page() - 1) * limit
    page = Page(list(rows[first : first + limit]), len(rows))
    return page_answer(request, query, page, shown, most)


def page_answer(request: Request, query: Query, page: Page[Any], shown: Shown, most: int = MOST) -> Response:
    data = [shown(each) for each in page.rows]
    meta = pagination(request, page=query.page(), limit=query.limit_v3(most), count=len(data), total=page.total)
    return v3_answer(data, {"pagination": meta})
