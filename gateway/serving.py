"""The uvicorn that serves the gateway, with its limits."""

import contextlib
import gc
import resource
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp

from gateway.lobby import Lobby
from gateway.protocol import Connection, Lane

IDLE_SECONDS: Final = 60.0
HEAD_SECONDS: Final = 10.0
GRACEFUL_SECONDS: Final = 2
"""For deliveries under way at the end; each is in Kafka or in the spool within a second."""
BACKLOG: Final = 4096
_OURS: Final = 128  # descriptors for Kafka, spool, log and what is being accepted


class Server(uvicorn.Server):
    """Signals are ours: uvicorn would raise them again after its end, and the exit status would be theirs."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def server_config(
    app: ASGIApp,
    lane: Lane | None = None,
    *,
    room: int | None = None,
    idle_seconds: float = IDLE_SECONDS,
    head_seconds: float = HEAD_SECONDS,
    **more: Any,
) -> uvicorn.Config:
    """To be called in the loop that will serve. ``lane``: takes deliveries (WebhookEndpoint.at_once).

    ``room``: connections at once; as many as there are descriptors. ``more``: of uvicorn (TLS, proxies).
    """
    most = room or max(_descriptors() - _OURS, _OURS)
    lobby: Lobby[Connection] = Lobby(room=most, idle_seconds=idle_seconds, head_seconds=head_seconds)
    return uvicorn.Config(
        app,
        **more,
        http=partial(Connection, lobby, lane),  # type: ignore[arg-type]
        ws="none",
        backlog=BACKLOG,
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )


def settle() -> None:
    """Garbage collection rare, and not over what the program consists of: deliveries leave no cycles behind."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _descriptors() -> int:
    """How many this process may have, once it has asked for as many as it is allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return soft
