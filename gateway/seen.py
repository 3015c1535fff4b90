"""Which deliveries came shortly before. Only a figure hangs on it: a repeated delivery marks its entity dirty again."""

from collections import OrderedDict
from typing import Final

_MOST: Final = 50_000


class Seen:
    """The last ``most`` hashes, of this process."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._hashes: OrderedDict[str, None] = OrderedDict()  # a dict would look for its first key from the start

    def __len__(self) -> int:
        return len(self._hashes)

    def before(self, hash: str) -> bool:  # noqa: A002
        """Whether it was asked before; remembers it."""
        if hash in self._hashes:
            return True
        self._hashes[hash] = None
        if len(self._hashes) > self._most:
            self._hashes.popitem(last=False)
        return False
