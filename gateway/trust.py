"""Who may speak for a store: the shared header, always, and BigCommerce's signature as far as it is asked for.

The signature is that of Standard Webhooks (standard-webhooks, spec/standard-webhooks.md): `v1,<base64 of HMAC-SHA256>`
over `<webhook-id>.<webhook-timestamp>.<body>`. BigCommerce's key is the client secret, its characters as they are,
neither hex nor base64. Comparisons take the same time whether they fail or not, and none is left out once one has
matched.
"""

import hmac
import time
from binascii import b2a_base64
from collections.abc import Callable, Iterable
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC

from gateway.config import GatewayConfig, StoreTrust
from gateway.delivery import SEAL, Authentic, RawDelivery
from gateway.errors import Untrusted, Verdict

_DIGITS: Final = 12  # of a timestamp


def keyed(secret: bytes) -> HMAC:
    """For `signature_verdict`: what depends on the secret alone is computed here, once."""
    return HMAC(secret, hashes.SHA256())


def signature_verdict(raw: RawDelivery, keys: Iterable[HMAC], *, now: float, tolerance: float) -> Verdict:
    """``now``: Unix seconds of the real clock. Any of the signatures may match any of the keys (rotation)."""
    if raw.signature is None:
        return "absent"
    moment = raw.timestamp
    if raw.webhook_id is None or moment is None or not moment.isdigit() or len(moment) > _DIGITS:
        return "bad"
    offered = [one[3:] for one in raw.signature.split() if one[:3] == b"v1,"]
    signed = b"%b.%b.%b" % (raw.webhook_id, moment, raw.body)
    good = False
    for key in keys:
        mine = key.copy()
        mine.update(signed)
        expected = b2a_base64(mine.finalize(), newline=False)
        for one in offered:
            good |= hmac.compare_digest(one, expected)
    if not good:
        return "bad"
    return "good" if abs(now - int(moment)) <= tolerance else "stale"


class _Store:
    """A store's secrets as bytes."""

    __slots__ = ("alone", "hash", "keys", "mode", "secrets")

    def __init__(self, trust: StoreTrust) -> None:
        self.hash = trust.store_hash
        self.alone = frozenset((trust.store_hash,))
        self.mode = trust.signature
        self.secrets = tuple(secret.encode() for secret in trust.secrets)
        self.keys = tuple(keyed(secret.encode()) for secret in trust.client_secrets)

    def knows(self, offered: bytes) -> bool:
        same = False
        for secret in self.secrets:
            same |= hmac.compare_digest(offered, secret)
        return same

    def accepts(self, verdict: Verdict) -> bool:
        """A stale signature is refused only where signatures are required.

        Whether BigCommerce renews the timestamp for a retry, up to 48 hours later, is not documented. Where the header
        alone would do, nobody gains anything by an old signature, and refusing it could switch the webhook off.
        """
        if self.mode == "required":
            return verdict == "good"
        return verdict != "bad"


class Trust:
    """Decides whether a raw delivery is authentic, and whose it may be."""

    def __init__(self, config: GatewayConfig, *, now: Callable[[], float] = time.time) -> None:
        self._stores = tuple(_Store(store) for store in config.stores)
        self._by_hash = {store.hash: (store,) for store in self._stores}
        self._configured = frozenset(self._by_hash)
        self._tolerance = config.signature_tolerance
        self._now = now

    def authenticate(self, raw: RawDelivery) -> Authentic:
        """Raises Untrusted.

        A path that names a configured store admits that store's secrets only; otherwise, since several stores may share
        a secret, the body decides among those that match.
        """
        candidates = self._by_hash.get(raw.path_store or "", self._stores)
        offered = raw.secret
        best: Verdict | None = None
        accepted: list[_Store] = []
        for store in candidates:
            if offered and store.knows(offered):
                verdict = self._verdict(store, raw)
                best = verdict if best is None else min(best, verdict, key=_RANK)
                if store.accepts(verdict):
                    accepted.append(store)
        if best is None:
            raise Untrusted("secret")
        if not accepted:
            raise Untrusted(f"signature-{best}", best)
        stores = accepted[0].alone if len(accepted) == 1 else frozenset(store.hash for store in accepted)
        return Authentic(raw, best, stores, self._configured, seal=SEAL)

    def _verdict(self, store: _Store, raw: RawDelivery) -> Verdict:
        if store.mode == "off" or not store.keys:
            return "unchecked"
        return signature_verdict(raw, store.keys, now=self._now(), tolerance=self._tolerance)


_BEST_FIRST: Final[tuple[Verdict, ...]] = ("good", "stale", "absent", "unchecked", "bad")
_RANK: Final = _BEST_FIRST.index
VERDICTS: Final = _BEST_FIRST
