"""The webhook endpoint: read, trust, parse, make durable, answer.

2xx, empty   in Kafka, or in the spool; also what is authentic but of no use, which becomes a dead letter:
             BigCommerce would repeat it for two days and then switch the webhook off
401          no store's secret, or a signature that is not right
408, 413     the body did not come in time, or is too large
503          neither Kafka nor the spool has it: BigCommerce sends it again
"""

import asyncio
import dataclasses
from collections.abc import Mapping
from time import perf_counter
from typing import Final

import msgspec
import structlog
from starlette.types import Receive, Scope

from connectors.clock import Clock
from gateway.config import GatewayConfig, StoreTrust
from gateway.delivery import Authentic, RawDelivery, VerifiedDelivery, claimed_time, is_retry, parse
from gateway.durable import Durable
from gateway.endpoint import Endpoint
from gateway.errors import NotDurable, Untrusted, Verdict
from gateway.metrics import Metrics
from gateway.protocol import Answer
from gateway.record import Record, dead_record, webhook_record
from gateway.seen import Seen
from gateway.trust import VERDICTS, Trust
from schemas import topics
from schemas.errors import BadRecord

_log = structlog.get_logger("gateway.receive")
_STATUS: Final = {
    "accepted": 200,
    "dead-letter": 200,
    "untrusted": 401,
    "gone": 408,
    "too-large": 413,
    "not-durable": 503,
}


class _Judged(msgspec.Struct):
    """``answer``: once it is durable. ``hash``: of the delivery; empty of a dead letter."""

    answer: str
    record: Record
    hash: str


class WebhookEndpoint(Endpoint):
    """`POST /webhooks/bigcommerce/{store_hash}`, and without the hash."""

    sender = "BigCommerce"
    status = _STATUS

    def __init__(self, config: GatewayConfig, trust: Trust, durable: Durable, clock: Clock, metrics: Metrics) -> None:
        super().__init__(
            config, clock, answers=metrics.deliveries, untrusted=metrics.untrusted, seconds=metrics.seconds
        )
        self._trust = trust
        self.clock = clock
        self._durable = durable
        self._duplicates = metrics.duplicates
        self.secret_header = config.secret_header.lower().encode()
        self.event_names: dict[str, Mapping[str, str]] = {each.store_hash: each.event_names for each in config.stores}
        self._seen = Seen()
        self._under_way: set[asyncio.Task[None]] = set()
        self._signatures = {
            (verdict, again): metrics.signatures.labels(verdict, "yes" if again else "no")
            for verdict in VERDICTS
            for again in (False, True)
        }

    def use(self, stores: tuple[StoreTrust, ...]) -> None:
        """From now on deliveries of these stores are taken, instead of those it began with."""
        self._trust = Trust(dataclasses.replace(self._config, stores=stores))
        self.event_names = {each.store_hash: each.event_names for each in stores}

    async def take(self, scope: Scope, receive: Receive) -> str:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        body = await self.body(headers, receive)
        judged = self._judged(scope.get("path_params", {}).get("store_hash"), headers, body)
        await self._durable.take(judged.record)
        return self._taken(judged)

    def at_once(self, store_hash: str, headers: Mapping[bytes, bytes], body: bytes, answer: Answer) -> None:
        """As `take`, for a delivery that is all there, and without a task unless it has to go to the spool.

        The lane of our own server (gateway.protocol); it runs on the real clock, so no clock has to stand still.
        """
        began = perf_counter()

        def told(error: Exception | None) -> None:
            if error is None:
                self._tell(self._taken(judged), began, answer)
            else:
                self._later(judged, error, began, answer)

        try:
            judged = self._judged(store_hash, headers, body)
            sent = self._durable.in_kafka(judged.record, told)
        except Untrusted as error:
            self._tell(self.refused(error), began, answer)
            return
        except Exception:
            _failed(answer)
            return
        if sent is None:
            self._later(judged, None, began, answer)

    def _later(self, judged: _Judged, error: Exception | None, began: float, answer: Answer) -> None:
        task = asyncio.create_task(self._spooled(judged, error, began, answer))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _spooled(self, judged: _Judged, error: Exception | None, began: float, answer: Answer) -> None:
        try:
            await self._durable.to_spool(judged.record, error)
        except NotDurable as refused:
            self._tell(self.refused(refused), began, answer)
        except Exception:
            _failed(answer)
        else:
            self._tell(self._taken(judged), began, answer)

    def _tell(self, said: str, began: float, answer: Answer) -> None:
        self.count(said, began)
        answer(_STATUS[said])

    def _judged(self, path_store: str | None, headers: Mapping[bytes, bytes], body: bytes) -> _Judged:
        """What it is, and what has to be kept of it. Raises Untrusted."""
        authentic = self.authentic(
            RawDelivery(
                body=body,
                path_store=path_store,
                secret=headers.get(self.secret_header),
                webhook_id=headers.get(b"webhook-id"),
                timestamp=headers.get(b"webhook-timestamp"),
                signature=headers.get(b"webhook-signature"),
            )
        )
        try:
            return self._of(self.parsed(authentic))
        except BadRecord as error:
            _log.warning("a delivery becomes a dead letter", store=authentic.key(), reason=str(error))
            return _Judged("dead-letter", dead_record(topics.WEBHOOK, authentic.key(), body, error), "")

    def _of(self, delivery: VerifiedDelivery) -> _Judged:
        return _Judged("accepted", webhook_record(delivery, self.event_names[delivery.store_hash]), delivery.hash)

    def _taken(self, judged: _Judged) -> str:
        """It is durable: one that was refused before it could be kept is no duplicate when it comes again."""
        if judged.hash and self._seen.before(judged.hash):
            self._duplicates.inc()
        return judged.answer

    def authentic(self, raw: RawDelivery) -> Authentic:
        """Counts the signature of what is refused for it. Raises Untrusted."""
        try:
            return self._trust.authenticate(raw)
        except Untrusted as error:
            if error.verdict is not None:
                self._heard(error.verdict, claimed_time(raw.body))
            raise

    def parsed(self, authentic: Authentic) -> VerifiedDelivery:
        """As `parse`, and counts the signature. Raises Untrusted, or BadRecord."""
        try:
            delivery = parse(authentic)
        except (Untrusted, BadRecord):
            self._heard(authentic.verdict, claimed_time(authentic.body))
            raise
        self._heard(authentic.verdict, delivery.created_at)
        return delivery

    def _heard(self, verdict: Verdict, created_at: float) -> None:
        self._signatures[verdict, is_retry(created_at, self.clock.now())].value += 1

    async def keep(self, delivery: VerifiedDelivery) -> None:
        """Durable when it returns. Raises NotDurable."""
        judged = self._of(delivery)
        await self._durable.take(judged.record)
        self._taken(judged)


def _failed(answer: Answer) -> None:
    """A defect of ours: BigCommerce sends the delivery again."""
    _log.exception("a delivery could not be handled")
    answer(500)
