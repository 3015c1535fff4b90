"""Deliveries as BigCommerce sends them."""

import json
import time
import uuid
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook

STORE = "8jbhprizry"
SECRET = "the-shared-header-of-8jbhprizry"
CLIENT_SECRET = "test-client-secret-0123456789abcdef"
CALLBACKS = Path(__file__).parents[1] / "specs" / "bigcommerce" / "callbacks"

# A body and the signature of it that the published algorithm gives, computed with standardwebhooks 1.1.0.
CAPTURED_ID = "64d346b71e4c02453da81c5d97cec8063a6e7a4d"
CAPTURED_TIME = 1786447831
CAPTURED = (
    b'{"producer":"stores/8jbhprizry","hash":"64d346b71e4c02453da81c5d97cec8063a6e7a4d","created_at":1786447828,'
    b'"store_id":"1003502318","scope":"store/product/updated","data":{"type":"product","id":180}}'
)
CAPTURED_SIGNATURE = "v1,wZqRKhyP9iGaEBPSMCMW6o1j66IcTorZPvgm5uB9Emw="


def body(
    scope: str = "store/order/updated", data: Any = None, *, store: str = STORE, event: str = "", **more: Any
) -> bytes:
    """``event``: the hash; a new one unless given."""
    content = {
        "created_at": 1691736794,
        "store_id": "1002817942",
        "producer": f"stores/{store}",
        "scope": scope,
        "hash": event or uuid.uuid4().hex + "00000000",
        "data": {"type": "order", "id": 100} if data is None else data,
    }
    return json.dumps(content | more, separators=(",", ":")).encode()


def signed(content: bytes, client_secret: str = CLIENT_SECRET, *, at: float | None = None) -> dict[str, str]:
    """The three headers of Standard Webhooks, made by its reference library, not by ours. ``at``: Unix seconds."""
    moment = datetime.fromtimestamp(int(time.time() if at is None else at), UTC)
    webhook_id = "msg-" + uuid.uuid4().hex
    reference = Webhook(b64encode(client_secret.encode()).decode())
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": reference.sign(webhook_id, moment, content.decode()),
    }


def trusted(secret: str = SECRET) -> dict[str, str]:
    return {"x-tajo-secret": secret, "content-type": "application/json"}
