"""The calls to a Brevo account that the product makes. Reference: https://developers.brevo.com/reference."""

import re
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

import msgspec

from connectors.brevo.client import Client, decoded
from connectors.brevo.errors import Refused, garbage
from connectors.brevo.limits import Endpoint, Slot
from connectors.brevo.pages import pages

POST_EVENT = Endpoint("POST /events", "events")
POST_EVENTS = Endpoint("POST /events/batch", "other", "events")
POST_CONTACT = Endpoint("POST /contacts", "other", "contacts")
_GET_EVENTS = Endpoint("GET /events", "other", "events")
_GET_CONTACT = Endpoint("GET /contacts/{identifier}", "contacts")
_PUT_CONTACT = Endpoint("PUT /contacts/{identifier}", "contacts")
_DELETE_CONTACT = Endpoint("DELETE /contacts/{identifier}", "contacts")
_IMPORT = Endpoint("POST /contacts/import", "other", "contacts")
_GET_PROCESS = Endpoint("GET /processes/{processId}", "other")
_GET_PROCESSES = Endpoint("GET /processes", "other")
_POST_ORDER = Endpoint("POST /orders/status", "orders")
_POST_ORDERS = Endpoint("POST /orders/status/batch", "other", "orders")
_POST_PRODUCTS = Endpoint("POST /products/batch", "other", "products")
_POST_CATEGORIES = Endpoint("POST /categories/batch", "other")
_GET_ATTRIBUTES = Endpoint("GET /contacts/attributes", "other", "contacts")
_POST_ATTRIBUTE = Endpoint("POST /contacts/attributes/{attributeCategory}/{attributeName}", "other", "contacts")
_GET_LISTS = Endpoint("GET /contacts/lists", "other", "contacts")
_POST_LIST = Endpoint("POST /contacts/lists", "other", "contacts")
_GET_FOLDERS = Endpoint("GET /contacts/folders", "other", "contacts")
_POST_FOLDER = Endpoint("POST /contacts/folders", "other", "contacts")

MOST_EVENTS, MOST_ORDERS, MOST_PRODUCTS, MOST_CATEGORIES = 200, 1_000, 100, 100
_LARGEST_PAGE = 50  # of lists, folders and processes
_LARGEST_PAGE_OF_EVENTS = 1_000
_SEPARATOR = re.compile(r"[;,\t\r\n]")

Document = dict[str, object]


class Contact(msgspec.Struct, rename="camel"):
    id: int
    email: str = ""
    email_blacklisted: bool = False
    list_ids: list[int] = []
    attributes: dict[str, object] = {}
    created_at: str = ""  # ISO 8601

    @property
    def created_ms(self) -> int:
        """Unix ms; 0 when Brevo does not tell."""
        return int(datetime.fromisoformat(self.created_at).timestamp() * 1000) if self.created_at else 0


class Attribute(msgspec.Struct):
    name: str
    category: str
    type: str = ""


class Named(msgspec.Struct):
    """A list or a folder."""

    id: int
    name: str


class _Info(msgspec.Struct, rename={"reports": "import"}):
    reports: dict[str, object] = {}


class Process(msgspec.Struct):
    """An import. ``reports``: why rows were refused (`invalid_emails`, `duplicate_phone_id`, …) -> URL of a CSV."""

    id: int
    status: str
    name: str = ""
    info: _Info | None = None

    @property
    def over(self) -> bool:
        return self.status in ("completed", "failed", "cancelled")

    @property
    def reports(self) -> dict[str, str]:
        found = self.info.reports if self.info else {}
        return {name: url for name, url in found.items() if isinstance(url, str) and url}


class FoundEvent(msgspec.Struct):
    event_name: str = ""
    event_properties: dict[str, object] | None = None


class _Attributes(msgspec.Struct):
    attributes: list[Attribute] = []


class _Lists(msgspec.Struct):
    lists: list[Named] = []


class _Folders(msgspec.Struct):
    folders: list[Named] = []


class _Processes(msgspec.Struct):
    processes: list[Process] = []


class _Events(msgspec.Struct):
    events: list[FoundEvent] = []


class _Created(msgspec.Struct):
    id: int


class _Started(msgspec.Struct):
    processId: int  # noqa: N815 - as Brevo names it


class _Counted(msgspec.Struct):
    count: int


class _EventError(msgspec.Struct):
    eventIndex: list[int] | int  # noqa: N815 - as Brevo names it
    message: str = ""


class _Partial(msgspec.Struct):
    errors: list[_EventError] = []


class Account(Client):
    """Every call returns what is said at it, or raises a BrevoError (connectors.brevo.errors)."""

    # --- contacts -----------------------------------------------------------------------------------------------------

    async def contact(self, email: str) -> Contact:
        return await self.read(_GET_CONTACT, _of_contact(email), Contact)

    async def update_contact(self, email: str, body: Document) -> None:
        """Raises NotFound when there is no such contact, Clash when an identifier is another contact's."""
        await self.request(_PUT_CONTACT, _of_contact(email), body=body)

    async def create_contact(self, body: Document) -> None:
        """Raises Clash when the e-mail or another identifier is taken."""
        await self.request(POST_CONTACT, "/contacts", body=body)

    async def delete_contact(self, email: str) -> None:
        """Raises NotFound; NotAllowed for the account's own address."""
        await self.request(_DELETE_CONTACT, _of_contact(email))

    async def import_contacts(
        self, rows: Sequence[msgspec.Raw], lists: Sequence[int], *, update: bool, blocklist: bool
    ) -> int:
        """The id of the process that carries it out. ``rows``: JSON of `{"email", "attributes"}`, at most 8 MB.

        ``update``: existing contacts too. ``blocklist``: all rows; the flag is left out otherwise, since false would
        lift somebody's blocklisting.
        """
        body: Document = {"jsonBody": rows, "listIds": lists, "updateExistingContacts": update}
        body |= {"disableNotification": True} | ({"emailBlacklist": True} if blocklist else {})
        return (await self.read(_IMPORT, "/contacts/import", _Started, body=body)).processId

    async def process(self, number: int) -> Process:
        return await self.read(_GET_PROCESS, f"/processes/{number}", Process)

    async def processes(self) -> list[Process]:
        """The newest ones."""
        params = {**_page(_LARGEST_PAGE, 0), "sort": "desc"}
        return (await self.read(_GET_PROCESSES, "/processes", _Processes, params=params)).processes

    async def refused_rows(self, process: Process) -> set[str]:
        """All cells of an import's reports, in lower case: the e-mails of the rows that it did not take are among them.

        Which columns the reports have is not published; what is no valid e-mail is told there as it was sent.
        """
        texts = [await self.file(url) for url in process.reports.values()]
        return {cell.strip(" \"'").lower() for text in texts for cell in _SEPARATOR.split(text)}

    # --- events -------------------------------------------------------------------------------------------------------

    async def send_event(self, event: Document, slot: Slot | None = None) -> None:
        await self.request(POST_EVENT, "/events", body=event, slot=slot)

    async def send_events(self, events: Sequence[Document], slot: Slot | None = None) -> dict[int, str]:
        """Place -> message of the events that were not taken (207, or 400 when that is all of them).

        Raises InDoubt when Brevo accepted another number than were sent.
        """
        try:
            response = await self.request(POST_EVENTS, "/events/batch", body={"events": events}, slot=slot)
        except Refused as error:
            return {place: str(error) for place in range(len(events))}
        if response.status_code == 207:
            errors = decoded(response, _Partial, POST_EVENTS).errors
            return {place: error.message for error in errors for place in _places(error.eventIndex)}
        if decoded(response, _Counted, POST_EVENTS).count != len(events):
            raise garbage(response, POST_EVENTS.name)
        return {}

    async def events(self, name: str, since: int, until: int) -> AsyncIterator[FoundEvent]:
        """Custom events of that name with a date in [since, until] (Unix ms)."""
        params: dict[str, str | int | Sequence[str]] = {
            "event_name": [name],
            "startDate": iso_milliseconds(since),
            "endDate": iso_milliseconds(until),
        }

        async def page(limit: int, offset: int) -> list[FoundEvent]:
            window = {**params, "limit": limit, "offset": offset}
            return (await self.read(_GET_EVENTS, "/events", _Events, params=window)).events

        async for event in pages(page, _LARGEST_PAGE_OF_EVENTS):
            yield event

    # --- commerce -----------------------------------------------------------------------------------------------------

    async def put_order(self, order: object) -> None:
        await self.request(_POST_ORDER, "/orders/status", body=order)

    async def put_orders(self, orders: Sequence[object], *, historical: bool) -> int:
        """How many were taken on; Brevo tells no single results. Historical ones start no workflow."""
        body = {"orders": orders, "historical": historical}
        return (await self.read(_POST_ORDERS, "/orders/status/batch", _Counted, body=body)).count

    async def put_products(self, products: Sequence[Document]) -> None:
        """Each id once. Raises Refused for all when one is wrong."""
        await self.request(_POST_PRODUCTS, "/products/batch", body={"products": products, "updateEnabled": True})

    async def put_categories(self, categories: Sequence[Document]) -> None:
        """As ``put_products``."""
        await self.request(
            _POST_CATEGORIES, "/categories/batch", body={"categories": categories, "updateEnabled": True}
        )

    # --- schema -------------------------------------------------------------------------------------------------------

    async def attributes(self) -> list[Attribute]:
        return (await self.read(_GET_ATTRIBUTES, "/contacts/attributes", _Attributes)).attributes

    async def create_attribute(self, name: str, kind: str) -> None:
        await self.request(_POST_ATTRIBUTE, f"/contacts/attributes/normal/{name}", body={"type": kind})

    async def lists(self) -> list[Named]:
        async def page(limit: int, offset: int) -> list[Named]:
            return (await self.read(_GET_LISTS, "/contacts/lists", _Lists, params=_page(limit, offset))).lists

        return [item async for item in pages(page, _LARGEST_PAGE)]

    async def create_list(self, name: str, folder: int) -> int:
        body = {"name": name, "folderId": folder}
        return (await self.read(_POST_LIST, "/contacts/lists", _Created, body=body)).id

    async def folders(self) -> list[Named]:
        async def page(limit: int, offset: int) -> list[Named]:
            return (await self.read(_GET_FOLDERS, "/contacts/folders", _Folders, params=_page(limit, offset))).folders

        return [item async for item in pages(page, _LARGEST_PAGE)]

    async def create_folder(self, name: str) -> int:
        return (await self.read(_POST_FOLDER, "/contacts/folders", _Created, body={"name": name})).id


def iso_milliseconds(when: int) -> str:
    """Unix ms as `2026-11-24T10:00:00.000Z`."""
    return datetime.fromtimestamp(when / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_seconds(when: int) -> str:
    """Unix ms as `2026-11-24T10:00:00Z`, the form that orders take."""
    return datetime.fromtimestamp(when // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _of_contact(email: str) -> str:
    return "/contacts/" + quote(email, safe="")


def _page(limit: int, offset: int) -> dict[str, str | int | Sequence[str]]:
    return {"limit": limit, "offset": offset}


def _places(index: list[int] | int) -> list[int]:
    return index if isinstance(index, list) else [index]
