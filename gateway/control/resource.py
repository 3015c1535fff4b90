"""One address of the control API: its methods, what a request has to be, and how errors are told."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec
import structlog
from pydantic import BaseModel, ValidationError
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.body import whole
from gateway.control.models import Trouble
from gateway.delivery import Client
from gateway.errors import ClientGone, Declined, NotDurable, TooLarge, Untrusted
from gateway.patience import Patience
from schemas.errors import BadRecord

BODY_LIMIT: Final = 64 << 10
BODY_SECONDS: Final = 10.0
CLIENT: Final = "tajo.client"
"""Where the guard leaves the Client in the scope."""

M = TypeVar("M", bound=BaseModel)
_log = structlog.get_logger("gateway.control")


@dataclass(frozen=True, slots=True)
class Call:
    """``body``: decoded JSON, None without one. ``path``: the parameters of the address."""

    client: Client
    path: Mapping[str, str]
    body: Any

    def read(self, model: type[M]) -> M:
        """Raises Declined (422), which names what is wrong and shows no value: it may be a secret."""
        try:
            return model.model_validate(self.body)
        except ValidationError as error:
            said = "; ".join(f"{_place(one['loc'])}{one['msg']}" for one in error.errors(include_input=False)[:5])
            raise Declined(422, f"The body is not as described: {said}.") from None


Handler = Callable[[Call], Awaitable[tuple[int, BaseModel | dict[str, Any]]]]


class Resource:
    """``handlers`` by method. An ASGI application, so that every other method is answered here."""

    def __init__(self, **handlers: Handler) -> None:
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await self._answer(scope, receive)
        except Declined as error:
            answer = told(error.status, str(error), error.headers)
        except Untrusted as error:
            answer = told(401, f"The delivery is not trusted ({error.reason}): compare it with the configuration.")
        except BadRecord as error:
            answer = told(422, str(error))
        except TooLarge as error:
            answer = told(413, str(error), {"connection": "close"})
        except ClientGone as error:
            answer = told(408, str(error), {"connection": "close"})
        except NotDurable as error:
            _log.error("a delivery was not taken", reason=str(error))
            answer = told(503, "Neither Kafka nor the spool has taken it: send it again later.")
        except Exception:
            _log.exception("a request failed", path=scope["path"])
            answer = told(500, "This request met a fault of the gateway; its log says more.")
        await answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        handler = self._handlers.get(scope["method"])
        if handler is None:
            allowed = ", ".join(sorted(self._handlers))
            raise Declined(405, f"{scope['method']} is not for this address, only {allowed}.", {"allow": allowed})
        body = await _json(scope, receive) if scope["method"] == "POST" else None
        status, content = await handler(Call(scope[CLIENT], scope.get("path_params", {}), body))
        return _json_answer(status, content)


async def _json(scope: Scope, receive: Receive) -> Any:
    """A browser sends this type to another site only after asking by OPTIONS, which nobody answers here."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    kind = headers.get(b"content-type", b"")
    if kind.partition(b";")[0].strip().lower() != b"application/json":
        raise Declined(415, "The body has to be JSON, with the header Content-Type: application/json.")
    body = await whole(headers, receive, limit=BODY_LIMIT, patience=Patience(BODY_SECONDS))
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise Declined(422, "The body is no JSON that can be read.") from None


def told(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error. Every 401 names the scheme (RFC 9110, 11.6.1)."""
    more = {"www-authenticate": "Bearer"} if status == 401 else {}
    return _json_answer(status, Trouble(error=sentence), {**more, **(headers or {})})


def _json_answer(
    status: int, content: BaseModel | dict[str, Any], headers: Mapping[str, str] | None = None
) -> Response:
    data = content.model_dump(mode="json") if isinstance(content, BaseModel) else content
    return Response(msgspec.json.encode(data), status, headers, media_type="application/json")


def _place(path: tuple[int | str, ...]) -> str:
    return f"{'.'.join(map(str, path))}: " if path else ""
