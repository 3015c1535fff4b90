"""Who may use the control API.

`token`     who shows a token of this installation
`loopback`  also who is on this machine. Behind a proxy on the same machine everybody seems to be, hence: the peer is a
            loopback address, no proxy says that it forwards, and the request names this machine as its host (a page of
            another site, which makes a browser ask its own name here, does not)
"""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Final, Literal

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.control.failures import Failures
from gateway.control.ports import Tokens
from gateway.control.resource import CLIENT, told
from gateway.delivery import SEAL, Client
from gateway.metrics import Metrics

Mode = Literal["token", "loopback"]
_BEARER: Final = b"bearer "
_FORWARDED: Final = frozenset(
    (b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip")
)
_log = structlog.get_logger("gateway.control")


class Guard:
    """Lets requests of a Client through to ``app``; others are answered 401, 429, or 503 while tokens are unknown."""

    def __init__(self, app: ASGIApp, tokens: Tokens, mode: Mode, metrics: Metrics, failures: Failures) -> None:
        self._app, self._tokens, self._mode, self._metrics = app, tokens, mode, metrics
        self._failures = failures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "OPTIONS":  # what a browser asks for another site; no request of ours needs it
            await told(405, "OPTIONS is not answered here.", {"allow": "GET, POST, DELETE"})(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        offered = _token(headers.get(b"authorization", b""))
        name = self._tokens.holder(offered) if offered else None
        if name is None and self._mode == "loopback" and not offered and is_here(scope, headers):
            name = "this machine"
        if name is not None:
            scope[CLIENT] = Client(name, seal=SEAL)
            await self._app(scope, receive, send)
            return
        await self._refused(scope, receive, send, offered)

    async def _refused(self, scope: Scope, receive: Receive, send: Send, offered: str) -> None:
        if offered and not self._tokens.known:
            answer = told(503, "The tokens have not been read from Kafka yet: try again in a moment.")
        elif wait := self._failures.count(_address(scope)):
            self._metrics.control_refused.labels("limited").inc()
            answer = told(429, f"Too many requests without a valid token: wait {wait} s.", {"retry-after": str(wait)})
        else:
            reason = "unknown" if offered else "absent"
            self._metrics.control_refused.labels(reason).inc()
            _log.warning("a request to the control API was refused", token=reason, address=_address(scope))
            found = "No installation's token" if offered else "A token is needed"
            answer = told(
                401,
                f"{found}: `tajo token create` makes one; send it as `Authorization: Bearer <token>`.",
            )
        await answer(scope, receive, send)


def is_here(scope: Scope, headers: Mapping[bytes, bytes]) -> bool:
    """Whether the request was made on this machine, for this machine, without a proxy in between."""
    host = headers.get(b"host", b"").decode("latin-1")
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return not _FORWARDED & headers.keys() and _is_loopback(_address(scope)) and _is_loopback(name)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _address(scope: Scope) -> str:
    return str(scope["client"][0]) if scope.get("client") else ""


def _token(header: bytes) -> str:
    """'' without one."""
    if header[:7].lower() != _BEARER:
        return ""
    return header[7:].strip().decode("latin-1")
