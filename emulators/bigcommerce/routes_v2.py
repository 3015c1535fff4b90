"""The v2 side: orders, their parts, statuses, customer groups, store and time."""

from collections import Counter
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulators.bigcommerce import order_shapes
from emulators.bigcommerce.answers import v2_answer, v2_error
from emulators.bigcommerce.order_queries import OrderQuery
from emulators.bigcommerce.queries import Query
from emulators.bigcommerce.records import Order
from emulators.bigcommerce.store import Store
from emulators.bigcommerce.store_shape import store_information

NOT_FOUND = "The requested resource was not found."


class V2:
    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[Route]:
        return [
            Route("/time", self.time),
            Route("/store", self.store),
            Route("/orders", self.orders),
            Route("/orders/count", self.order_count),
            Route("/orders/{order_id:int}", self.order),
            Route("/orders/{order_id:int}/products", self.order_products),
            Route("/order_statuses", self.order_statuses),
            Route("/customer_groups", self.customer_groups),
        ]

    async def time(self, request: Request) -> Response:
        return v2_answer(request, {"time": self._store.clock.now() // 1000})

    async def store(self, request: Request) -> Response:
        return v2_answer(request, store_information(self._store))

    async def orders(self, request: Request) -> Response:
        query = Query(request.query_params)
        page = OrderQuery.read(query).page(self._store.orders, query.page(), query.limit_v2())
        return v2_answer(request, [self._shown(query, order) for order in page.rows])

    async def order_count(self, request: Request) -> Response:
        found = OrderQuery.read(Query(request.query_params)).all(self._store.orders)
        counts = Counter(order.status_id for order in found)
        statuses = [
            {**order_shapes.status(status_id), "count": counts[status_id], "sort_order": place}
            for place, status_id in enumerate(order_shapes.STATUS_ORDER)
        ]
        return v2_answer(request, {"statuses": statuses, "count": counts.total()})

    async def order(self, request: Request) -> Response:
        order = self._store.orders.table.get(request.path_params["order_id"])
        if order is None:
            return v2_error(request, 404, NOT_FOUND)
        return v2_answer(request, self._shown(Query(request.query_params), order))

    async def order_products(self, request: Request) -> Response:
        order = self._store.orders.table.get(request.path_params["order_id"])
        if order is None:
            return v2_error(request, 404, NOT_FOUND)
        query = Query(request.query_params)
        first, limit = (query.page() - 1) * query.limit_v2(), query.limit_v2()
        return v2_answer(request, order_shapes.order_lines(order)[first : first + limit])

    async def order_statuses(self, request: Request) -> Response:
        return v2_answer(request, [order_shapes.status(status_id) for status_id in order_shapes.STATUS_ORDER])

    async def customer_groups(self, request: Request) -> Response:
        query = Query(request.query_params)
        first, limit = (query.page() - 1) * query.limit_v2(), query.limit_v2()
        groups: list[dict[str, Any]] = [
            {
                "id": group.id,
                "name": group.name,
                "is_default": False,
                "category_access": {"type": "all"},
                "discount_rules": [],
                "is_group_for_guests": False,
                "date_created": "",
                "date_modified": "",
            }
            for group in self._store.groups
        ]
        return v2_answer(request, groups[first : first + limit])

    def _shown(self, query: Query, order: Order) -> dict[str, Any]:
        """``consignment_structure=object`` is what makes the consignments come along; without it they stay a link."""
        include = query.texts("include") or []
        lines = "consignments.line_items" in include
        whole = query.text("consignment_structure") == "object" and (lines or "consignments" in include)
        return order_shapes.order(self._store, order, lines=lines, consignments=whole)
