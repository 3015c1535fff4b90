"""What can go wrong with Brevo, by what it means for the request that failed.

TajoError
└── BrevoError
    ├── NotAccepted          surely not carried out; may be sent again as it is
    │   └── RateLimited      429: after ``reset`` ms
    ├── InDoubt              sent, and nobody knows whether it was carried out: time-out, reset, 5xx, garbage
    ├── Refused              4xx: the same request will be refused again
    │   ├── NotFound         404
    │   ├── NotAllowed       405
    │   └── Clash            an identifier (e-mail, SMS, …) belongs to another contact, or the phone is none
    ├── AccountPaused        401: nothing gets through until somebody acts
    └── StreamPaused         403: this kind of request is not allowed; others go on

Statuses and codes: https://developers.brevo.com/docs/how-it-works and the answers of POST and PUT /contacts.
"""

import re

import httpx
import msgspec

from schemas.errors import TajoError

ADDRESSES = "https://app.brevo.com/security/authorised_ips"
_EMAIL = re.compile(r"[^\s\"<>(),;:]+(?:@|%40)[^\s\"<>(),;:]+")
_URL = re.compile(r"https?://[^\s\"'<>]+")
_NUMBER = re.compile(r"\+?\d{6,}")


class BrevoError(TajoError):
    """``request``: the endpoint (`PUT /contacts/{identifier}`), never the path. ``request_id``: for Brevo's support.

    ``status`` 0: there was no answer. The message holds no personal data.
    """

    def __init__(
        self, message: str, *, request: str, status: int = 0, code: str = "", request_id: str = "", reset: int = 0
    ) -> None:
        super().__init__(message)
        self.request, self.status, self.code, self.request_id, self.reset = request, status, code, request_id, reset


class NotAccepted(BrevoError):
    pass


class RateLimited(NotAccepted):
    """``reset``: ms until the next request may pass."""


class InDoubt(BrevoError):
    pass


class Refused(BrevoError):
    pass


class NotFound(Refused):
    pass


class NotAllowed(Refused):
    pass


class Clash(Refused):
    """``identifiers``: as Brevo names them, e.g. ("SMS",)."""

    identifiers: tuple[str, ...] = ()


class AccountPaused(BrevoError):
    pass


class StreamPaused(BrevoError):
    pass


class _Metadata(msgspec.Struct):
    duplicate_identifiers: list[str] = []


class _Envelope(msgspec.Struct):
    code: str = ""
    message: str = ""
    metadata: _Metadata | None = None


def without_personal_data(text: str) -> str:
    """Brevo repeats e-mails and phone numbers in its messages, and of webhooks the address, which ends in a secret;
    receipts and logs must not."""
    return _NUMBER.sub("<number>", _EMAIL.sub("<e-mail>", _URL.sub("<url>", text)))[:300]


def of_transport(error: httpx.TransportError, request: str) -> BrevoError:
    """No answer. Only where no connection came about is it sure that Brevo has not seen the request."""
    name = type(error).__name__
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.UnsupportedProtocol):
        return NotAccepted(f"Brevo cannot be reached for {request} ({name}); it will be tried again.", request=request)
    return InDoubt(
        f"Brevo gave no answer to {request} ({name}), so it is not known whether it was carried out.", request=request
    )


def of_response(response: httpx.Response, request: str) -> BrevoError:
    """The error that an answer stands for; call it for answers that are not 2xx, or are garbage."""
    envelope = _envelope(response)
    kind, identifiers = _kind(response.status_code, envelope)
    reason = without_personal_data(f"{envelope.code}: {envelope.message}" if envelope.code else _excerpt(response))
    request_id = response.headers.get("sib-request-id", "")
    error = kind(
        f"Brevo answered {request} with {response.status_code} ({reason}).{_cure(kind, envelope)}",
        request=request,
        status=response.status_code,
        code=envelope.code,
        request_id=request_id,
    )
    if isinstance(error, Clash):
        error.identifiers = identifiers
    return error


def _envelope(response: httpx.Response) -> _Envelope:
    try:
        return msgspec.json.decode(response.content, type=_Envelope)
    except msgspec.MsgspecError:  # a page of HTML from a proxy, or nothing
        return _Envelope()


def _excerpt(response: httpx.Response) -> str:
    kind = response.headers.get("content-type", "").split(";")[0]
    return f"{len(response.content)} bytes of {kind}" if response.content else "empty"


def _kind(status: int, envelope: _Envelope) -> tuple[type[BrevoError], tuple[str, ...]]:
    simple: dict[int, type[BrevoError]] = {
        401: AccountPaused,
        403: StreamPaused,
        404: NotFound,
        405: NotAllowed,
        408: InDoubt,
        409: NotAccepted,  # the same request is under way
        425: NotAccepted,
        429: RateLimited,
    }
    if status in simple:
        return simple[status], ()
    if not 400 <= status < 500:
        return InDoubt, ()
    if envelope.code == "account_in_process":
        return NotAccepted, ()
    if identifiers := _clash(envelope):
        return Clash, identifiers
    return Refused, ()


def _clash(envelope: _Envelope) -> tuple[str, ...]:
    """The metadata first, then the text: the code is `duplicate_parameter`, but since 2026-05 often another."""
    if envelope.metadata and envelope.metadata.duplicate_identifiers:
        return tuple(name.upper() for name in envelope.metadata.duplicate_identifiers)
    text = envelope.message.lower()
    if "invalid phone number" in text:
        return ("SMS",)
    if "already exist" in text:
        return ("EMAIL",)
    if "already associated with another contact" in text:
        names = ("SMS", "WHATSAPP", "LANDLINE_NUMBER", "EXT_ID", "EMAIL")
        return tuple(name for name in names if name.lower() in text) or ("EMAIL",)
    return ()


def _cure(kind: type[BrevoError], envelope: _Envelope) -> str:
    text = envelope.message.lower()
    if kind is AccountPaused and ("ip address" in text or "ip_address" in text):
        return f" Authorise this machine's address at {ADDRESSES}."
    if kind is AccountPaused:
        return " The api key is unknown or has expired: set brevo.api_key to a valid one."
    if kind is StreamPaused:
        return " The api key lacks a permission, or the feature is not activated in the Brevo account."
    return ""


def garbage(response: httpx.Response, request: str) -> InDoubt:
    """A 2xx whose body is not what the endpoint promises: some proxy spoke, so nothing is sure."""
    return InDoubt(
        f"Brevo answered {request} with {response.status_code} and {_excerpt(response)}, not with what it promises.",
        request=request,
        status=response.status_code,
        request_id=response.headers.get("sib-request-id", ""),
    )
