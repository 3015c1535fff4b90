"""HTTP as the gateway speaks it: uvicorn's httptools protocol, with bounds that it lacks, and a lane for deliveries.

uvicorn 0.54 limits neither the time nor the size of a request's head, and a connection that has sent nothing may stay
for ever; here whoever owes us a request has a place in a `Lobby`, which ends the wait. A delivery that came whole, and
alone on its connection, as nearly all do, goes to its endpoint without a task, a scope and messages, which would cost
as much as all the rest of it. Every other request is uvicorn's own and takes the way of ASGI.

The only place of the gateway that touches private parts of uvicorn: `cycle`, `pipeline`, `headers`, `url`.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, Protocol

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from gateway.lobby import Lobby

DELIVERIES: Final = b"/webhooks/bigcommerce/"
HEAD_BYTES: Final = 64 << 10
LANE_BYTES: Final = 64 << 10
_ANSWERS: Final = {status: STATUS_LINE[status] + b"content-length: 0\r\n\r\n" for status in (200, 401, 500, 503)}
_LAST_ANSWERS: Final = {
    status: STATUS_LINE[status] + b"content-length: 0\r\nconnection: close\r\n\r\n" for status in (*_ANSWERS, 431)
}


class Answer(Protocol):
    def __call__(self, status: int) -> None: ...


class Lane(Protocol):
    """Takes a delivery. ``headers``: names in lower case. ``answer``: is called once, now or later."""

    def __call__(self, store_hash: str, headers: Mapping[bytes, bytes], body: bytes, answer: Answer) -> None: ...


class _Nobody:
    def set(self) -> None: ...


_NOBODY: Final = _Nobody()


class _OnLane:
    """A request on the lane, as uvicorn sees it: what it looks at in a `cycle`."""

    __slots__ = ("_connection", "disconnected", "keep_alive", "more_body", "response_complete")
    message_event = _NOBODY

    def __init__(self, connection: "Connection", keep_alive: bool) -> None:
        self._connection = connection
        self.keep_alive = keep_alive
        self.disconnected = self.response_complete = self.more_body = False

    def answer(self, status: int) -> None:
        self.response_complete = True
        if self.disconnected:
            return
        transport = self._connection.transport
        if self.keep_alive:
            transport.write(_ANSWERS[status])
        else:
            transport.write(_LAST_ANSWERS[status])
            transport.close()
        self._connection.on_response_complete()


class Connection(HttpToolsProtocol):
    """``lobby``: where connections are that owe us a request. Further arguments: those that uvicorn gives."""

    def __init__(self, lobby: Lobby["Connection"], lane: Lane | None, **given: Any) -> None:
        super().__init__(**given)
        self._lobby, self._lane = lobby, lane
        self._in_head, self._head_bytes = False, 0
        self._waiting: list[bytes] | None = None  # of a delivery that may take the lane if it is complete in time

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._lobby.idle(self)
        if len(self.connections) > self._lobby.room:
            self._lobby.crowded()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lobby.leaves(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.cycle.keep_alive = False  # it is answered as if it had not asked; what follows could not be read
        except httptools.HttpParserError:
            self._lobby.leaves(self)
            self.send_400_response("Invalid HTTP request received.")
            return
        if self._waiting is not None:
            self._by_asgi()
        if self._in_head:
            self._owes_head(len(data))

    def _owes_head(self, size: int) -> None:
        """This much came, and the head of a request is not complete."""
        self._lobby.begins(self)
        self._head_bytes += size
        if self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(_LAST_ANSWERS[431])
            self.transport.close()

    def on_message_begin(self) -> None:
        self._in_head = True
        self.url, self.headers = b"", []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._lobby.leaves(self)
        self._in_head, self._head_bytes = False, 0
        self._waiting = []
        if not (
            self._lane is not None
            and self.url.startswith(DELIVERIES)
            and (self.cycle is None or self.cycle.response_complete)
            and not self.flow.write_paused
            and not self.parser.should_upgrade()
            and self.parser.get_method() == b"POST"
        ):
            self._by_asgi()

    def on_body(self, body: bytes) -> None:
        if self._waiting is None:
            super().on_body(body)
        else:
            self._waiting.append(body)

    def on_message_complete(self) -> None:
        if self._waiting is not None:
            store_hash, body = self.url[len(DELIVERIES) :], b"".join(self._waiting)
            if store_hash.isalnum() and len(body) <= LANE_BYTES:
                self._by_lane(store_hash.decode("ascii"), body)
                return
            self._by_asgi()
        super().on_message_complete()

    def _by_lane(self, store_hash: str, body: bytes) -> None:
        self._waiting = None
        headers, parser = dict(self.headers), self.parser
        keep_alive = parser.should_keep_alive()
        if keep_alive and (b"connection" in headers or b"proxy-connection" in headers):  # else it is not HTTP/1.0
            keep_alive = parser.get_http_version() != "1.0"
        self.cycle = request = _OnLane(self, keep_alive)  # type: ignore[assignment]
        assert self._lane is not None
        self._lane(store_hash, headers, body, request.answer)

    def _by_asgi(self) -> None:
        """As uvicorn does it, from the head on."""
        chunks, self._waiting = self._waiting, None
        url, headers = self.url, self.headers
        super().on_message_begin()
        self.url = url
        for name, value in headers:
            super().on_header(name, value)
        super().on_headers_complete()
        for chunk in chunks or ():
            super().on_body(chunk)

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._lobby.idle(self)
