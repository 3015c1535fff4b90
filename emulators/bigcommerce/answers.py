"""Answers in the two dialects: v2 with bare arrays and RFC 2822 dates, v3 with data, meta and ISO dates."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import escape

import orjson
from starlette.requests import Request
from starlette.responses import Response

STATUS_CODES = "https://developer.bigcommerce.com/api-docs/getting-started/api-status-codes"


def moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms // 1000, UTC)


def v2_date(ms: int | None) -> str:
    """``Tue, 05 Mar 2019 21:40:11 +0000``; an unset date is an empty text."""
    return "" if ms is None else format_datetime(moment(ms))


def v3_date(ms: int) -> str:
    return moment(ms).strftime("%Y-%m-%dT%H:%M:%SZ")


def v2_money(amount: Decimal) -> str:
    return f"{amount:.4f}"


class Json(Response):
    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)


def v2_answer(request: Request, content: Any, *, status: int = 200) -> Response:
    """XML unless JSON is asked for by name, 204 without a body for an empty list."""
    if isinstance(content, list) and not content:
        return Response(status_code=204)
    if "application/json" not in request.headers.get("accept", ""):
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n{_xml("response", content)}'
        return Response(body, status_code=status, media_type="application/xml")
    return Json(content, status_code=status)


def v2_error(request: Request, status: int, message: str) -> Response:
    return v2_answer(request, [{"status": status, "message": message}], status=status)


def v3_answer(data: Any, meta: Mapping[str, Any] | None = None, *, status: int = 200) -> Response:
    return Json({"data": data, "meta": meta or {}}, status_code=status)


def v3_error(status: int, title: str, errors: Mapping[str, str] | None = None) -> Response:
    body: dict[str, Any] = {"status": status, "title": title, "type": STATUS_CODES, "instance": ""}
    if errors is not None:
        body["errors"] = errors
    return Json(body, status_code=status)


def pagination(request: Request, *, page: int, limit: int, count: int, total: int) -> dict[str, Any]:
    """``meta.pagination``; links are query texts, and there is none before the first or after the last page."""
    pages = -(-total // limit)

    def link(number: int) -> str:
        kept = {key: value for key, value in request.query_params.items() if key not in ("page", "limit")}
        return f"?{urlencode({**kept, 'page': number, 'limit': limit})}"

    links = {"current": link(page)}
    if page > 1:
        links["previous"] = link(page - 1)
    if page < pages:
        links["next"] = link(page + 1)
    return {
        "total": total,
        "count": count,
        "per_page": limit,
        "current_page": page,
        "total_pages": pages,
        "links": links,
    }


def _xml(name: str, content: Any) -> str:
    if isinstance(content, Mapping):
        inner = "".join(_xml(str(key), value) for key, value in content.items())
    elif isinstance(content, Sequence) and not isinstance(content, str):
        inner = "".join(_xml("item", value) for value in content)
    else:
        inner = "" if content is None else escape(str(content))
    return f"<{name}>{inner}</{name}>"
