"""Which commands are settled. The position is the lowest offset that is not; what is settled above it is a bitmap.

In the store: one value per block of offsets, so that a commit writes only the blocks that it touches.
"""

from collections import deque
from collections.abc import Iterable, Iterator

from streams.store import Store

PREFIX = b"\0settled/"
_BLOCK = 1024


class Offsets:
    def __init__(self) -> None:
        self.position: int | None = None  # None: nothing was taken yet
        self._blocks: dict[int, int] = {}
        self._stored: set[int] = set()
        self._taken: deque[int] = deque()
        self._next: int | None = None

    def load(self, store: Store) -> None:
        for key, value in store.scan(PREFIX):
            block = int.from_bytes(key[len(PREFIX) :], "big")
            self._blocks[block] = int.from_bytes(value, "little")
            self._stored.add(block)

    def take(self, offset: int) -> bool:
        """A command was read; False if it is settled already."""
        self._next = offset + 1
        if self._settled(offset):
            return False
        self._taken.append(offset)
        return True

    def __len__(self) -> int:
        """Commands read and not settled, and settled ones behind them."""
        return len(self._taken)

    def settle(self, settled: Iterable[int]) -> Iterator[tuple[bytes, bytes | None]]:
        """Moves the position; yields the changes that bring the store there."""
        touched = set()
        for offset in settled:
            block, bit = divmod(offset, _BLOCK)
            self._blocks[block] = self._blocks.get(block, 0) | 1 << bit
            touched.add(block)
        while self._taken and self._settled(self._taken[0]):
            self._taken.popleft()
        self.position = self._taken[0] if self._taken else self._next
        behind = self._trim() if self.position is not None else set()
        for block in sorted(behind & self._stored):
            yield _key(block), None
        for block in sorted(touched - behind):
            yield _key(block), self._blocks[block].to_bytes(_BLOCK // 8, "little")
        self._stored = (self._stored | touched) - behind

    def _trim(self) -> set[int]:
        """Blocks that say nothing about offsets from the position on: they are not needed any more."""
        assert self.position is not None
        current, bit = divmod(self.position, _BLOCK)
        behind = {
            block for block, bits in self._blocks.items() if block < current or (block == current and not bits >> bit)
        }
        for block in behind:
            del self._blocks[block]
        return behind

    def _settled(self, offset: int) -> bool:
        block, bit = divmod(offset, _BLOCK)
        return bool(self._blocks.get(block, 0) >> bit & 1)


def _key(block: int) -> bytes:
    return PREFIX + block.to_bytes(8, "big")
