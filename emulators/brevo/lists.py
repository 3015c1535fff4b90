"""``/contacts/lists`` and ``/contacts/folders`` (https://developers.brevo.com/reference/getlists)."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from emulators.brevo import moments
from emulators.brevo.account import Account
from emulators.brevo.body import Body, Page
from emulators.brevo.contacts import listing
from emulators.brevo.directory import Contact
from emulators.brevo.errors import invalid, json_response, no_content, not_found, out_of_range
from emulators.brevo.state import ContactList

LARGEST_CHANGE = 150


class ListCalls:
    def __init__(self, account: Account) -> None:
        self._account = account
        self._state = account.state

    async def listed(self, request: Request) -> Response:
        page = Page.of(request, default=10, largest=50)
        found = [self._written(item) for _, item in sorted(self._state.lists.items())]
        return json_response({"count": len(found), "lists": page.cut(found)})

    async def get(self, request: Request) -> Response:
        item = self._named(request)
        return json_response(self._written(item) | {"createdAt": moments.written(item.created_at)})

    async def create(self, request: Request) -> Response:
        body = await Body.of(request)
        name, folder = body.required_text("name"), int(body.required_number("folderId"))
        return json_response({"id": self.add(name, folder)}, 201)

    def add(self, name: str, folder: int) -> int:
        if folder not in self._state.folders:
            raise invalid(f"Folder {folder} does not exist")
        number = self._account.next_id("list", max(self._state.lists, default=0))
        self._state.lists[number] = ContactList(number, name, folder, self._account.now())
        return number

    async def delete(self, request: Request) -> Response:
        item = self._named(request)
        for contact in self._state.directory.contacts.values():
            contact.list_ids.discard(item.id)
        del self._state.lists[item.id]
        return no_content()

    async def members(self, request: Request) -> Response:
        item = self._named(request)
        page = Page.of(request, default=50, largest=500)
        members = [contact for contact in self._state.directory.contacts.values() if item.id in contact.list_ids]
        return listing(request, page, members)

    async def add_members(self, request: Request) -> Response:
        number = self._named(request).id

        def add(contact: Contact) -> bool:
            added = number not in contact.list_ids
            contact.list_ids.add(number)
            return added

        return await self._change(request, add, "Contact already in list and/or does not exist")

    async def remove_members(self, request: Request) -> Response:
        number = self._named(request).id

        def remove(contact: Contact) -> bool:
            removed = number in contact.list_ids
            contact.list_ids.discard(number)
            return removed

        return await self._change(request, remove, "Contact already removed from list and/or does not exist")

    async def _change(self, request: Request, change: Callable[[Contact], bool], nobody: str) -> Response:
        """Brevo calls a member of the list a failure; when all failed, it answers 400 in place of telling them."""
        asked = _asked(await Body.of(request))
        success: list[str | int] = []
        failure: list[str | int] = []
        for kind, value in asked:
            shown = int(value) if kind == "id" else value
            contact = self._state.directory.find(kind, value)
            done = contact is not None and change(contact)
            if contact is not None and done:
                contact.modified_at = self._account.now()
            (success if done else failure).append(shown)
        if not success:
            raise invalid(nobody)
        return json_response({"contacts": {"success": success, "failure": failure, "total": len(success)}}, 201)

    def _named(self, request: Request) -> ContactList:
        text = request.path_params["list_id"]
        if not text.isdecimal():
            raise invalid(f"The list id is {text!r}, but a number is expected")
        found = self._state.lists.get(int(text))
        if found is None:
            raise not_found(f"List {text} does not exist")
        return found

    def _written(self, item: ContactList) -> dict[str, object]:
        members = sum(item.id in contact.list_ids for contact in self._state.directory.contacts.values())
        # The two totals are being dropped and stand at 0.
        totals = {"totalSubscribers": 0, "totalBlacklisted": 0, "uniqueSubscribers": members}
        return {"id": item.id, "name": item.name, "folderId": item.folder_id, **totals}


def _asked(body: Body) -> list[tuple[str, str]]:
    field = body.one_of("emails", "ids", "extIds")
    if field == "ids":
        found = [("id", str(number)) for number in body.integers("ids") or []]
    elif field == "emails":
        found = [("email", email.strip().lower()) for email in body.texts("emails") or []]
    else:
        found = [("EXT_ID", ext_id) for ext_id in body.texts("extIds") or []]
    if not 1 <= len(found) <= LARGEST_CHANGE:
        raise out_of_range(f"{field} has {len(found)} entries, but 1 to {LARGEST_CHANGE} are expected")
    return found


class FolderCalls:
    def __init__(self, account: Account) -> None:
        self._account = account
        self._folders = account.state.folders

    async def listed(self, request: Request) -> Response:
        page = Page.of(request, default=10, largest=50)
        totals = {"totalSubscribers": 0, "totalBlacklisted": 0, "uniqueSubscribers": 0}
        found = [{"id": number, "name": name, **totals} for number, name in sorted(self._folders.items())]
        return json_response({"count": len(found), "folders": page.cut(found)})

    async def create(self, request: Request) -> Response:
        name = (await Body.of(request)).required_text("name")
        number = self._account.next_id("folder", max(self._folders, default=0))
        self._folders[number] = name
        return json_response({"id": number}, 201)
