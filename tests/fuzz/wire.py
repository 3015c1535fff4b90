"""Bytes as a connection brings them, through protocol, lane and ASGI to the real endpoint; Kafka is away."""

import asyncio
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from uvicorn.server import ServerState

from connectors.clock import SystemClock
from gateway.app import create_app
from gateway.protocol import Connection
from gateway.serving import server_config
from tests.fuzz.judged import SECRETS, Broken
from tests.fuzz.pieces import Pieces
from tests.gateway.deliveries import SECRET, STORE, body
from tests.gateway.running import config

STATUSES: Final = {100, 200, 400, 401, 404, 405, 408, 413, 431, 503}
SPOOL_BYTES: Final = 256 << 10  # soon full, so that 503 is met too, and the disk is left alone
_STATUS: Final = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_HEAD: Final = b"POST /webhooks/bigcommerce/%b HTTP/1.1\r\nhost: x\r\nx-tajo-secret: %b\r\ncontent-length: %d\r\n\r\n"


class _Transport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.written, self._closing = bytearray(), False

    def write(self, data: Any) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        self._closing = True

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Wire:
    """A gateway without a socket. ``check`` raises Broken; ``close`` when done."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._folder = tempfile.TemporaryDirectory(prefix="tajo-fuzz-")
        self._state = ServerState()
        self._runner.run(self._open())

    async def _open(self) -> None:
        settings = config(Path(self._folder.name, "spool"), spool_limit=SPOOL_BYTES, body_seconds=0.5)
        self.app = create_app(settings, "127.0.0.1:1", SystemClock())
        self._lifespan = self.app.router.lifespan_context(self.app)
        await self._lifespan.__aenter__()
        self._config = server_config(self.app, self.app.state.endpoint.at_once, lifespan="off")
        self._config.load()
        self._make: Callable[..., Connection] = self._config.http_protocol_class  # type: ignore[assignment]

    def close(self) -> None:
        self._runner.run(self._lifespan.__aexit__(None, None, None))
        self._runner.close()
        self._folder.cleanup()

    def check(self, data: bytes) -> list[int]:
        """The statuses it was answered."""
        return self._runner.run(self._check(data))

    async def _check(self, data: bytes) -> list[int]:
        chunks = _chunks(data)
        transport = _Transport()
        connection = self._make(config=self._config, server_state=self._state, app_state={})
        connection.connection_made(transport)
        for chunk in chunks:
            if transport.is_closing():
                break
            connection.data_received(chunk)
            await asyncio.sleep(0)
        while _under_way(connection):  # noqa: ASYNC110 - a connection tells nobody
            await asyncio.sleep(0)
        connection.connection_lost(None)
        return _judged([int(found) for found in _STATUS.findall(bytes(transport.written))], b"".join(chunks))


def _under_way(connection: Connection) -> bool:
    """A request that is all there, and not answered yet."""
    cycle = connection.cycle
    return cycle is not None and not cycle.response_complete and not cycle.more_body


def _chunks(data: bytes) -> list[bytes]:
    """One or two pieces of noise, of a delivery, or of a delivery with noise in it."""
    pieces = Pieces(data)
    shape, cut, at = pieces.number(), pieces.number(), pieces.number()
    content = body(event="e")
    sent = pieces.rest()
    if shape >= 64:
        secret = SECRET.encode() if shape & 1 else SECRETS["strict1"]
        whole = _HEAD % (STORE.encode(), secret, len(content)) + content
        start = at * len(whole) // 256
        sent = whole[:start] + sent + whole[start + (shape & 7) :]
    end = cut * len(sent) // 256
    return [sent[:end], sent[end:]] if end else [sent]


def _judged(statuses: list[int], sent: bytes) -> list[int]:
    if strange := set(statuses) - STATUSES:
        raise Broken(f"{sent!r} was answered {strange}")
    probe = re.search(rb"/(livez|readyz|metrics)", sent)
    if 200 in statuses and not probe and SECRET.encode() not in sent:
        raise Broken(f"{sent!r} was accepted")
    return statuses
