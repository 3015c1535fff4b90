"""Connections that owe us a request: how long they may, and how many."""

import asyncio
from typing import Generic, Protocol, TypeVar

_LOOK_SECONDS = 0.5


class _Guest(Protocol):
    transport: asyncio.Transport


_G = TypeVar("_G", bound=_Guest)


class Lobby(Generic[_G]):
    """``idle_seconds``: without a byte. ``head_seconds``: from a request's first byte to the end of its head.

    ``room``: connections altogether. With one more, who has been idle for longest is closed: a gateway out of
    descriptors could not take anybody's deliveries.
    """

    def __init__(self, *, room: int, idle_seconds: float, head_seconds: float) -> None:
        self.room = room
        self._seconds = (idle_seconds, head_seconds)
        self._idle: dict[_G, float] = {}  # both in order of time
        self._begun: dict[_G, float] = {}
        self._loop = asyncio.get_running_loop()
        self._looking: asyncio.TimerHandle | None = None

    def __contains__(self, guest: _G) -> bool:
        return guest in self._begun or guest in self._idle

    def __len__(self) -> int:
        return len(self._idle) + len(self._begun)

    def idle(self, guest: _G) -> None:
        """It has just come, or was answered."""
        if guest in self._begun:
            return
        self._idle[guest] = self._loop.time()
        if self._looking is None:
            self._watch()

    def crowded(self) -> None:
        """There are more than ``room``; the newest is idle, so there is one to end."""
        self._end(next(iter(self._idle)))

    def begins(self, guest: _G) -> None:
        """The head of its request has begun. In a pipeline it may come while the one before is under way."""
        self._idle.pop(guest, None)
        self._begun.setdefault(guest, self._loop.time())
        self._watch()

    def leaves(self, guest: _G) -> None:
        """Its request's head is there, or it is gone."""
        self._idle.pop(guest, None)
        if self._begun:
            self._begun.pop(guest, None)

    def _watch(self) -> None:
        if self._looking is None:
            self._looking = self._loop.call_later(_LOOK_SECONDS, self._look)

    def _look(self) -> None:
        now = self._loop.time()
        for waiting, seconds in zip((self._idle, self._begun), self._seconds, strict=True):
            while waiting and now - waiting[first := next(iter(waiting))] > seconds:
                self._end(first)
        self._looking = None
        if len(self):
            self._watch()

    def _end(self, guest: _G) -> None:
        self.leaves(guest)
        guest.transport.close()
