"""Dead letters of deliveries whose entity could not be read: what they said; the bodies lie in the webhook topic."""

import msgspec

from projections.fold import Output
from schemas import topics
from streams.enrich.marks import Wanted

_CONNECT = "__connect.errors."


def dead_letters(store_hash: str, wanted: Wanted, error: Exception) -> list[Output]:
    """One letter for the mark: key store hash, value {kind, id, causes, …}. Cure: read the entity again (a sync)."""
    value = msgspec.json.encode({"kind": wanted.kind, "id": wanted.id, **msgspec.structs.asdict(wanted.mark)})
    headers = (
        (_CONNECT + "topic", topics.WEBHOOK.encode()),
        (_CONNECT + "stage", b"fetch"),
        (_CONNECT + "exception.class.name", type(error).__name__.encode()),
        (_CONNECT + "exception.message", str(error).encode()),
        ("attempts", b"%d" % (wanted.attempts + 1)),
    )
    return [Output(topics.dead(topics.WEBHOOK), store_hash.encode(), value, headers)]
