"""What the routes for webhooks share: a body read within limits, an answer, its count.

They are plain ASGI callables, since they are the hot path.
"""

from collections.abc import Iterable, Mapping
from time import perf_counter
from typing import ClassVar, Final

import structlog
from prometheus_client import Counter
from starlette.types import Receive, Scope, Send

from connectors.clock import Clock
from gateway.body import whole
from gateway.config import GatewayConfig
from gateway.errors import ClientGone, NotDurable, TooLarge, Untrusted
from gateway.figures import Counts, Times
from gateway.metrics import ANSWERS
from gateway.patience import Patience

_log = structlog.get_logger("gateway.receive")
_EMPTY: Final = [(b"content-length", b"0")]
_EMPTY_AND_CLOSE: Final = [*_EMPTY, (b"connection", b"close")]
_NO_BODY: Final = {"type": "http.response.body", "body": b""}


class Endpoint:
    """A route that takes webhooks. ``status``: of each answer (gateway.metrics, ANSWERS). ``sender``: for the logs."""

    sender: ClassVar[str]
    status: ClassVar[Mapping[str, int]]

    def __init__(
        self, config: GatewayConfig, clock: Clock, *, answers: Counts, untrusted: Counter, seconds: Times
    ) -> None:
        self._config = config
        self._clock = clock
        self._answers = {answer: answers.labels(answer) for answer in ANSWERS}
        self._untrusted = untrusted
        self._seconds = seconds
        self._patience = Patience(config.body_seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await _answer(send, 405, [*_EMPTY, (b"allow", b"POST")])
            return
        began = perf_counter()
        with self._clock.work():
            try:
                answer = await self.take(scope, receive)
            except (Untrusted, TooLarge, ClientGone, NotDurable) as error:
                answer = self.refused(error)
        self.count(answer, began)
        # A body that was not read to its end would be taken for the next request.
        ends = answer in ("too-large", "gone")
        await _answer(send, self.status[answer], _EMPTY_AND_CLOSE if ends else _EMPTY)

    async def take(self, scope: Scope, receive: Receive) -> str:
        """Makes the webhook durable and says what it was: `accepted` or `dead-letter`.

        Raises Untrusted, TooLarge, ClientGone or NotDurable.
        """
        raise NotImplementedError

    async def body(self, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        """All of it, in memory up to the limit. Raises TooLarge and ClientGone."""
        return await whole(headers, receive, limit=self._config.body_limit, patience=self._patience)

    def count(self, answer: str, began: float) -> None:
        """``began``: of `time.perf_counter`."""
        self._answers[answer].value += 1
        self._seconds.observe(perf_counter() - began)

    def refused(self, error: Exception) -> str:
        match error:
            case Untrusted():
                self._untrusted.labels(error.reason).inc()
                _log.info("a delivery was refused", sender=self.sender, reason=error.reason)
                return "untrusted"
            case TooLarge():
                _log.info("a delivery was refused", sender=self.sender, reason=str(error))
                return "too-large"
            case NotDurable():
                _log.error("a delivery was not taken", sender=self.sender, reason=str(error))
                return "not-durable"
            case _:
                return "gone"


async def _answer(send: Send, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send(_NO_BODY)
