"""A request's body for who stands in front of an application."""

from starlette.types import Message, Receive


async def read_ahead(receive: Receive) -> tuple[Receive, bytes]:
    """The body, and a ``receive`` for the application, which finds it in one piece."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again, body
