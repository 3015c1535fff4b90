"""Brevo's own webhooks: topic brevo.event.v1, key: the account; the body as it came.

One event, or with `batched` an array of up to 500 of them (docs/marketing-webhooks, docs/transactional-webhooks and
docs/batch-webhooks at developers.brevo.com). Fields are read as loosely as they are documented: a body is refused as a
whole only when it holds no events at all.
"""

from typing import Any, Final

import msgspec

from schemas.errors import BadRecord

# Seconds and milliseconds since 1970 stand under the same names: below this they are seconds (until the year 5138).
_MILLISECONDS: Final = 100_000_000_000
_LATEST: Final = 253_402_300_800_000  # the year 10000


class Event(msgspec.Struct, frozen=True):
    """``event``: `unsubscribe` (campaigns), `unsubscribed` (other mails), `spam`, `hard_bounce` and others.

    ``ts_event`` and ``ts_epoch`` are UTC. The other times are not used: `ts` of campaigns is off by the zone of Paris,
    `date` is written in it, `date_event` in the account's own, and none says so.
    """

    event: Any = None
    email: Any = None
    ts_event: Any = None
    ts_epoch: Any = None

    @property
    def name(self) -> str:
        return self.event if isinstance(self.event, str) else ""

    @property
    def address(self) -> str:
        """As Brevo writes it; '' when there is none."""
        return self.email if isinstance(self.email, str) else ""

    @property
    def at(self) -> int | None:
        """When it happened, Unix ms; None when Brevo does not say."""
        return _moment(self.ts_event) or _moment(self.ts_epoch)


_BODY: Final = msgspec.json.Decoder(Event | list[Event])


def events_of(body: bytes) -> list[Event]:
    """The events of a body, in order. Raises BadRecord (stage `decode`) when it is no JSON, or one holds no name."""
    try:
        decoded = _BODY.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        said = "it nests too deeply" if isinstance(error, RecursionError) else str(error)
        raise BadRecord(f"Not a webhook of Brevo: {said}.", stage="decode") from error
    found = decoded if isinstance(decoded, list) else [decoded]
    if not any(each.name for each in found):
        raise BadRecord("Not a webhook of Brevo: nothing in it names an event.", stage="decode")
    return found


def _moment(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        return None
    moment = value * 1000 if value < _MILLISECONDS else value
    return moment if moment < _LATEST else None
