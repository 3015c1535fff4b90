"""Times as BigCommerce writes them, to Unix milliseconds and back.

Orders v2 write RFC 2822 ("Tue, 05 Mar 2019 21:40:11 +0000"), all else ISO 8601, most in UTC, some without a zone.
"""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache

from schemas.errors import BadRecord

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_DAY, _SECOND = 86_400_000, 1_000
_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"


@lru_cache(1 << 14)  # the same few moments stand in many records: created, modified, fetched again
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
        return _as_written(text) or parsedate_to_datetime(text)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return parsedate_to_datetime(text)


def _as_written(text: str) -> datetime | None:
    """The one form in which orders v2 write times, `Tue, 05 Mar 2019 21:40:11 +0000`: a tenth of the parser's time."""
    day, _, rest = text.partition(", ")
    if len(rest) != 26 or not rest.endswith(" +0000") or len(day) != 3:
        return None
    month, off = divmod(_MONTHS.find(rest[3:6]) + 3, 3)
    if month < 1 or off or rest[2] + rest[6] + rest[11] + rest[14] + rest[17] != "  " + " ::":
        return None
    numbers = (rest[7:11], rest[0:2], rest[12:14], rest[15:17], rest[18:20])
    if not text.isascii() or not all(number.isdecimal() for number in numbers):
        return None
    year, date_, hour, minute, second = map(int, numbers)
    return datetime(year, month, date_, hour, minute, second, tzinfo=UTC)


def iso(moment: int) -> str:
    """Unix ms -> `2026-03-05T21:40:11Z`, whole seconds, as Brevo's order records and our events write it."""
    return f"{_second(moment // _SECOND)}Z"


def iso_milliseconds(moment: int) -> str:
    """Unix ms -> `2026-03-05T21:40:11.123Z` (RFC 3339), as CloudEvents' `ce_time` is written."""
    seconds, rest = divmod(moment, _SECOND)
    return f"{_second(seconds)}.{rest:03d}Z"


def date(moment: int) -> str:
    """Unix ms -> `2026-03-05`, the day in UTC, as Brevo's attributes of type date take it."""
    return _day(moment // _DAY)


@lru_cache(1 << 10)
def _day(days: int) -> str:
    """Days since 1970 -> `2026-03-05`; four digits for every year, which strftime does not promise."""
    return (_EPOCH + timedelta(days=days)).date().isoformat()


@lru_cache(1 << 12)
def _second(seconds: int) -> str:
    """Unix seconds -> `2026-03-05T21:40:11`."""
    days, second = divmod(seconds, 86_400)
    minutes, second = divmod(second, 60)
    return f"{_day(days)}T{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}"
