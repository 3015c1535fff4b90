"""`POST /v1/connectors/bigcommerce/webhook`: deliveries that came in at a web server of the user's own.

What a client tells is trusted by its token; what it passes on with its headers is checked like a direct delivery. Both
then go the way of every delivery, and are answered once they are durable.
"""

import base64
import binascii

from pydantic import BaseModel

from gateway.control.models import Delivered, PassedDelivery, ToldDelivery
from gateway.control.resource import Call
from gateway.delivery import RawDelivery, VerifiedDelivery, told_by
from gateway.errors import Declined
from gateway.receive import WebhookEndpoint


class ClientWebhook:
    """``endpoint``: that of direct deliveries; it knows the stores of this moment."""

    def __init__(self, endpoint: WebhookEndpoint) -> None:
        self._endpoint = endpoint

    async def post(self, call: Call) -> tuple[int, BaseModel]:
        passed = isinstance(call.body, dict) and "raw" in call.body
        delivery = self._passed(call.read(PassedDelivery)) if passed else self._told(call, call.read(ToldDelivery))
        await self._endpoint.keep(delivery)
        return 202, Delivered(store_hash=delivery.store_hash, scope=delivery.scope, hash=delivery.hash)

    def _told(self, call: Call, told: ToldDelivery) -> VerifiedDelivery:
        configured = self._endpoint.event_names
        store_hash = told.store_hash or _only(list(configured))
        return told_by(
            call.client,
            told.topic,
            told.payload,
            store_hash=store_hash,
            configured=configured,
            now=self._endpoint.clock.now() // 1000,
        )

    def _passed(self, passed: PassedDelivery) -> VerifiedDelivery:
        headers = {name.lower(): value.encode(errors="replace") for name, value in passed.headers.items()}
        raw = RawDelivery(
            body=_body(passed),
            path_store=passed.store_hash,
            secret=headers.get(self._endpoint.secret_header.decode()),
            webhook_id=headers.get("webhook-id"),
            timestamp=headers.get("webhook-timestamp"),
            signature=headers.get("webhook-signature"),
        )
        return self._endpoint.parsed(self._endpoint.authentic(raw))


def _only(configured: list[str]) -> str:
    if len(configured) != 1:
        found = f"{len(configured)} stores are connected" if configured else "no store is connected"
        raise Declined(422, f"Here {found}: say by store_hash which one it is about.")
    return configured[0]


def _body(passed: PassedDelivery) -> bytes:
    if passed.encoding == "text":
        return passed.raw.encode(errors="replace")
    try:
        return base64.b64decode(passed.raw, validate=True)
    except (binascii.Error, ValueError):
        raise Declined(422, "raw is no base64: send it so, or with encoding text.") from None
