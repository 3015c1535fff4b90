"""When something that happened is told, and what names an event and its channel.

Decided by business time, not by how we heard of it: it has to have happened after the store went live, and not longer
than the age limit before it was fetched.
"""

from typing import Final

from schemas.commands import SendEvent
from schemas.settings import StoreSettings

HOUR: Final = 3_600_000
AGE_LIMIT: Final = 24 * HOUR
COMPACTION_LAG: Final = 14 * 24 * HOUR  # min.compaction.lag.ms of the topics of facts


def is_due(at: int, *, live_since: int | None, fetched_at: int) -> bool:
    """``at``: Unix ms of the thing itself."""
    return not is_historical(at, live_since) and fetched_at - at <= AGE_LIMIT


def is_historical(at: int, live_since: int | None) -> bool:
    """Whether it happened before the store went live, or the store is not live yet."""
    return live_since is None or at < live_since


def channel_name(store: StoreSettings, channel: int | None) -> str:
    """The configured name, else the id; '' when it is not known."""
    return "" if channel is None else store.channels.get(str(channel), str(channel))


def data_event(
    store: StoreSettings, channel: int | None, *, event_id: str, name: str, at: int, own: dict[str, object]
) -> SendEvent:
    """An event about orders or customers: data, which goes to blocklisted contacts too and is resent when in doubt.

    Its e-mail is filled in by `contacts`. It never expires: an order stays told however late Brevo could be reached.
    """
    common = {"tajo_id": event_id, "store": store.name, "channel": channel_name(store, channel)}
    return SendEvent(id=event_id, email="", name=name, at=at, properties=common | own, in_doubt="resend")
