"""A delivery made of bytes, through trust and parsing; what it may become is worked out here by other means."""

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Final

from gateway.config import GatewayConfig, StoreTrust
from gateway.delivery import RawDelivery, VerifiedDelivery, claimed_time, parse
from gateway.errors import Untrusted
from gateway.record import dead_record, webhook_record
from gateway.trust import Trust
from schemas import topics
from schemas.errors import BadRecord
from tests.fuzz.pieces import Pieces

NOW: Final = 1_786_447_831
STRICT, LOOSE, BARE = "strict1", "loose2", "bare3"
SECRETS: Final = {STRICT: b"secret-of-strict", LOOSE: b"secret-of-loose", BARE: b"secret-of-bare"}
KEYS: Final = {STRICT: b"key-of-strict", LOOSE: b"key-of-loose"}
CONFIG: Final = GatewayConfig(
    (
        StoreTrust(STRICT, ("secret-of-strict",), ("key-of-strict", "older-key"), "required"),
        StoreTrust(LOOSE, ("secret-of-loose",), ("key-of-loose",)),
        StoreTrust(BARE, ("secret-of-bare",), (), "off"),
    ),
    Path("never-opened"),
)
TRUST: Final = Trust(CONFIG, now=lambda: float(NOW))


class Broken(Exception):
    """The gateway did what it must not."""


def raw_delivery(data: bytes) -> RawDelivery:
    """Often nearly right, since pure noise never comes past the first check."""
    pieces = Pieces(data)
    stores = [name.encode() for name in SECRETS]
    store = pieces.one_of(stores)
    path = pieces.maybe(pieces.either(store, pieces.one_of(stores)))
    secret = pieces.maybe(pieces.either(SECRETS[store.decode()], pieces.short()))
    webhook_id = pieces.maybe(pieces.either(b"msg_1", pieces.short()))
    timestamp = pieces.maybe(pieces.either(b"%d" % (NOW + pieces.number() - 400), pieces.short()))
    key = pieces.either(KEYS.get(store.decode(), b"older-key"), pieces.either(b"older-key", pieces.short()))
    shape, body_noise = pieces.number(), pieces.rest()
    body = _body(store, shape, body_noise)
    right = b"v1," + base64.b64encode(
        hmac.digest(key, b".".join((webhook_id or b"", timestamp or b"", body)), "sha256")
    )
    signature = (None, right, b"v1a,zz " + right, right[:-1], right + b" x,y", body_noise[:80], b"", b"v1,")[shape % 8]
    return RawDelivery(
        body=body,
        path_store=None if path is None else path.decode(),
        secret=secret,
        webhook_id=webhook_id,
        timestamp=timestamp,
        signature=signature,
    )


def _body(store: bytes, shape: int, noise: bytes) -> bytes:
    if shape < 64:
        return noise
    whole = (
        b'{"producer":"stores/%b","hash":"64d346b7","created_at":%d,"store_id":"1003502318",'
        b'"scope":"store/product/updated","data":{"type":"product","id":180}}' % (store, NOW)
    )
    if shape < 160 or not noise:
        return whole
    at = noise[0] * len(whole) // 256
    return whole[:at] + noise[1:] + whole[at + (shape & 31) :]


def check(data: bytes) -> str:
    """What became of it. Raises Broken, or whatever the gateway raised and should not have."""
    raw = raw_delivery(data)
    claimed_time(raw.body)
    try:
        authentic = TRUST.authenticate(raw)
        try:
            delivery = parse(authentic)
        except BadRecord as error:
            if dead_record(topics.WEBHOOK, authentic.key(), raw.body, error).value != raw.body:
                raise Broken("a dead letter is not what came") from None
            _spoke_for({store for store in SECRETS if _may_speak(raw, store)} & authentic.stores)
            return "dead-letter"
    except Untrusted:
        return "untrusted"
    _judge(raw, delivery)
    return "accepted"


def _judge(raw: RawDelivery, delivery: VerifiedDelivery) -> None:
    _spoke_for({delivery.store_hash} if _may_speak(raw, delivery.store_hash) else set())
    content = json.loads(raw.body)
    if content["producer"] != f"stores/{delivery.store_hash}" or content["hash"] != delivery.hash:
        raise Broken(f"{raw.body!r} was read as {delivery.producer}, {delivery.hash}")
    record = webhook_record(delivery, {})
    if record.value != raw.body or record.key != delivery.store_hash.encode():
        raise Broken(f"{raw.body!r} was written as {record!r}")


def _spoke_for(stores: set[str]) -> None:
    if not stores:
        raise Broken("a forgery was accepted")


def _may_speak(raw: RawDelivery, store: str) -> bool:
    if raw.secret != SECRETS[store]:
        return False
    if store == BARE or (store == LOOSE and raw.signature is None):
        return True
    keys = [KEYS[store], *([b"older-key"] if store == STRICT else [])]
    signed = (raw.webhook_id or b"") + b"." + (raw.timestamp or b"") + b"." + raw.body
    tokens = {b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()) for key in keys}
    if raw.webhook_id is None or raw.timestamp is None or not tokens & set((raw.signature or b"").split()):
        return False
    return store == LOOSE or abs(int(raw.timestamp) - NOW) <= 300
