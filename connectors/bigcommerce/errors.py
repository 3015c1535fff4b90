"""What can go wrong with BigCommerce, in one tree. Messages name the request, what was answered, and the cure.

TajoError
└── BigCommerceError
    ├── Unauthorized      401: the access token is not (or no longer) valid; the whole store waits
    ├── MissingScope      403: the token lacks an OAuth scope; this resource waits, others go on
    ├── NotFound          404: there is no such thing (any more)
    ├── Refused           another 4xx: the request itself is not accepted, repeating it would not help
    ├── RateLimited       429 again and again, although it was waited for as told
    ├── Unavailable       5xx, 423, time-outs, broken connections: later it may work
    └── Garbage           an answer that cannot be read as what was asked for
"""

from schemas.errors import TajoError


class BigCommerceError(TajoError):
    """``request``: method and path. ``status``: of the answer, 0 when there was none."""

    def __init__(self, message: str, *, request: str, status: int = 0) -> None:
        super().__init__(message)
        self.request = request
        self.status = status


class Unauthorized(BigCommerceError):
    """The access token is not valid: replace it, and the store goes on by itself."""


class MissingScope(BigCommerceError):
    """``scope``: the name of the OAuth scope that the token lacks."""

    def __init__(self, message: str, *, request: str, status: int, scope: str) -> None:
        super().__init__(message, request=request, status=status)
        self.scope = scope


class NotFound(BigCommerceError):
    """There is nothing at that path."""


class Refused(BigCommerceError):
    """BigCommerce does not accept this request, and will not when it is repeated."""


class RateLimited(BigCommerceError):
    """The quota was refused again and again."""


class Unavailable(BigCommerceError):
    """No usable answer now: a fault of the server or of the way to it."""


class Garbage(BigCommerceError):
    """The answer is not what the API describes."""


def error_of(status: int, body: bytes, *, request: str, scope: str) -> BigCommerceError:
    """The error for an answer of 400 or more; ``scope``: the OAuth scope that the path needs."""
    said = _said(body)
    if status == 401:
        return Unauthorized(
            f"BigCommerce does not accept the access token ({request} was answered 401{said}): "
            "create a new API account in the store's control panel and replace the token.",
            request=request,
            status=status,
        )
    if status == 403:
        return MissingScope(
            f"The access token lacks the OAuth scope {scope} ({request} was answered 403{said}): "
            f"give the API account {scope} and replace the token.",
            request=request,
            status=status,
            scope=scope,
        )
    if status == 404:
        return NotFound(f"There is nothing at {request} (404{said}).", request=request, status=status)
    if status == 423 or status >= 500:
        return Unavailable(
            f"BigCommerce answers {request} with {status}{said}: it is asked again later.",
            request=request,
            status=status,
        )
    return Refused(
        f"BigCommerce does not accept {request} ({status}{said}): the request does not fit the API any more; "
        "look for a newer version of tajo.",
        request=request,
        status=status,
    )


def _said(body: bytes) -> str:
    """What the answer says, short enough for a log line. v3 answers hold a title, v2 answers a list of messages."""
    text = " ".join(body[:300].decode(errors="replace").split())
    return f": {text}" if text else ""
