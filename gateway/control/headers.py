"""The headers of every answer that is not a webhook's: nothing is framed, guessed, cached or told to another site."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

STRICT: Final = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
_HSTS: Final = (b"strict-transport-security", b"max-age=31536000")


class StrictHeaders:
    """No CORS header is among them: a browser gives no other site our answers, and OPTIONS is not allowed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        added = [*STRICT, _HSTS] if scope.get("scheme") == "https" else [*STRICT]

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *added]}
            await send(message)

        await self._app(scope, receive, sending)
