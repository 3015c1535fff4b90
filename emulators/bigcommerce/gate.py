"""What a request passes before it reaches a route: faults, quota, token, scopes. Quota headers are on all answers."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from emulators.bigcommerce.answers import v2_error, v3_error
from emulators.bigcommerce.faults import Fault, Faults, Kind
from emulators.bigcommerce.quota import Quota, Share

# The OAuth scope that each part of the API asks for; what is not named here goes with any token.
SCOPES = {
    "/v2/orders": "store_v2_orders",
    "/v2/order_statuses": "store_v2_orders",
    "/v3/orders": "store_v2_orders",
    "/v2/customer_groups": "store_v2_customers",
    "/v3/customers": "store_v2_customers",
    "/v3/carts": "store_cart",
    "/v3/abandoned-carts": "store_cart",
    "/v3/catalog": "store_v2_products",
    "/v2/store": "store_v2_information",
    "/v3/channels": "store_channel_settings",
}


@dataclass(slots=True)
class Gate:
    """``missing`` scopes can be changed at any time, and so can ``token``. ``requests`` counts by method and part."""

    app: ASGIApp
    store_hash: str
    token: str
    quota: Quota
    faults: Faults
    missing: set[str]
    requests: Counter[str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        path = _within_store(request.url.path)
        self.requests[f"{request.method} {_part(path)}"] += 1
        fault = self.faults.take(path)
        if fault is not None and fault.kind is Kind.HANG:
            await _until_gone(receive)
            return
        share = self.quota.take()
        if fault is not None and fault.kind is Kind.LIMITED:
            share = replace(share, allowed=False, left=0)
        answer = self._early(request, path, fault, share)
        bare = fault is not None and fault.kind is Kind.BARE_LIMITED
        outwards = send if bare else _with_headers(send, share.headers())
        await (answer or self.app)(scope, receive, outwards)

    def _early(self, request: Request, path: str, fault: Fault | None, share: Share) -> Response | None:
        """An answer that keeps the request from its route."""
        if fault is not None and fault.kind is Kind.GARBAGE:
            return Response('{"data": [{"id": 1, "na', media_type="application/json")
        if not share.allowed or (fault is not None and fault.kind is Kind.BARE_LIMITED):
            return Response('{"status":429,"title":"Too many requests"}', 429, media_type="application/json")
        if fault is not None:
            return _error(request, path, fault.status, "The service has a trouble that was asked for.")
        if not request.url.path.startswith(f"/stores/{self.store_hash}/"):
            return _error(request, path, 404, "There is no such store.")
        if Headers(scope=request.scope).get("x-auth-token") != self.token:
            title = (
                "Unauthorized - the Auth client ID or token in the request are not a valid combination for this store."
            )
            return _error(request, path, 401, title)
        wanted = next((scope for part, scope in SCOPES.items() if f"{path}/".startswith(f"{part}/")), None)
        if wanted in self.missing:
            return _error(request, path, 403, "You don't have a required scope to access the endpoint")
        return None


def _within_store(path: str) -> str:
    """``/v3/customers`` of ``/stores/abc/v3/customers``."""
    return "/" + "/".join(path.split("/")[3:])


def _part(path: str) -> str:
    return "/".join(segment for segment in path.split("/")[:4] if not _is_id(segment))


def _is_id(segment: str) -> bool:
    return segment.isdigit() or len(segment) >= 32


def _error(request: Request, path: str, status: int, title: str) -> Response:
    return v2_error(request, status, title) if path.startswith("/v2/") else v3_error(status, title, {})


def _with_headers(send: Send, headers: Mapping[str, str]) -> Send:
    added = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            names = {name for name, _ in added}
            kept = [(name, value) for name, value in message.get("headers", []) if name not in names]
            message = {**message, "headers": [*kept, *added]}
        await send(message)

    return sending


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def missing_scopes(names: Collection[str]) -> set[str]:
    """Raises ``ValueError`` for a scope that no part of the emulator asks for."""
    unknown = set(names) - set(SCOPES.values())
    if unknown:
        known = ", ".join(sorted(set(SCOPES.values())))
        raise ValueError(f"{sorted(unknown)} are no OAuth scopes of this emulator: it asks for {known}.")
    return set(names)
