"""The server that emulators and tests run their applications under."""

import asyncio
import signal
import socket

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from emulators.server import Server


async def answer(request: Request) -> Response:
    return PlainTextResponse("here")


async def never(request: Request) -> Response:
    reached.set()
    await asyncio.Event().wait()
    raise AssertionError("nobody sets that event")


reached = asyncio.Event()
app = Starlette(routes=[Route("/", answer), Route("/never", never)])


async def test_it_answers_inside_the_running_loop_and_frees_its_port() -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        async with Server(app) as url:
            assert (await client.get(url)).text == "here"
        with pytest.raises(httpx.ConnectError):
            await client.get(url)


async def test_signal_handlers_stay_those_of_the_program() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    async with Server(app):
        assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


async def test_a_request_that_hangs_does_not_hold_up_the_end() -> None:
    reached.clear()
    async with httpx.AsyncClient(trust_env=False) as client:
        async with Server(app) as url:
            hanging = asyncio.create_task(client.get(f"{url}/never"))
            await reached.wait()
        assert (await hanging).status_code == 503


async def test_an_application_that_cannot_start_is_an_error_and_not_an_exit() -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "lifespan"
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    with pytest.raises(RuntimeError, match="not served"):
        async with Server(broken):
            pass


async def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(RuntimeError, match=f"Port {port} of 127.0.0.1 cannot be opened"):
            async with Server(app, port=port):
                pass
