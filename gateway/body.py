"""Reading a request's body, bounded in size and time."""

from collections.abc import Mapping

from starlette.types import Message, Receive

from gateway.errors import ClientGone, TooLarge
from gateway.patience import Patience


async def whole(headers: Mapping[bytes, bytes], receive: Receive, *, limit: int, patience: Patience) -> bytes:
    """In memory, up to ``limit`` bytes. Raises TooLarge, and ClientGone when the sender leaves or takes too long."""
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and len(declared) < 20 and int(declared) > limit:
        raise TooLarge(f"The body has {int(declared)} bytes, at most {limit} are read.")
    try:
        with patience:
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body", False):
                body: bytes = message.get("body", b"")
                if len(body) <= limit:
                    return body  # nearly always: it came with the head
            return await _rest(message, receive, limit)
    except TimeoutError as error:
        raise ClientGone(f"The body was not complete within {patience.seconds:g} s.") from error


async def _rest(message: Message, receive: Receive, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        if message["type"] != "http.request":
            raise ClientGone("The sender left before the body was complete.")
        size += len(message.get("body", b""))
        if size > limit:
            raise TooLarge(f"The body has more than {limit} bytes.")
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)
        message = await receive()
