"""Which orders a request means, in which order: by an index wherever one fits, so that a page costs a page."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from emulators.bigcommerce.orders import Orders
from emulators.bigcommerce.queries import BadQuery, Query
from emulators.bigcommerce.records import Order
from emulators.bigcommerce.table import Page, page_of

Wanted = Callable[[Order], bool]

SORTED_BY: dict[str, Callable[[Order], tuple[int, int]]] = {
    "id": lambda order: (order.id, 0),
    "customer_id": lambda order: (order.customer_id, order.id),
    "date_created": lambda order: (order.date_created, order.id),
    "date_modified": lambda order: (order.date_modified, order.id),
    "status_id": lambda order: (order.status_id, order.id),
    "channel_id": lambda order: (order.channel_id, order.id),
}


@dataclass(frozen=True, slots=True)
class OrderQuery:
    """The filters of ``GET /v2/orders``; all of them have to be met."""

    lowest: int | None
    highest: int | None
    earliest: int | None
    latest: int | None
    created_from: int | None
    created_to: int | None
    customer_id: int | None
    status_id: int | None
    channel_id: int | None
    email: str | None
    cart_id: str | None
    field: str
    reverse: bool

    @classmethod
    def read(cls, query: Query) -> "OrderQuery":
        field, _, direction = (query.text("sort") or "id").partition(":")
        if field not in SORTED_BY or direction not in ("", "asc", "desc"):
            raise BadQuery("sort", query.text("sort") or "", f"one of {', '.join(SORTED_BY)} with :asc or :desc")
        return cls(
            lowest=query.number("min_id"),
            highest=query.number("max_id"),
            earliest=query.date("min_date_modified"),
            latest=query.date("max_date_modified"),
            created_from=query.date("min_date_created"),
            created_to=query.date("max_date_created"),
            customer_id=query.number("customer_id"),
            status_id=query.number("status_id"),
            channel_id=query.number("channel_id"),
            email=query.text("email"),
            cart_id=query.text("cart_id"),
            field=field,
            reverse=direction == "desc",
        )

    def page(self, orders: Orders, page: int, limit: int) -> Page[Order]:
        few = self._few(orders)
        dated = self.earliest is not None or self.latest is not None
        if few is None and self.field == "id" and not dated:
            by_id = orders.table.by_id(self.lowest, self.highest, reverse=self.reverse)
            return by_id.page(page, limit, self._wanted(ids=False, dates=True))
        if few is None and self.field == "date_modified":
            by_date = orders.table.by_modified(self.earliest, self.latest, reverse=self.reverse)
            return by_date.page(page, limit, self._wanted(ids=True, dates=False))
        rows = sorted(self.all(orders), key=SORTED_BY[self.field], reverse=self.reverse)
        return page_of(rows, page, limit)

    def all(self, orders: Orders) -> Iterable[Order]:
        """In no order that is promised."""
        few = self._few(orders)
        if few is not None:
            return filter(self._wanted(ids=True, dates=True), orders.table.among(few))
        if self.earliest is not None or self.latest is not None:
            by_date = orders.table.by_modified(self.earliest, self.latest)
            return filter(self._wanted(ids=True, dates=False), by_date)
        return filter(self._wanted(ids=False, dates=False), orders.table.by_id(self.lowest, self.highest))

    def _few(self, orders: Orders) -> list[int] | None:
        """The ids to look among, where a customer, an e-mail or a cart narrows it down; guests are too many."""
        if self.cart_id is not None:
            return orders.of_cart(self.cart_id)
        if self.email is not None:
            return orders.of_email(self.email)
        return orders.of_customer(self.customer_id) if self.customer_id else None

    def _wanted(self, *, ids: bool, dates: bool) -> Wanted | None:
        """None when nothing is left to ask after the index has done ``ids`` or ``dates``."""
        tests: list[Wanted] = []

        def between(value: Callable[[Order], int], least: int | None, most: int | None) -> None:
            if least is not None:
                tests.append(lambda order: value(order) >= least)
            if most is not None:
                tests.append(lambda order: value(order) <= most)

        if ids:
            between(lambda order: order.id, self.lowest, self.highest)
        if dates:
            between(lambda order: order.date_modified, self.earliest, self.latest)
        between(lambda order: order.date_created, self.created_from, self.created_to)
        between(lambda order: order.customer_id, self.customer_id, self.customer_id)
        between(lambda order: order.status_id, self.status_id, self.status_id)
        between(lambda order: order.channel_id, self.channel_id, self.channel_id)
        if self.email is not None:
            email = self.email.lower()
            tests.append(lambda order: order.email.lower() == email)
        if self.cart_id is not None:
            tests.append(lambda order: order.cart_id == self.cart_id)
        return (lambda order: all(test(order) for test in tests)) if tests else None
