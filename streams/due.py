"""When states want their next tick: an index in a fold's store and changelog, ordered by time, corrected late.

An entry says that a state may be due from its time on; what the state itself says then is what counts. A state that
wants a tick has an entry at that moment or before it, unless it could not take a tick since its last record. So a time
that moves on costs nothing until the earlier one has come: a busy cart moves it with each of its changes.
"""

from collections.abc import Iterator
from typing import Final

from streams.store import Store

PRIVATE: Final = b"\0"
"""Keys of a fold's store and changelog that start with it are of no table."""
INDEX: Final = PRIVATE + b"due/"  # + 8 bytes of Unix ms, big-endian, + key
TICKED: Final = PRIVATE + b"ticked"
"""Until when ticks were folded, Unix ms."""
_TIME: Final = len(INDEX) + 8


def entry(when: int, key: bytes) -> bytes:
    """Its key in the store. Earlier than the epoch is as due as the epoch itself."""
    return INDEX + max(when, 0).to_bytes(8, "big") + key


def entries(store: Store, *, start: int = 0, until: int | None = None) -> Iterator[tuple[int, bytes]]:
    """(time, key) in order: ``start`` <= time < ``until``. Use it up before the next await, or let go of it."""
    end = None if until is None else entry(until, b"")
    for found, _ in store.scan(INDEX, start=entry(start, b""), until=end):
        yield int.from_bytes(found[len(INDEX) : _TIME], "big"), found[_TIME:]


def ticked(store: Store) -> int:
    """Until when ticks were folded; 0: none was."""
    return int(store.get([TICKED])[TICKED] or 0)
