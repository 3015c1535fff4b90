"""Dates as Brevo writes and reads them; Unix milliseconds inside."""

import re
from datetime import UTC, date, datetime

from emulators.brevo.errors import invalid

_ORDER_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,3})?Z")


def written(moment: int) -> str:
    """``2026-11-24T10:00:00.000Z``."""
    text = datetime.fromtimestamp(moment / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{moment % 1000:03d}Z"


def read(text: str, field: str) -> int:
    """An ISO 8601 date or date-time; without a zone it is taken as UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise invalid(f"{field} is {text!r}, but a date-time like 2026-11-24T10:00:00.000Z is expected") from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return round(found.timestamp() * 1000)


def read_order_time(text: str, field: str) -> int:
    """Orders take nothing but UTC: ``YYYY-MM-DDTHH:mm:ssZ``, milliseconds allowed."""
    if not _ORDER_TIME.fullmatch(text):
        raise invalid(f"{field} is {text!r}, but YYYY-MM-DDTHH:mm:ssZ in UTC is expected")
    return read(text, field)


def is_date(text: str) -> bool:
    """Whether it is ``YYYY-MM-DD``, the only form that a date attribute keeps."""
    if len(text) != 10:
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
