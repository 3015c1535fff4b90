"""What is read of a store: each resource with its path, its page size and the OAuth scope it needs.

Many by id in one request where BigCommerce can (`id:in`, up to 250); orders and carts one by one, since it cannot.
Entities are given as they came, byte for byte; only their ids are read here.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final, Literal

import msgspec

from connectors.bigcommerce.client import Client, Parameter
from connectors.bigcommerce.errors import Garbage
from connectors.bigcommerce.limits import Priority
from connectors.bigcommerce.pages import MOST, Listing, Page, RowId, page_after, page_v2_by_id, page_v3, row_as

CUSTOMERS: Final = "store_v2_customers"
ORDERS: Final = "store_v2_orders"
PRODUCTS: Final = "store_v2_products"
CARTS: Final = "store_cart"
INFORMATION: Final = "store_v2_information"

# With variants and images a product weighs some kilobytes: a page of 100 stays under a megabyte.
PRODUCTS_A_PAGE = 100
_CUSTOMER: Final[dict[str, Parameter]] = {"include": ("addresses", "storecredit", "attributes", "formfields")}
_PRODUCT: Final[dict[str, Parameter]] = {"include": ("variants", "images", "custom_fields")}
_ORDER: Final[dict[str, Parameter]] = {"include": ("consignments.line_items",), "consignment_structure": "object"}


class Store(msgspec.Struct, kw_only=True):
    """Of `GET /v2/store` (store_information.v2): ``id`` is the store hash."""

    id: str
    currency: str = ""
    country_code: str = ""
    secure_url: str = ""
    name: str = ""


class Group(msgspec.Struct, kw_only=True):
    """A customer group; they are read from v2 only."""

    id: int
    name: str = ""


class One(msgspec.Struct, kw_only=True):
    """A v3 answer about one thing."""

    data: msgspec.Raw


class _Count(msgspec.Struct):
    count: int


class _CategoryId(msgspec.Struct):
    category_id: int


class _RefundOf(msgspec.Struct):
    id: int
    order_id: int


@dataclass(frozen=True, slots=True)
class Found:
    """``rows`` by id; what was asked for and is missing does not exist. ``started_at``: clock time of the request."""

    rows: dict[str, bytes]
    started_at: int


@dataclass(frozen=True, slots=True)
class Window:
    """Modified within [since, until], Unix ms; widened to whole seconds, which is how exact BigCommerce's dates are."""

    since: int
    until: int

    def texts(self) -> tuple[str, str]:
        first = datetime.fromtimestamp(self.since // 1000, UTC)
        last = datetime.fromtimestamp(-(-self.until // 1000), UTC)
        return first.strftime("%Y-%m-%dT%H:%M:%SZ"), last.strftime("%Y-%m-%dT%H:%M:%SZ")


Listed = Literal["customers", "subscribers", "orders", "products", "categories"]


class Reads:
    def __init__(self, client: Client) -> None:
        self.client = client

    # --- by id --------------------------------------------------------------------------------------------------------

    async def customers(self, ids: Sequence[str]) -> Found:
        """There is no `/v3/customers/{id}`: who is missing in the answer does not exist."""
        return await self._among("/v3/customers", "id:in", ids, _CUSTOMER, CUSTOMERS, RowId)

    async def subscribers(self, ids: Sequence[str]) -> Found:
        return await self._among("/v3/customers/subscribers", "id:in", ids, {}, CUSTOMERS, RowId)

    async def products(self, ids: Sequence[str]) -> Found:
        return await self._among("/v3/catalog/products", "id:in", ids, _PRODUCT, PRODUCTS, RowId)

    async def categories(self, ids: Sequence[str]) -> Found:
        return await self._among("/v3/catalog/trees/categories", "category_id:in", ids, {}, PRODUCTS, _CategoryId)

    async def order(self, order_id: str) -> tuple[bytes, int]:
        """The order with its lines, and the clock time of the request. Raises NotFound."""
        path = f"/v2/orders/{order_id}"
        answer = await self.client.get(path, msgspec.Raw, _ORDER, scope=ORDERS)
        if answer.data is None:
            raise _empty(path, answer.status)
        return bytes(answer.data), answer.started_at

    async def refunds(self, order_id: str) -> list[bytes]:
        path = f"/v3/orders/{order_id}/payment_actions/refunds"
        answer = await self.client.get(path, Listing, scope=ORDERS)
        return [bytes(row) for row in answer.data.data] if answer.data else []

    async def refunds_of(self, order_ids: Sequence[str], priority: Priority) -> dict[str, list[bytes]]:
        """The refunds of many orders, in few requests; orders without any are missing."""
        found: dict[str, dict[int, bytes]] = {}
        place: str | None = "" if order_ids else None
        while place is not None:
            page = await page_v3(
                self.client,
                "/v3/orders/payment_actions/refunds",
                {"order_id:in": order_ids},
                place=place,
                limit=MOST,
                scope=ORDERS,
                priority=priority,
            )
            for row in page.rows:
                refund = row_as(row, _RefundOf)
                found.setdefault(str(refund.order_id), {})[refund.id] = row
            place = page.next
        return {order_id: list(rows.values()) for order_id, rows in found.items()}

    async def cart(self, cart_id: str) -> tuple[bytes, int]:
        """Raises NotFound for a cart that was converted, emptied or deleted."""
        path = f"/v3/carts/{cart_id}"
        answer = await self.client.get(path, One, scope=CARTS)
        if answer.data is None:
            raise _empty(path, answer.status)
        return bytes(answer.data.data), answer.started_at

    async def subscriber_by_email(self, email: str) -> bytes | None:
        answer = await self.client.get("/v3/customers/subscribers", Listing, {"email": email}, scope=CUSTOMERS)
        return bytes(answer.data.data[0]) if answer.data and answer.data.data else None

    # --- about the store --------------------------------------------------------------------------------------------

    async def store(self) -> Store:
        answer = await self.client.get("/v2/store", Store, scope=INFORMATION)
        if answer.data is None:
            raise _empty("/v2/store", answer.status)
        return answer.data

    async def customer_groups(self) -> dict[int, Group]:
        """All groups by id; v2 pages end with 204."""
        groups: dict[int, Group] = {}
        page = 1
        while True:
            answer = await self.client.get(
                "/v2/customer_groups", list[Group], {"page": page, "limit": MOST}, scope=CUSTOMERS
            )
            found = answer.data or []
            groups |= {group.id: group for group in found}
            if len(found) < MOST:
                return groups
            page += 1

    async def orders_count(self, priority: Priority) -> int:
        answer = await self.client.get("/v2/orders/count", _Count, scope=ORDERS, priority=priority)
        return answer.data.count if answer.data else 0

    # --- lists ------------------------------------------------------------------------------------------------------

    async def page(self, resource: Listed, place: str, priority: Priority, window: Window | None = None) -> Page:
        """One page of everything, or of what was modified in ``window``. Categories have no date: always all."""
        since, until = window.texts() if window else ("", "")
        v3: dict[str, Parameter] = {"date_modified:min": since, "date_modified:max": until} if window else {}
        v2: dict[str, Parameter] = {"min_date_modified": since, "max_date_modified": until} if window else {}
        steps: dict[Listed, Callable[..., Awaitable[Page]]] = {
            "customers": partial(page_after, path="/v3/customers", parameters=_CUSTOMER | v3, scope=CUSTOMERS),
            "subscribers": partial(page_v3, path="/v3/customers/subscribers", parameters=v3, scope=CUSTOMERS),
            "orders": partial(page_v2_by_id, path="/v2/orders", parameters=_ORDER | v2, scope=ORDERS),
            "products": partial(
                page_v3,
                path="/v3/catalog/products",
                parameters=_PRODUCT | v3 | {"sort": "id", "direction": "asc"},
                scope=PRODUCTS,
            ),
            "categories": partial(page_v3, path="/v3/catalog/trees/categories", parameters={}, scope=PRODUCTS),
        }
        limit = PRODUCTS_A_PAGE if resource == "products" else MOST
        return await steps[resource](self.client, place=place, limit=limit, priority=priority)

    async def _among(
        self,
        path: str,
        name: str,
        ids: Sequence[str],
        parameters: Mapping[str, Parameter],
        scope: str,
        row_id: type[RowId] | type[_CategoryId],
    ) -> Found:
        answer = await self.client.get(path, Listing, {**parameters, name: ids, "limit": len(ids)}, scope=scope)
        if answer.data is None:
            raise _empty(path, answer.status)
        rows = [bytes(row) for row in answer.data.data]
        return Found({id_of(row, row_id): row for row in rows}, answer.started_at)


def id_of(row: bytes, shape: type[RowId] | type[_CategoryId] = RowId) -> str:
    """The id of an entity as text. Raises Garbage for a row without one."""
    found = row_as(row, shape)
    return str(found.category_id if isinstance(found, _CategoryId) else found.id)


def category_id_of(row: bytes) -> str:
    return id_of(row, _CategoryId)


def _empty(path: str, status: int) -> Garbage:
    return Garbage(
        f"GET {path} was answered without a body, where one is described.", request=f"GET {path}", status=status
    )
