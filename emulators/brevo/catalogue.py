"""``/products`` and ``/categories``, single and in batches (https://developers.brevo.com/reference/createupdateproduct)."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from emulators.brevo import moments
from emulators.brevo.account import Account
from emulators.brevo.body import Body, Page
from emulators.brevo.errors import Refusal, invalid, json_response, missing, no_content, not_found, out_of_range
from emulators.brevo.orders import check_meta
from emulators.brevo.state import Item

LARGEST_BATCH = 100


def check_product(body: Body) -> None:
    for field in ("name", "url", "imageUrl", "sku", "brand", "description", "parentId"):
        body.text(field)
    for field in ("price", "alternativePrice", "stock"):
        body.number(field)
    body.texts("categories")
    _check_deletion(body)
    if meta := body.record("metaInfo"):
        check_meta(meta.values)


def check_category(body: Body) -> None:
    body.text("name")
    body.text("url")
    _check_deletion(body)


def _check_deletion(body: Body) -> None:
    body.flag("isDeleted")
    if deleted_at := body.text("deletedAt"):
        moments.read(deleted_at, "deletedAt")


class CatalogueCalls:
    """``plural`` is the path and the name of the array of a batch; ``check`` refuses a bad record."""

    def __init__(
        self, account: Account, plural: str, items: dict[str, Item], check: Callable[[Body], None], largest_page: int
    ) -> None:
        self._account = account
        self._plural = plural
        self._items = items
        self._check = check
        self._largest_page = largest_page

    async def create(self, request: Request) -> Response:
        self._account.check_commerce()
        body = await Body.of(request)
        number = self._checked(body, bool(body.flag("updateEnabled", False)))
        return json_response({"id": number}, 201) if self._keep(number, body) else no_content()

    async def create_batch(self, request: Request) -> Response:
        """One bad record refuses the whole request, without telling which."""
        self._account.check_commerce()
        body = await Body.of(request)
        records = body.records(self._plural)
        if not 1 <= len(records) <= LARGEST_BATCH:
            raise out_of_range(f"{self._plural} has {len(records)} entries, but 1 to {LARGEST_BATCH} are expected")
        updates = bool(body.flag("updateEnabled", False))
        try:
            numbers = [self._checked(record, updates) for record in records]
        except Refusal as refusal:
            raise Refusal(400, refusal.code, f"The {self._plural} are not valid") from refusal
        if len(set(numbers)) < len(numbers):
            raise invalid(f"The {self._plural} contain duplicate ids")
        created = sum(self._keep(number, record) for number, record in zip(numbers, records, strict=True))
        return json_response({"createdCount": created, "updatedCount": len(records) - created}, 201)

    async def listed(self, request: Request) -> Response:
        self._account.check_commerce()
        page = Page.of(request, default=50, largest=self._largest_page)
        ids = {part for text in request.query_params.getlist("ids") for part in text.split(",")}
        found = [item for item in self._items.values() if not ids or item.id in ids]
        if since := request.query_params.get("modifiedSince"):
            found = [item for item in found if item.modified_at >= moments.read(since, "modifiedSince")]
        return json_response({self._plural: [_written(item) for item in page.cut(found)], "count": len(found)})

    async def get(self, request: Request) -> Response:
        self._account.check_commerce()
        item = self._items.get(request.path_params["id"])
        if item is None:
            raise not_found(f"{request.path_params['id']} does not exist in {self._plural}")
        return json_response(_written(item))

    async def alert(self, request: Request) -> Response:
        """``POST /products/{id}/alerts/back_in_stock``: Brevo keeps the wish."""
        self._account.check_commerce()
        number = request.path_params["id"]
        if number not in self._items:
            raise not_found("Product does not exist")
        identifiers = (await Body.of(request)).record("contactIdentifiers")
        known = [name for name in ("ext_id", "email", "sms") if identifiers and identifiers.text(name)]
        if identifiers is None or not known:
            raise missing("contactIdentifiers needs one of ext_id, email and sms")
        self._account.state.alerts.append((number, request.path_params["event"], identifiers.values))
        return no_content()

    def _checked(self, body: Body, updates: bool) -> str:
        number = body.required_text("id")
        self._check(body)
        if number in self._items and not updates:
            raise invalid(f"{number} already exists in {self._plural} and updateEnabled is not true")
        if number not in self._items:
            body.required_text("name")
        return number

    def _keep(self, number: str, body: Body) -> bool:
        """Whether it is new; an update leaves fields that it does not name."""
        now = self._account.now()
        record = {field: value for field, value in body.values.items() if field != "updateEnabled"}
        known = self._items.get(number)
        if known is None:
            self._items[number] = Item(number, record, now, now)
            return True
        known.record |= record
        known.modified_at = now
        known.writes += 1
        return False


def _written(item: Item) -> dict[str, object]:
    dates = {"createdAt": moments.written(item.created_at), "modifiedAt": moments.written(item.modified_at)}
    return {"isDeleted": False} | item.record | dates
