"""Any ASGI application under uvicorn on a free port of 127.0.0.1, inside the running loop."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from types import TracebackType

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Server:
    """``async with Server(app) as url:`` serves ``app`` at ``url`` (``http://127.0.0.1:<port>``) until the block ends.

    No signal handler is installed: who runs the loop decides about Ctrl-C. At the end the port is closed, requests that
    still hang are answered 503, and the application's lifespan has been shut down.
    Raises ``RuntimeError`` when the application fails to start.
    """

    def __init__(self, app: ASGIApp, *, port: int = 0) -> None:
        self._requests = _Requests(app)
        self._port = port

    async def __aenter__(self) -> str:
        self._socket = _listener(self._port)
        config = uvicorn.Config(
            self._requests, log_config=None, access_log=False, ws="none", http="httptools", timeout_graceful_shutdown=1
        )
        self._uvicorn = _Uvicorn(config)
        self._serving = asyncio.create_task(self._uvicorn.run_here(self._socket))
        up = asyncio.create_task(self._uvicorn.up.wait())
        await asyncio.wait({self._serving, up}, return_when=asyncio.FIRST_COMPLETED)
        if self._serving.done():
            up.cancel()
            self._socket.close()
            raise RuntimeError("The application ended during its start, so it is not served.") from (
                self._serving.exception()
            )
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._requests.end()
        self._uvicorn.should_exit = True
        await self._serving


def _listener(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise RuntimeError(
            f"Port {port} of 127.0.0.1 cannot be opened ({error}): free it, or ask for port 0."
        ) from error
    return listener


class _Uvicorn(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def run_here(self, listener: socket.socket) -> None:
        try:
            await self.serve(sockets=[listener])
        except SystemExit as error:
            # uvicorn exits the process when a lifespan fails; an emulator must not end the program it is part of.
            raise RuntimeError("The application's lifespan failed at start; its error is in the log.") from error

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Requests:
    """The application, with the requests under way known, so that one that hangs cannot hold up the end."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._under_way: set[asyncio.Task[object]] = set()
        self._ending = False

    def end(self) -> None:
        self._ending = True
        for task in self._under_way:
            task.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        task = asyncio.current_task()
        assert task is not None, "uvicorn runs each request in a task"
        self._under_way.add(task)
        try:
            await self._app(scope, receive, watched)
        except asyncio.CancelledError:
            if not self._ending or started:
                raise
            await send({"type": "http.response.start", "status": 503, "headers": [(b"connection", b"close")]})
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._under_way.discard(task)
