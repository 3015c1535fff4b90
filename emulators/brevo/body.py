"""Reading a JSON request: typed fields, refused with Brevo's sentences when they are missing or of the wrong type."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import orjson
from starlette.requests import Request

from emulators.brevo.errors import Refusal, invalid, missing, out_of_range

T = TypeVar("T")


class Body:
    """A JSON object. Every reader returns ``None`` for a field that is absent or null, unless it is required."""

    def __init__(self, values: dict[str, object], name: str = "") -> None:
        self.values = values
        self._prefix = f"{name}." if name else ""

    @classmethod
    async def of(cls, request: Request) -> "Body":
        try:
            found = orjson.loads(await request.body())
        except orjson.JSONDecodeError:
            raise Refusal(400, "bad_request", "The request body is not valid JSON") from None
        if not isinstance(found, dict):
            raise Refusal(400, "bad_request", f"The request body is {_kind(found)}, but an object is expected")
        return cls(found)

    def text(self, field: str, longest: int | None = None) -> str | None:
        found = self.values.get(field)
        if found is None:
            return None
        if not isinstance(found, str):
            raise self._wrong(field, "a string")
        if longest is not None and len(found) > longest:
            raise out_of_range(f"{self._prefix}{field} has {len(found)} characters, at most {longest} are allowed")
        return found

    def required_text(self, field: str, longest: int | None = None) -> str:
        found = self.text(field, longest)
        if not found:
            raise self._missing(field)
        return found

    def flag(self, field: str, default: bool | None = None) -> bool | None:
        found = self.values.get(field)
        if found is None:
            return default
        if not isinstance(found, bool):
            raise self._wrong(field, "a boolean")
        return found

    def number(self, field: str) -> float | None:
        found = self.values.get(field)
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
            raise self._wrong(field, "a number")
        return found

    def required_number(self, field: str) -> float:
        found = self.number(field)
        if found is None:
            raise self._missing(field)
        return found

    def integer(self, field: str) -> int | None:
        found = self.values.get(field)
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, int):
            raise self._wrong(field, "an integer")
        return found

    def integers(self, field: str) -> list[int] | None:
        found = self._array(field)
        if found is None:
            return None
        if any(isinstance(item, bool) or not isinstance(item, int) for item in found):
            raise self._wrong(field, "an array of integers")
        return [item for item in found if isinstance(item, int)]

    def texts(self, field: str) -> list[str] | None:
        found = self._array(field)
        if found is None:
            return None
        if not all(isinstance(item, str) for item in found):
            raise self._wrong(field, "an array of strings")
        return [item for item in found if isinstance(item, str)]

    def record(self, field: str) -> "Body | None":
        found = self.values.get(field)
        if found is None:
            return None
        if not isinstance(found, dict):
            raise self._wrong(field, "an object")
        return Body(found, f"{self._prefix}{field}")

    def records(self, field: str) -> "list[Body]":
        """A required array of objects, each with its place in its name."""
        found = self._array(field)
        if found is None:
            raise self._missing(field)
        if not all(isinstance(item, dict) for item in found):
            raise self._wrong(field, "an array of objects")
        return [
            Body(item, f"{self._prefix}{field}[{place}]") for place, item in enumerate(found) if isinstance(item, dict)
        ]

    def one_of(self, *fields: str) -> str:
        """The only field of these that is given."""
        given = [field for field in fields if self.values.get(field) is not None]
        if len(given) != 1:
            raise missing(f"Exactly one of {', '.join(fields)} is expected, found {', '.join(given) or 'none'}")
        return given[0]

    def _array(self, field: str) -> list[object] | None:
        found = self.values.get(field)
        if found is not None and not isinstance(found, list):
            raise self._wrong(field, "an array")
        return found

    def _missing(self, field: str) -> Refusal:
        return missing(f"{self._prefix}{field} is missing")

    def _wrong(self, field: str, expected: str) -> Refusal:
        return invalid(f"{self._prefix}{field} is {_kind(self.values[field])}, but {expected} is expected")


@dataclass(frozen=True)
class Page:
    """A page of a listing: ``limit`` and ``offset`` of the query, and its order."""

    limit: int
    offset: int
    ascending: bool

    @classmethod
    def of(cls, request: Request, default: int, largest: int) -> "Page":
        limit = _whole(request, "limit", default)
        offset = _whole(request, "offset", 0)
        if not 1 <= limit <= largest:
            raise out_of_range(f"limit is {limit}, but 1 to {largest} is expected")
        sort = request.query_params.get("sort", "desc")
        if sort not in ("asc", "desc"):
            raise invalid(f"sort is {sort!r}, but asc or desc is expected")
        return cls(limit, offset, sort == "asc")

    def cut(self, oldest_first: Sequence[T]) -> list[T]:
        ordered = oldest_first if self.ascending else oldest_first[::-1]
        return list(ordered[self.offset : self.offset + self.limit])


def _whole(request: Request, field: str, default: int) -> int:
    text = request.query_params.get(field)
    if text is None:
        return default
    if not text.isdecimal():
        raise invalid(f"{field} is {text!r}, but a whole number is expected")
    return int(text)


def _kind(value: object) -> str:
    kinds = {type(None): "null", bool: "a boolean", str: "a string", int: "an integer", float: "a number"}
    return kinds.get(type(value), "an array" if isinstance(value, list) else "an object")
