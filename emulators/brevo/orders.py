"""``/orders`` (https://developers.brevo.com/docs/import-your-orders)."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from emulators.brevo import moments
from emulators.brevo.account import Account
from emulators.brevo.body import Body, Page
from emulators.brevo.directory import Contact, normalised
from emulators.brevo.errors import Refusal, invalid, json_response, missing, no_content, out_of_range
from emulators.brevo.state import Order

LARGEST_BATCH = 1_000
LARGEST_META_KEYS = 20
LARGEST_META_CHARACTERS = 20_000
IDENTIFIERS = {"ext_id": "EXT_ID", "email_id": "email", "phone_id": "SMS"}


class OrderCalls:
    def __init__(self, account: Account) -> None:
        self._account = account
        self._state = account.state

    async def create(self, request: Request) -> Response:
        self._account.check_commerce()
        body = await Body.of(request)
        check(body)
        self._keep(body, historical=False)
        return no_content()

    async def create_batch(self, request: Request) -> Response:
        """The result is told through ``notifyUrl`` alone, in a form not published: refused orders are kept aside."""
        self._account.check_commerce()
        body = await Body.of(request)
        orders = body.records("orders")
        if not 1 <= len(orders) <= LARGEST_BATCH:
            raise out_of_range(f"orders has {len(orders)} entries, but 1 to {LARGEST_BATCH} are expected")
        historical = bool(body.flag("historical", True))
        body.text("notifyUrl")
        for order in orders:
            try:
                check(order)
            except Refusal as refusal:
                self._state.refused_orders.append((str(order.values.get("id")), refusal.message))
            else:
                self._keep(order, historical)
        return json_response({"batch_id": self._account.next_id("batch"), "count": len(orders)}, 202)

    async def listed(self, request: Request) -> Response:
        self._account.check_commerce()
        page = Page.of(request, default=50, largest=100)
        found = list(self._state.orders.values())
        if since := request.query_params.get("modifiedSince"):
            found = [order for order in found if order.modified_at >= moments.read(since, "modifiedSince")]
        if since := request.query_params.get("createdSince"):
            found = [order for order in found if order.created_at >= moments.read(since, "createdSince")]
        return json_response({"orders": [_written(order) for order in page.cut(found)], "count": len(found)})

    def _keep(self, body: Body, historical: bool) -> None:
        number = body.required_text("id")
        contact, email = self._contact(body)
        known = self._state.orders.get(number)
        now = self._account.now()
        self._state.orders[number] = Order(
            id=number,
            record=body.values,
            email=contact.email if contact else email,
            contact_id=contact.id if contact else None,
            historical=historical,
            created_at=known.created_at if known else now,
            modified_at=now,
            writes=known.writes + 1 if known else 1,
        )

    def _contact(self, body: Body) -> tuple[Contact | None, str]:
        given = body.record("identifiers") or Body({"email_id": body.text("email")})
        email = (given.text("email_id") or "").strip().lower()
        for name, kind in IDENTIFIERS.items():
            if value := given.text(name):
                return self._state.directory.find(kind, email if kind == "email" else value), email
        return None, email


def check(body: Body) -> None:
    """Raises ``Refusal`` for an order that Brevo would not take."""
    body.required_text("id")
    body.required_text("status")
    body.required_number("amount")
    moments.read_order_time(body.required_text("createdAt"), "createdAt")
    moments.read_order_time(body.required_text("updatedAt"), "updatedAt")
    for product in body.records("products"):
        product.required_text("productId")
        product.required_number("price")
        product.text("variantId")
        if product.integer("quantity") is None and product.number("quantityFloat") is None:
            raise missing("products need quantity or quantityFloat")
    identifiers = body.record("identifiers") or Body({"email_id": body.text("email")})
    if email := identifiers.text("email_id"):
        normalised(email)
    body.record("billing")
    body.texts("coupons")
    body.text("storeId")
    if meta := body.record("metaInfo"):
        check_meta(meta.values)


def check_meta(meta: Mapping[str, object]) -> None:
    """20 keys and 20,000 characters: of the two sentences that are published, the smaller is obeyed in both regards."""
    if len(meta) > LARGEST_META_KEYS:
        raise out_of_range(f"metaInfo has {len(meta)} keys, at most {LARGEST_META_KEYS} are allowed")
    for key, value in meta.items():
        if not isinstance(value, str | int | float | bool):
            raise invalid(f"metaInfo.{key} is neither a string, a number nor a boolean")
    characters = sum(len(key) + len(str(value)) for key, value in meta.items())
    if characters > LARGEST_META_CHARACTERS:
        raise out_of_range(f"metaInfo has {characters} characters, at most {LARGEST_META_CHARACTERS} are allowed")


def _written(order: Order) -> dict[str, object]:
    contact = {"contact_id": order.contact_id} if order.contact_id is not None else {}
    return order.record | ({"email": order.email} if order.email else {}) | contact
