"""The application behind the server that `tajo gateway` runs, and what speaks HTTP to it byte by byte."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from starlette.applications import Starlette

from connectors.clock import SystemClock
from gateway.app import create_app
from gateway.config import GatewayConfig
from gateway.serving import Server, server_config
from tests.streams.logs import until

_SECONDS = 20.0


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def answer(self, *, to_head: bool = False) -> Answer:
        """The next answer. ``to_head``: it has no body, whatever its length says."""
        async with asyncio.timeout(_SECONDS):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
            length = 0 if to_head else int(headers.get("content-length", "0"))
            return Answer(int(head[0].split()[1]), headers, await self._reader.readexactly(length))

    async def closed(self) -> bytes:
        """What still comes until the other side closes."""
        async with asyncio.timeout(_SECONDS):
            try:
                return await self._reader.read()
            except ConnectionResetError:
                return b""

    def close(self) -> None:
        self._writer.close()


class Served(NamedTuple):
    app: Starlette
    port: int

    @asynccontextmanager
    async def wire(self) -> AsyncIterator[Wire]:
        wire = Wire(*await asyncio.open_connection("127.0.0.1", self.port))
        try:
            yield wire
        finally:
            wire.close()

    def figure(self, name: str, **labels: str) -> float:
        return self.app.state.metrics.registry.get_sample_value(f"tajo_{name}", labels) or 0

    def spooled(self) -> int:
        return int(self.figure("spool_taken_total"))


@asynccontextmanager
async def served(
    config: GatewayConfig, bootstrap: str, *, by_lane: bool = True, **limits: Any
) -> AsyncIterator[Served]:
    """``by_lane``: whether deliveries may take the way around ASGI. ``limits``: of gateway.serving."""
    app = create_app(config, bootstrap, SystemClock())
    async with listening(app, by_lane=by_lane, **limits) as port:
        yield Served(app, port)


@asynccontextmanager
async def listening(app: Starlette, *, by_lane: bool = True, **limits: Any) -> AsyncIterator[int]:
    """The port."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(server_config(app, app.state.endpoint.at_once if by_lane else None, **limits))
    serving = asyncio.create_task(server.serve(sockets=[listener]))

    async def started() -> bool:
        assert not serving.done(), "The gateway did not start."
        return server.started

    await until(started, "the gateway serves")
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await serving
