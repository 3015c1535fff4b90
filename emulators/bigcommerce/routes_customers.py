"""``/v3/customers``, their addresses, and ``/v3/customers/subscribers``."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulators.bigcommerce import shapes
from emulators.bigcommerce.answers import pagination, v3_answer, v3_error
from emulators.bigcommerce.pages import page_answer, plain_page
from emulators.bigcommerce.queries import BadQuery, Query
from emulators.bigcommerce.records import Customer, Subscriber
from emulators.bigcommerce.store import Store
from emulators.bigcommerce.table import Page, page_of


class CustomerRoutes:
    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[Route]:
        return [
            Route("/customers", self.customers),
            Route("/customers/addresses", self.addresses),
            Route("/customers/subscribers", self.subscribers),
            Route("/customers/subscribers/{subscriber_id:int}", self.subscriber),
        ]

    async def customers(self, request: Request) -> Response:
        """Pages by ``page`` or, after the first, by ``after=<end_cursor>``, which goes by id."""
        query = Query(request.query_params)
        limit, cursor = query.limit_v3(), query.text("after")
        field, _, direction = (query.text("sort") or "id").partition(":")
        if field not in ("id", "date_created", "date_modified") or (cursor and field != "id"):
            raise BadQuery("sort", query.text("sort") or "", "date_created or date_modified, paged by 'page'")
        rows, found = self._customers(query), self._store.customers.table
        if rows is not None:
            page = page_of(rows, 1 if cursor else query.page(), limit)
        elif field == "date_modified":
            bounds = (query.date("date_modified:min"), query.date("date_modified:max"))
            page = found.by_modified(*bounds, reverse=direction == "desc").page(query.page(), limit, _wanted(query))
        else:
            after = None if cursor is None else _id_of(cursor)
            stretch = found.by_id(after=after, reverse=direction == "desc")
            page = stretch.page(1 if cursor else query.page(), limit, _wanted(query))
        include = query.texts("include") or []
        return self._with_cursor(request, query, page, [shapes.customer(each, include) for each in page.rows])

    def _customers(self, query: Query) -> list[Customer] | None:
        """Those that ``id:in`` or ``email:in`` name; None when neither is there."""
        ids, emails = query.numbers("id:in"), query.texts("email:in")
        if ids is None and emails is None:
            return None
        customers = self._store.customers
        found = customers.table.among(ids) if ids is not None else []
        if emails is not None:
            named = {each.id: each for each in map(customers.by_email, emails) if each is not None}
            found = [each for each in found if each.id in named] if ids is not None else list(named.values())
        wanted = _wanted(query)
        return sorted((each for each in found if wanted is None or wanted(each)), key=lambda each: each.id)

    def _with_cursor(self, request: Request, query: Query, page: Page[Customer], data: list[Any]) -> Response:
        limit, by_cursor = query.limit_v3(), query.text("after") is not None
        meta: dict[str, Any] = {
            "pagination": pagination(
                request, page=1 if by_cursor else query.page(), limit=limit, count=len(data), total=page.total
            )
        }
        if by_cursor or query.page() == 1:
            ends = {"start_cursor": page.rows[0].id, "end_cursor": page.rows[-1].id} if page.rows else {}
            cursors = {name: _cursor_of(id_) for name, id_ in ends.items()}
            more = page.rows and page.total > len(data)
            links = {"next": f"?limit={limit}&after={cursors['end_cursor']}"} if more else {}
            meta["cursor_pagination"] = {"count": len(data), "per_page": limit, **cursors, "links": links}
        return v3_answer(data, meta)

    async def addresses(self, request: Request) -> Response:
        query = Query(request.query_params)
        customers = self._store.customers
        owners, ids = query.numbers("customer_id:in"), query.numbers("id:in")
        if owners is not None:
            among: Sequence[Customer] = customers.table.among(owners)
        elif ids is not None:
            among = list({each.id: each for each in map(customers.owner_of, ids) if each is not None}.values())
        else:
            among = list(customers.table)
        found = [each for owner in among for each in owner.addresses if ids is None or each.id in ids]
        return plain_page(request, query, sorted(found, key=lambda each: each.id), shapes.address)

    async def subscribers(self, request: Request) -> Response:
        query, table = Query(request.query_params), self._store.subscribers.table
        ids = query.numbers("id:in") if "id:in" in query else query.numbers("id")
        wanted = _subscriber_wanted(query)
        email = query.text("email")
        if email is not None or ids is not None:
            known = self._store.subscribers.by_email(email) if email is not None else None
            few = table.among(ids) if ids is not None else []
            if email is not None:
                few = [known] if known is not None and (ids is None or known.id in ids) else []
            return plain_page(request, query, [each for each in few if wanted(each)], shapes.subscriber)
        page = table.by_id().page(query.page(), query.limit_v3(), wanted)
        return page_answer(request, query, page, shapes.subscriber)

    async def subscriber(self, request: Request) -> Response:
        found = self._store.subscribers.table.get(request.path_params["subscriber_id"])
        if found is None:
            return v3_error(404, "The subscriber was not found.")
        return v3_answer(shapes.subscriber(found))


def _wanted(query: Query) -> Callable[[Customer], bool] | None:
    dates = [
        (query.date("date_modified:min"), query.date("date_modified:max"), "date_modified"),
        (query.date("date_created:min"), query.date("date_created:max"), "date_created"),
    ]
    groups = query.numbers("customer_group_id:in")
    if groups is None and not any(bound is not None for least, most, _ in dates for bound in (least, most)):
        return None

    def wanted(each: Customer) -> bool:
        return (groups is None or each.customer_group_id in groups) and all(
            (least is None or getattr(each, name) >= least) and (most is None or getattr(each, name) <= most)
            for least, most, name in dates
        )

    return wanted


def _subscriber_wanted(query: Query) -> Callable[[Subscriber], bool]:
    source, order_id = query.text("source"), query.number("order_id")
    least, most = query.date("date_modified:min"), query.date("date_modified:max")

    def wanted(each: Subscriber) -> bool:
        told = (source is None or each.source == source) and (order_id is None or each.order_id == order_id)
        return told and (least is None or each.date_modified >= least) and (most is None or each.date_modified <= most)

    return wanted


def _cursor_of(id_: int) -> str:
    return urlsafe_b64encode(orjson.dumps({"id": id_})).decode().rstrip("=")


def _id_of(cursor: str) -> int:
    try:
        return int(orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))["id"])
    except (ValueError, KeyError, TypeError):
        raise BadQuery("after", cursor, "the end_cursor of a page") from None
