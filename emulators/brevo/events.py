"""``/events``, ``/events/batch`` and the older tracker (https://developers.brevo.com/docs/event-endpoints).

Whether Brevo makes a contact of an unknown e-mail is not published: here it makes none, keeps the event and counts it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from starlette.requests import Request
from starlette.responses import Response

from emulators.brevo import moments
from emulators.brevo.account import Account
from emulators.brevo.attributes import Value
from emulators.brevo.body import Body, Page
from emulators.brevo.directory import Change, Contact, normalised
from emulators.brevo.errors import Refusal, invalid, json_response, missing, no_content, out_of_range
from emulators.brevo.faults import Faults
from emulators.brevo.state import Event

LARGEST_BATCH = 200
LARGEST_BATCH_BYTES = 512 * 1024
LARGEST_PROPERTIES_BYTES = 50 * 1024
ACCEPTED = "Batch accepted. Valid events have been added to the processing queue."
_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")

# Name in a request's identifiers: name in the directory; contact_id wins over all others.
IDENTIFIERS = {
    "contact_id": "id",
    "ext_id": "EXT_ID",
    "email_id": "email",
    "phone_id": "SMS",
    "whatsapp_id": "WHATSAPP",
    "landline_number_id": "LANDLINE_NUMBER",
}


@dataclass
class Draft:
    """An event that was read and found right, and is not accepted yet."""

    name: str
    date: int
    identifiers: dict[str, object]
    properties: dict[str, object]
    contact_properties: dict[str, Value | None]
    object_type: str = ""


class EventCalls:
    def __init__(self, account: Account, faults: Faults, tracker_key: str) -> None:
        self._account = account
        self._state = account.state
        self._faults = faults
        self.tracker_key = tracker_key

    async def create(self, request: Request) -> Response:
        self._accept(self._read(await Body.of(request)), "events")
        return no_content()

    async def create_batch(self, request: Request) -> Response:
        raw = await request.body()
        if len(raw) > LARGEST_BATCH_BYTES:
            raise out_of_range(f"The body has {len(raw)} bytes, but at most {LARGEST_BATCH_BYTES} are allowed")
        bodies = (await Body.of(request)).records("events")
        if not 1 <= len(bodies) <= LARGEST_BATCH:
            raise out_of_range(f"events has {len(bodies)} entries, but 1 to {LARGEST_BATCH} are expected")
        partial = self._faults.next_partial()
        errors: dict[str, list[int]] = {}
        for index, body in enumerate(bodies):
            try:
                if index in partial:
                    raise invalid("The event could not be processed")
                self._accept(self._read(body), "batch")
            except Refusal as refusal:
                errors.setdefault(refusal.message, []).append(index)
        return _batch_answer(len(bodies), errors)

    async def listed(self, request: Request) -> Response:
        """Events of the event endpoints, newest first; not those of the tracker."""
        page = Page.of(request, default=100, largest=10_000)
        fits = Filter(request)
        found = sorted(
            (event for event in self._state.events if event.via != "tracker" and fits(event)),
            key=lambda event: (event.date, event.number),
        )
        return json_response({"events": [_written(event) for event in page.cut(found)], "count": len(found)})

    async def track(self, request: Request) -> Response:
        """``POST /api/v2/trackEvent``, with its own key."""
        if request.headers.get("ma-key") != self.tracker_key:
            raise Refusal(401, "unauthorized", "ma-key is missing or unknown")
        body = await Body.of(request)
        email = normalised(body.required_text("email"))
        properties, data = body.record("properties"), body.record("eventdata")
        values = properties.values if properties else {}
        if {"email", "event"} & values.keys():
            raise invalid("properties must not contain email or event")
        draft = Draft(
            name=body.required_text("event"),
            date=self._account.now(),
            identifiers={"email_id": email},
            properties=data.values if data else {},
            contact_properties=self._state.schema.kept(values),
        )
        self._accept(draft, "tracker")
        return no_content()

    def _read(self, body: Body) -> Draft:
        name = body.required_text("event_name", 255)
        if not _NAME.fullmatch(name):
            raise invalid(f"event_name is {name!r}, but letters, digits, _ and - are expected")
        given, date, about = body.record("event_properties"), body.text("event_date"), body.record("object")
        properties = given.values if given else {}
        if len(orjson.dumps(properties)) > LARGEST_PROPERTIES_BYTES:
            raise out_of_range(f"event_properties has more than {LARGEST_PROPERTIES_BYTES} bytes")
        _check_keys(properties)
        contact = body.record("contact_properties")
        return Draft(
            name=name,
            date=moments.read(date, "event_date") if date else self._account.now(),
            identifiers=_identifiers(body),
            properties=properties,
            contact_properties=self._state.schema.kept(contact.values) if contact else {},
            object_type=(about.text("type") or "") if about else "",
        )

    def _accept(self, draft: Draft, via: str) -> None:
        contact = self._contact(draft.identifiers)
        if contact is not None and draft.contact_properties:
            change = Change(by=f"event ({via})", attributes=draft.contact_properties)
            contact = self._state.directory.update(contact, change, self._account.now())
        self._state.events.append(
            Event(
                number=len(self._state.events) + 1,
                at=self._account.now(),
                name=draft.name,
                date=draft.date,
                email=contact.email if contact else str(draft.identifiers.get("email_id", "")),
                contact_id=contact.id if contact else None,
                identifiers=draft.identifiers,
                properties=draft.properties,
                contact_properties=draft.contact_properties,
                object_type=draft.object_type,
                via=via,
            )
        )

    def _contact(self, identifiers: Mapping[str, object]) -> Contact | None:
        for name, kind in IDENTIFIERS.items():
            if name in identifiers:
                return self._state.directory.find(kind, str(identifiers[name]))
        return None


def _identifiers(body: Body) -> dict[str, object]:
    given = body.record("identifiers")
    if given is None:
        raise missing("identifiers is missing")
    found: dict[str, object] = {
        name: given.integer(name) if name == "contact_id" else given.text(name)
        for name in IDENTIFIERS
        if given.values.get(name) not in (None, "")
    }
    if not found:
        raise missing(f"identifiers needs one of {', '.join(IDENTIFIERS)}")
    if "email_id" in found:
        found["email_id"] = normalised(str(found["email_id"]))
    return found


def _check_keys(value: object) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            if not _NAME.fullmatch(key):
                raise invalid(f"event_properties has the key {key!r}, but letters, digits, _ and - are expected")
            _check_keys(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_keys(inner)


def _batch_answer(total: int, errors: dict[str, list[int]]) -> Response:
    failed = sum(map(len, errors.values()))
    if not failed:
        return json_response({"message": ACCEPTED, "count": total}, 202)
    body = {
        "status": "failed" if failed == total else "partial_success",
        "total_events": total,
        "successful_events": total - failed,
        "failed_events": failed,
        "errors": [{"eventIndex": indexes, "message": message} for message, indexes in errors.items()],
    }
    return json_response(body, 400 if failed == total else 207)


class Filter:
    def __init__(self, request: Request) -> None:
        query = request.query_params
        self._names = set(query.getlist("event_name"))
        self._contacts = set(query.getlist("contact_id"))
        self._types = set(query.getlist("object_type"))
        start, end = query.get("startDate"), query.get("endDate")
        if (start is None) != (end is None):
            raise missing("startDate and endDate are only available together")
        self._start = moments.read(start, "startDate") if start else None
        self._end = _end_of(end) if end else None

    def __call__(self, event: Event) -> bool:
        return (
            (not self._names or event.name in self._names)
            and (not self._contacts or str(event.contact_id) in self._contacts)
            and (not self._types or event.object_type in self._types)
            and (self._start is None or event.date >= self._start)
            and (self._end is None or event.date <= self._end)
        )


def _end_of(text: str) -> int:
    """A date without a time means the whole day."""
    return moments.read(text, "endDate") + (86_399_999 if moments.is_date(text) else 0)


def _written(event: Event) -> dict[str, object]:
    return {
        "contact_id": event.contact_id,
        "event_date": moments.written(event.date),
        "event_name": event.name,
        "object_type": event.object_type or None,
        "event_properties": event.properties,
        "contact_properties": event.contact_properties,
    }
