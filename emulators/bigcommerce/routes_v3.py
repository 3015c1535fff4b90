"""The rest of v3: carts, refunds and channels."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulators.bigcommerce import order_shapes, shapes
from emulators.bigcommerce.answers import v3_answer, v3_error
from emulators.bigcommerce.pages import plain_page
from emulators.bigcommerce.queries import Query
from emulators.bigcommerce.records import Refund
from emulators.bigcommerce.store import Store


class V3:
    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[Route]:
        return [
            Route("/carts/{cart_id}", self.cart),
            Route("/abandoned-carts/{token}", self.abandoned_cart),
            Route("/orders/payment_actions/refunds", self.refunds),
            Route("/orders/{order_id:int}/payment_actions/refunds", self.order_refunds),
            Route("/channels", self.channels),
            Route("/channels/{channel_id:int}/site", self.site),
        ]

    async def cart(self, request: Request) -> Response:
        cart = self._store.carts.open.get(request.path_params["cart_id"])
        if cart is None:
            return v3_error(404, "Cart not found.")
        return v3_answer(shapes.cart(self._store, cart))

    async def abandoned_cart(self, request: Request) -> Response:
        for cart in self._store.carts.open.values():
            if cart.token == request.path_params["token"]:
                return v3_answer({"cart_id": cart.id})
        return v3_error(404, "The abandoned cart was not found.")

    async def refunds(self, request: Request) -> Response:
        """``meta`` stays empty, as described: read on until a page is short."""
        query, orders = Query(request.query_params), self._store.orders
        of_orders, ids = query.numbers("order_id:in"), query.numbers("id:in")
        since, until = query.date("created:min"), query.date("created:max")

        def wanted(each: Refund) -> bool:
            named = ids is None or each.id in ids
            return named and (since is None or each.created >= since) and (until is None or each.created <= until)

        if of_orders is None:
            among = list(orders.refunds.values())
        else:
            among = sorted((r for id_ in set(of_orders) for r in orders.refunds_of(id_)), key=lambda each: each.id)
        rows = [each for each in among if wanted(each)]
        first, limit = (query.page() - 1) * query.limit_v3(), query.limit_v3()
        return v3_answer([order_shapes.refund(each) for each in rows[first : first + limit]])

    async def order_refunds(self, request: Request) -> Response:
        found = self._store.orders.refunds_of(request.path_params["order_id"])
        return v3_answer([order_shapes.refund(each) for each in found])

    async def channels(self, request: Request) -> Response:
        return plain_page(request, Query(request.query_params), self._store.channels, shapes.channel)

    async def site(self, request: Request) -> Response:
        for channel in self._store.channels:
            if channel.id == request.path_params["channel_id"]:
                return v3_answer(shapes.site(channel))
        return v3_error(404, "The channel was not found.")
