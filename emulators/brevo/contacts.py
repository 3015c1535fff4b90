"""``/contacts`` and ``/contacts/{identifier}`` (https://developers.brevo.com/reference/createcontact)."""

from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import Response

from emulators.brevo import moments
from emulators.brevo.account import Account
from emulators.brevo.attributes import phone
from emulators.brevo.body import Body, Page
from emulators.brevo.directory import Change, Contact, normalised
from emulators.brevo.errors import Refusal, invalid, json_response, missing, no_content, not_found

# identifierType of the query: the directory's name for it.
KINDS = {
    "email_id": "email",
    "contact_id": "id",
    "ext_id": "EXT_ID",
    "phone_id": "SMS",
    "whatsapp_id": "WHATSAPP",
    "landline_number_id": "LANDLINE_NUMBER",
}


def written(contact: Contact) -> dict[str, object]:
    found: dict[str, object] = {
        "id": contact.id,
        "emailBlacklisted": contact.blocklisted,
        "smsBlacklisted": contact.sms_blocklisted,
        "createdAt": moments.written(contact.created_at),
        "modifiedAt": moments.written(contact.modified_at),
        "listIds": sorted(contact.list_ids),
        "attributes": contact.attributes,
    }
    return found | {"email": contact.email} if contact.email else found


def listing(request: Request, page: Page, contacts: Iterable[Contact]) -> Response:
    """A page of contacts after ``modifiedSince`` and ``createdSince``."""
    found = list(contacts)
    if since := request.query_params.get("modifiedSince"):
        found = [contact for contact in found if contact.modified_at >= moments.read(since, "modifiedSince")]
    if since := request.query_params.get("createdSince"):
        found = [contact for contact in found if contact.created_at >= moments.read(since, "createdSince")]
    return json_response({"contacts": [written(contact) for contact in page.cut(found)], "count": len(found)})


class ContactCalls:
    """``owner_email`` is the account's own address, whose contact cannot be deleted."""

    def __init__(self, account: Account, owner_email: str) -> None:
        self._account = account
        self._owner_email = owner_email
        self._directory = account.state.directory

    async def create(self, request: Request) -> Response:
        body = await Body.of(request)
        updates = body.flag("updateEnabled", False)
        if "smtpBlacklistSender" in body.values and not updates:
            raise invalid("smtpBlacklistSender is only available if updateEnabled is true")
        change = self._change(body, "POST /contacts")
        existing = self._addressed(change)
        if existing is not None and updates:
            survivor = self._directory.update(existing, change, self._account.now())
            return json_response({"id": survivor.id}, 201) if body.flag("getId") else no_content()
        contact = self._directory.create(change, self._account.now())
        return json_response({"id": contact.id}, 201)

    async def update(self, request: Request) -> Response:
        contact = self._named(request)
        body = await Body.of(request)
        change = self._change(body, "PUT /contacts/{identifier}")
        change.unlink_list_ids = self._account.check_lists(body.integers("unlinkListIds") or [])
        self._directory.update(contact, change, self._account.now())
        return no_content()

    async def get(self, request: Request) -> Response:
        return json_response(written(self._named(request)))

    async def delete(self, request: Request) -> Response:
        contact = self._named(request)
        if contact.email == self._owner_email:
            message = "You're not allowed to delete registered email contact with Brevo"
            raise Refusal(405, "method_not_allowed", message)
        self._directory.delete(contact)
        return no_content()

    async def listed(self, request: Request) -> Response:
        page = Page.of(request, default=50, largest=1000)
        return listing(request, page, self._directory.contacts.values())

    def _change(self, body: Body, by: str) -> Change:
        attributes = body.record("attributes")
        values = {name.upper(): value for name, value in (attributes.values if attributes else {}).items()}
        email = body.text("email") if by.startswith("POST") else None
        email = email or Body({"EMAIL": values.pop("EMAIL", None)}, "attributes").text("EMAIL")
        if ext_id := body.text("ext_id"):
            values["EXT_ID"] = ext_id
        # Everything that can be refused is read before the first thing is changed.
        return Change(
            by=by,
            email=normalised(email) if email else None,
            attributes=self._account.state.schema.kept(values),
            list_ids=self._account.check_lists(body.integers("listIds") or []),
            blocklisted=body.flag("emailBlacklisted"),
            sms_blocklisted=body.flag("smsBlacklisted"),
            force_merge=bool(body.flag("forceMerge")),
        )

    def _addressed(self, change: Change) -> Contact | None:
        """The contact that a POST is about: by its e-mail, else by ext_id, else by SMS."""
        given = change.identifiers()
        for kind in ("email", "EXT_ID", "SMS"):
            if kind in given:
                return self._directory.find(kind, given[kind])
        raise missing("One of email, ext_id and attributes.SMS is mandatory")

    def _named(self, request: Request) -> Contact:
        identifier = request.path_params["identifier"]
        asked = request.query_params.get("identifierType")
        if asked is not None and asked not in KINDS:
            raise invalid(f"identifierType is {asked!r}, but one of {', '.join(KINDS)} is expected")
        kind = KINDS[asked] if asked else "id" if identifier.isdecimal() else "email"
        contact = self._directory.find(kind, _as_kept(kind, identifier))
        if contact is None:
            raise not_found("Contact does not exist")
        return contact


def _as_kept(kind: str, identifier: str) -> str:
    if kind == "email":
        return normalised(identifier)
    return phone(identifier) if kind in ("SMS", "WHATSAPP", "LANDLINE_NUMBER") else identifier
