"""``/webhooks``: kept and listed. What they are told is in `notifications`."""

from starlette.requests import Request
from starlette.responses import Response

from emulators.brevo import moments
from emulators.brevo.account import Account
from emulators.brevo.body import Body
from emulators.brevo.errors import invalid, json_response, missing, no_content, not_found

# By type, as in the description of the specification's field ``events``.
EVENTS = {
    "transactional": {
        *("sent", "request", "delivered", "hardBounce", "softBounce", "blocked", "spam", "invalid", "deferred"),
        *("click", "opened", "uniqueOpened", "unsubscribed"),
    },
    "marketing": {"unsubscribed", "listAddition", "delivered", "hardBounce", "softBounce", "spam", "click", "opened"},
    "inbound": {"inboundEmailProcessed"},
}


class WebhookCalls:
    def __init__(self, account: Account) -> None:
        self._account = account
        self._webhooks = account.state.webhooks

    async def listed(self, request: Request) -> Response:
        kind = request.query_params.get("type")
        if kind is not None and kind not in EVENTS:
            raise invalid(f"type is {kind!r}, but one of {', '.join(EVENTS)} is expected")
        return json_response({"webhooks": [hook for hook in self._webhooks.values() if kind in (None, hook["type"])]})

    async def create(self, request: Request) -> Response:
        body = await Body.of(request)
        kind = body.text("type") or "transactional"
        url = body.required_text("url")
        fields = _fields(body, kind)
        if "events" not in fields:
            raise missing("events is missing")
        if any(hook["url"] == url and hook["type"] == kind for hook in self._webhooks.values()):
            raise invalid(f"A webhook of type {kind} with this url exists already")
        number = self._account.next_id("webhook")
        created = moments.written(self._account.now())
        self._webhooks[number] = {
            "id": number,
            "type": kind,
            "isActive": True,
            "createdAt": created,
            "modifiedAt": created,
            **fields,
        }
        return json_response({"id": number}, 201)

    async def get(self, request: Request) -> Response:
        return json_response(self._named(request))

    async def update(self, request: Request) -> Response:
        hook = self._named(request)
        fields = _fields(await Body.of(request), str(hook["type"]))
        hook.update(fields, modifiedAt=moments.written(self._account.now()))
        return no_content()

    async def delete(self, request: Request) -> Response:
        del self._webhooks[int(str(self._named(request)["id"]))]
        return no_content()

    def _named(self, request: Request) -> dict[str, object]:
        text = request.path_params["webhook_id"]
        found = self._webhooks.get(int(text)) if text.isdecimal() else None
        if found is None:
            raise not_found("Webhook does not exist")
        return found


def _fields(body: Body, kind: str) -> dict[str, object]:
    if kind not in EVENTS:
        raise invalid(f"type is {kind!r}, but one of {', '.join(EVENTS)} is expected")
    url, events = body.text("url"), body.texts("events")
    if url is not None and not url.startswith(("https://", "http://")):
        raise invalid(f"url is {url!r}, but an absolute http address is expected")
    wrong = sorted(set(events or []) - EVENTS[kind])
    if wrong or events == []:
        raise invalid(f"events contains {', '.join(wrong) or 'nothing'}, which type {kind} does not offer")
    given = {"url": url, "events": events, "description": body.text("description"), "domain": body.text("domain")}
    return {name: value for name, value in given.items() if value is not None}
