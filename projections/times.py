"""Times as BigCommerce writes them, to Unix milliseconds and back.

Orders v2 write RFC 2822 ("Tue, 05 Mar 2019 21:40:11 +0000"), all else ISO 8601, most in UTC, some without a zone.
"""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from schemas.errors import BadRecord

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def milliseconds(text: str) -> int:
    """Either form to Unix ms; 0 for ''. Without a zone it is UTC. Raises BadRecord for what is no time."""
    if not text:
        return 0
    try:
        moment = _parsed(text)
    except ValueError as error:
        raise BadRecord(
            f"The time {text!r} is neither RFC 2822 nor ISO 8601; fetch the record again, its times cannot be read."
        ) from error
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MILLISECOND


def _parsed(text: str) -> datetime:
    if text[0].isalpha():  # "Tue, ...": asking the other parser first would take as long as parsing
        return parsedate_to_datetime(text)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return parsedate_to_datetime(text)


def iso(moment: int) -> str:
    """Unix ms -> `2026-03-05T21:40:11Z`, whole seconds, as Brevo's order records and our events write it."""
    return _at(moment).strftime("%Y-%m-%dT%H:%M:%SZ")


def date(moment: int) -> str:
    """Unix ms -> `2026-03-05`, the day in UTC, as Brevo's attributes of type date take it."""
    return _at(moment).date().isoformat()  # four digits for every year, which strftime does not promise


def _at(moment: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=moment)
