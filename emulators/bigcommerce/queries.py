"""Query parameters as both versions of the API take them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MOST = 250


class BadQuery(ValueError):
    """A parameter has a value that the API does not take."""

    def __init__(self, parameter: str, value: str, wanted: str) -> None:
        super().__init__(f"The parameter '{parameter}' is '{value}', which is not {wanted}.")
        self.parameter = parameter


class TooMany(ValueError):
    """A v2 ``limit`` above 250, which is answered 413."""


class Query:
    def __init__(self, parameters: Mapping[str, str]) -> None:
        self._parameters = parameters

    def __contains__(self, name: str) -> bool:
        return name in self._parameters

    def text(self, name: str) -> str | None:
        return self._parameters.get(name)

    def number(self, name: str) -> int | None:
        value = self._parameters.get(name)
        if value is None:
            return None
        try:
            return int(value)
        except ValueError:
            raise BadQuery(name, value, "an integer") from None

    def numbers(self, name: str) -> list[int] | None:
        """``id:in=4,5,6``; None when the parameter is not there."""
        value = self._parameters.get(name)
        if value is None:
            return None
        try:
            return [int(part) for part in value.split(",") if part.strip()]
        except ValueError:
            raise BadQuery(name, value, "a list of integers with commas between") from None

    def texts(self, name: str) -> list[str] | None:
        value = self._parameters.get(name)
        return None if value is None else [part.strip() for part in value.split(",") if part.strip()]

    def flag(self, name: str) -> bool | None:
        value = self._parameters.get(name)
        if value is None:
            return None
        if value.lower() not in ("true", "false", "1", "0"):
            raise BadQuery(name, value, "true or false")
        return value.lower() in ("true", "1")

    def date(self, name: str, *, time_of_day_from: int | None = None) -> int | None:
        """Unix ms from ISO 8601 or RFC 2822; without a zone it is UTC.

        The catalogue adds the present time of day to a bare date: pass the present as ``time_of_day_from`` there.
        """
        value = self._parameters.get(name)
        if value is None:
            return None
        moment = _moment(value)
        if moment is None:
            raise BadQuery(name, value, "a date in ISO 8601 or RFC 2822 (is its + sent as %2B?)")
        ms = int(moment.timestamp()) * 1000
        if time_of_day_from is not None and len(value) == 10:
            ms += time_of_day_from % 86_400_000
        return ms

    def page(self) -> int:
        return max(1, self.number("page") or 1)

    def limit_v2(self) -> int:
        """Default 50. Raises ``TooMany`` above 250."""
        limit = self.number("limit")
        if limit is not None and limit > MOST:
            raise TooMany
        return max(1, limit or 50)

    def limit_v3(self, most: int = MOST) -> int:
        """Default 50; more than ``most`` gets ``most``."""
        return min(most, max(1, self.number("limit") or 50))


def _moment(value: str) -> datetime | None:
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(value)
        except (ValueError, TypeError):
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None
