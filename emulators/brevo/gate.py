"""What stands in front of every endpoint: address, key, limits, faults, and the counting of answers."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from emulators.brevo.errors import Refusal
from emulators.brevo.faults import HTML, Fault, Faults, Hang
from emulators.brevo.limits import Grant, Limits
from emulators.brevo.state import State

Call = Callable[[Request], Awaitable[Response]]
GONE = 499
"""The status given to a client that no longer waits; nobody reads it."""

OPEN = ("tracker", "files")
"""Families outside ``/v3``, where the api key is not asked for."""

MESSAGES = {
    401: ("unauthorized", "Key not found"),
    403: ("permission_denied", "You are not allowed to do this"),
    409: ("duplicate_request", "The same request is being processed"),
    425: ("account_in_process", "Too early: the contact is being processed"),
    429: ("too_many_requests", "The expected rate limit is exceeded"),
}


class Gate:
    """``before`` runs ahead of every call that may pass, so that each finds the account up to date."""

    def __init__(self, state: State, limits: Limits, faults: Faults, before: Callable[[], None]) -> None:
        self.api_key = ""
        self.latency = 0.0
        """Real seconds by which every answer comes later."""
        self._state = state
        self._limits = limits
        self._faults = faults
        self._before = before
        self._numbers = itertools.count(1)

    def route(self, method: str, path: str, family: str, call: Call) -> Route:
        """``path`` without the ``/v3`` that stands before all but those of ``OPEN``."""
        endpoint = f"{method} {path.replace(':path', '')}"

        async def answer(request: Request) -> Response:
            if self.latency:
                await asyncio.sleep(self.latency)
            try:
                response = await self._answer(request, endpoint, family, call)
            except asyncio.CancelledError:
                self._state.requests[family, endpoint, 0] += 1
                raise
            status = 0 if response.status_code == GONE else response.status_code
            self._state.requests[family, endpoint, status] += 1
            response.headers["sib-request-id"] = f"{next(self._numbers):08x}"
            return response

        prefix = "" if family in OPEN else "/v3"
        return Route(prefix + path, answer, methods=[method])

    async def _answer(self, request: Request, endpoint: str, family: str, call: Call) -> Response:
        try:
            if family not in OPEN:
                self._check_key(request)
        except Refusal as refusal:
            return refusal.response()
        grant = self._limits.take(family)
        response = await self._limited(request, grant, endpoint, family, call)
        if grant is not None:
            for name, value in grant.headers().items():
                response.headers.setdefault(name, value)
        return response

    def _check_key(self, request: Request) -> None:
        if self._faults.unrecognised_address:
            raise Refusal(
                401,
                "unauthorized",
                "We have detected you are using an unrecognised IP address. If you performed this action make sure to "
                "add the new IP address in this link: https://app.brevo.com/security/authorised_ips",
            )
        key = request.headers.get("api-key")
        if key is None:
            raise Refusal(401, "unauthorized", "authentication not found in headers")
        if key != self.api_key:
            raise Refusal(401, "unauthorized", "Key not found")

    async def _limited(self, request: Request, grant: Grant | None, endpoint: str, family: str, call: Call) -> Response:
        if grant is not None and not grant.passes:
            return _refused(429).response()
        fault = self._faults.next_for(endpoint, family)
        if fault is None or fault.accepts:
            response = await self._called(request, call)
            return response if fault is None else await _held(request, fault.hang, response)
        if fault.hang is not None:
            await request.body()
            held = await _held(request, fault.hang, None)
            return held if held.status_code == GONE else await self._called(request, call)
        return _faulty(fault)

    async def _called(self, request: Request, call: Call) -> Response:
        try:
            self._before()
            return await call(request)
        except Refusal as refusal:
            return refusal.response()
        except ClientDisconnect:
            return Response(status_code=GONE)


def _refused(status: int) -> Refusal:
    code, message = MESSAGES.get(status, ("bad_request" if status < 500 else "internal_server_error", "Request failed"))
    return Refusal(status, code, message)


def _faulty(fault: Fault) -> Response:
    if fault.html:
        return HTMLResponse(HTML, fault.status)
    response = _refused(fault.status).response()
    if fault.status == 429:
        response.headers["x-sib-ratelimit-remaining"] = "0"
        response.headers["x-sib-ratelimit-reset"] = str(fault.reset)
    return response


async def _held(request: Request, hang: Hang | None, response: Response | None) -> Response:
    """``response`` (or an empty one) after the release, or ``GONE`` when the client gave up first."""
    assert hang is not None, "a fault that accepts always has a hang"
    release = asyncio.create_task(hang.hold())
    gone = asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait({release, gone}, return_when=asyncio.FIRST_COMPLETED)
        return response or Response() if release.done() else Response(status_code=GONE)
    finally:
        await _end(release, gone)


async def _disconnected(request: Request) -> None:
    # The body was read before; what comes after it can only be the disconnect.
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _end(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
