"""Which deliveries came shortly before. Only a figure hangs on it: a repeated delivery marks its entity dirty again."""

from typing import Final

_MOST: Final = 50_000


class Seen:
    """The last ``most`` hashes, of this process."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._hashes: dict[str, None] = {}  # in order of arrival

    def __len__(self) -> int:
        return len(self._hashes)

    def before(self, hash: str) -> bool:  # noqa: A002
        """Whether it was asked before; remembers it."""
        if hash in self._hashes:
            return True
        self._hashes[hash] = None
        if len(self._hashes) > self._most:
            del self._hashes[next(iter(self._hashes))]
        return False
