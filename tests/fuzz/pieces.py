"""Choices out of bytes: what a fuzzer changes in them changes one choice."""

from collections.abc import Sequence
from typing import TypeVar

_T = TypeVar("_T")


class Pieces:
    """When the bytes are used up, all further numbers are 0 and all further strings empty."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def number(self) -> int:
        """0 to 255."""
        at, self._at = self._at, self._at + 1
        return self._data[at] if at < len(self._data) else 0

    def short(self) -> bytes:
        size = self.number() & 63
        at, self._at = self._at, self._at + size
        return self._data[at : at + size]

    def rest(self) -> bytes:
        at, self._at = self._at, len(self._data)
        return self._data[at:]

    def one_of(self, choices: Sequence[_T]) -> _T:
        return choices[self.number() % len(choices)]

    def either(self, usual: _T, other: _T) -> _T:
        """The usual one seven times out of eight."""
        return other if self.number() & 7 == 7 else usual

    def maybe(self, value: _T) -> _T | None:
        return self.either(value, None)
