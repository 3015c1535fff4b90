"""The webhook endpoint: read, trust, parse, make durable, answer. A plain ASGI callable, since it is the hot path.

2xx, empty   in Kafka, or in the spool; also what is authentic but of no use, which becomes a dead letter:
             BigCommerce would repeat it for two days and then switch the webhook off
401          no store's secret, or a signature that is not right
408, 413     the body did not come in time, or is too large
503          neither Kafka nor the spool has it: BigCommerce sends it again
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Final

import structlog
from starlette.types import Receive, Scope, Send

from connectors.clock import Clock
from gateway.config import GatewayConfig
from gateway.delivery import Authentic, RawDelivery, parse
from gateway.durable import Durable
from gateway.errors import ClientGone, NotDurable, TooLarge, Untrusted
from gateway.metrics import ANSWERS, Metrics
from gateway.record import Record, dead_record, webhook_record
from gateway.seen import Seen
from gateway.trust import VERDICTS, Trust, Verdict
from schemas.errors import BadRecord

_log = structlog.get_logger("gateway.receive")
_EMPTY: Final = [(b"content-length", b"0")]
_EMPTY_AND_CLOSE: Final = [*_EMPTY, (b"connection", b"close")]
_STATUS: Final = {
    "accepted": 200,
    "dead-letter": 200,
    "untrusted": 401,
    "gone": 408,
    "too-large": 413,
    "not-durable": 503,
}


class WebhookEndpoint:
    """`POST /webhooks/bigcommerce/{store_hash}`, and without the hash."""

    def __init__(self, config: GatewayConfig, trust: Trust, durable: Durable, clock: Clock, metrics: Metrics) -> None:
        self._config = config
        self._trust = trust
        self._durable = durable
        self._clock = clock
        self._metrics = metrics
        self._secret_header = config.secret_header.lower().encode()
        self._event_names: dict[str, Mapping[str, str]] = {each.store_hash: each.event_names for each in config.stores}
        self._seen = Seen()
        self._answers = {answer: metrics.deliveries.labels(answer) for answer in ANSWERS}
        self._verdicts = {verdict: metrics.signatures.labels(verdict) for verdict in VERDICTS}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await _answer(send, 405, [*_EMPTY, (b"allow", b"POST")])
            return
        began = time.perf_counter()
        with self._clock.work():
            answer = await self._handle(scope, receive)
        self._answers[answer].inc()
        self._metrics.seconds.observe(time.perf_counter() - began)
        # A body that was not read to its end would be taken for the next request.
        await _answer(send, _STATUS[answer], _EMPTY_AND_CLOSE if answer in ("too-large", "gone") else _EMPTY)

    async def _handle(self, scope: Scope, receive: Receive) -> str:
        try:
            raw = await self._read(scope, receive)
            authentic = self._trust.authenticate(raw, self._heard)
            return await self._take(authentic)
        except Untrusted as error:
            self._metrics.untrusted.labels(error.reason).inc()
            _log.info("a delivery was refused", reason=error.reason)
            return "untrusted"
        except TooLarge as error:
            _log.info("a delivery was refused", reason=str(error))
            return "too-large"
        except ClientGone:
            return "gone"
        except NotDurable as error:
            _log.error("a delivery was not taken", reason=str(error))
            return "not-durable"

    async def _take(self, authentic: Authentic) -> str:
        try:
            delivery = parse(authentic)
        except BadRecord as error:
            await self._durable.take(dead_record(authentic, error))
            _log.warning("a delivery became a dead letter", store=authentic.key(), reason=str(error))
            return "dead-letter"
        record: Record = webhook_record(delivery, self._event_names[delivery.store_hash])
        await self._durable.take(record)
        if self._seen.before(delivery.hash):
            self._metrics.duplicates.inc()
        return "accepted"

    def _heard(self, verdict: Verdict) -> None:
        self._verdicts[verdict].inc()

    async def _read(self, scope: Scope, receive: Receive) -> RawDelivery:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        declared = headers.get(b"content-length", b"")
        limit = self._config.body_limit
        if declared.isdigit() and len(declared) < 20 and int(declared) > limit:
            raise TooLarge(f"The body has {int(declared)} bytes, at most {limit} are read.")
        try:
            async with asyncio.timeout(self._config.body_seconds):
                body = await _body(receive, limit)
        except TimeoutError as error:
            raise ClientGone(f"The body was not complete within {self._config.body_seconds:g} s.") from error
        return RawDelivery(
            body=body,
            path_store=scope.get("path_params", {}).get("store_hash"),
            secret=headers.get(self._secret_header),
            webhook_id=headers.get(b"webhook-id"),
            timestamp=headers.get(b"webhook-timestamp"),
            signature=headers.get(b"webhook-signature"),
        )


async def _body(receive: Receive, limit: int) -> bytes:
    """The whole body, in memory up to ``limit`` bytes. Raises TooLarge and ClientGone."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone("The sender left before the body was complete.")
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise TooLarge(f"The body has more than {limit} bytes.")
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
