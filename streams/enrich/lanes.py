"""When marks are read: a lane per kind of entity, side by side, so that one kind in trouble holds up no other.

Marks are taken only when a request can start at once, so that while the quota is used up they go on coalescing.
- 401: the store is disconnected; all lanes wait, and one read a minute tries whether the token is good again.
- 403: this lane waits some minutes, and says which OAuth scope is missing.
- 5xx, time-outs: this lane waits longer and longer; so do the marks that were in the read, alone in the end.
- answers that cannot be used: so do these; what stays unusable ends in the dead letters of its deliveries.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from connectors.bigcommerce.errors import (
    BigCommerceError,
    Garbage,
    MissingScope,
    NotFound,
    RateLimited,
    Refused,
    Unauthorized,
)
from connectors.bigcommerce.limits import Limiter
from connectors.bigcommerce.scopes import Kind
from connectors.clock import Clock
from streams.enrich.deadletters import dead_letters
from streams.enrich.marks import Wanted
from streams.enrich.source import Desk, Source
from streams.enrich.troubles import CONNECTION, Troubles
from streams.enrich.waiting import first_of
from streams.enrich.writer import Spawn

RETRY_DISCONNECTED_MS = 60_000
RETRY_SCOPE_MS = 5 * 60_000
_LONGEST_LANE_MS, _LONGEST_MARK_MS = 60_000, 5 * 60_000
log = structlog.get_logger("tajo.enrich")


@dataclass(slots=True)
class Lane:
    kind: Kind
    source: Source
    running: int = 0
    failures: int = 0  # reads in a row
    paused_until: int = 0

    @property
    def room(self) -> bool:
        """A lane in trouble tries with one read at a time."""
        return self.running < (1 if self.failures else self.source.parallel)


@dataclass(slots=True)
class Token:
    """Whether the access token is good. ``try_at``: clock time of the next try while it is not."""

    try_at: int | None = None

    def lost(self, now: int) -> None:
        self.try_at = now + RETRY_DISCONNECTED_MS

    def good(self) -> None:
        self.try_at = None


@dataclass(slots=True)
class LaneCounts:
    """For the live view. ``deliveries``: folded into facts that were read; more than ``reads`` is what was saved."""

    reads: int = 0
    entities: int = 0
    deliveries: int = 0
    failed: int = 0
    given_up: int = 0


class Lanes:
    def __init__(
        self,
        desk: Desk,
        sources: Mapping[Kind, Source],
        *,
        clock: Clock,
        limiter: Limiter,
        troubles: Troubles,
        token: Token,
        give_up_after: int,
        spawn: Spawn,
    ) -> None:
        self.counts = LaneCounts()
        self.running: set[asyncio.Task[None]] = set()
        self._desk, self._clock, self._limiter, self._spawn = desk, clock, limiter, spawn
        self._troubles, self._token, self._give_up_after = troubles, token, give_up_after
        self._lanes = [Lane(kind, source) for kind, source in sources.items()]
        self._wake = asyncio.Event()
        limiter.changed = self._wake.set

    @property
    def stirred(self) -> bool:
        """Whether there is something that ``run`` has not looked at: news, or a mark that is due and can be read."""
        now = self._clock.now()
        return self._wake.is_set() or any(self._may_start(lane, now) for lane in self._lanes)

    def wake(self) -> None:
        """Something was marked."""
        self._wake.set()

    async def run(self) -> None:
        """Starts what is due and can start, until cancelled."""
        while True:
            self._wake.clear()
            now = self._clock.now()
            for lane in self._lanes:
                while self._may_start(lane, now):
                    wanted = self._desk.marks.take(lane.kind, now, lane.source.batch)
                    lane.running += 1
                    task = self._spawn(self._read(lane, wanted), f"reading of a {lane.kind}")
                    self.running.add(task)
                    task.add_done_callback(self._ended)
                    await asyncio.sleep(0)  # it takes its turn before the next one is considered
            await first_of(self._wake, self._clock, self._next_start(self._clock.now()))

    async def close(self) -> None:
        for task in self.running:
            task.cancel()
        await asyncio.gather(*self.running, return_exceptions=True)

    # --- when ---------------------------------------------------------------------------------------------------------

    def _may_start(self, lane: Lane, now: int) -> bool:
        due = self._due(lane)
        opens = self._limiter.opens_at()
        return due is not None and due <= now and opens is not None and opens <= now

    def _due(self, lane: Lane) -> int | None:
        """From when on this lane wants to read; None while it cannot or has nothing to."""
        first = self._desk.marks.next_due(lane.kind)
        if first is None or not lane.room:
            return None
        if lane.kind != "store" and not self._desk.state.info.asked:
            return None
        if self._token.try_at is not None:
            return None if self.running else max(self._token.try_at, first)
        return max(first, lane.paused_until)

    def _next_start(self, now: int) -> int | None:
        """When to look again, if nothing happens before."""
        wanted = [due for lane in self._lanes if (due := self._due(lane)) is not None]
        if not wanted:
            return None
        opens = self._limiter.opens_at()
        return None if opens is None else max(min(wanted), opens)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.running.discard(task)
        self._wake.set()

    # --- reading ------------------------------------------------------------------------------------------------------

    async def _read(self, lane: Lane, wanted: list[Wanted]) -> None:
        causes = sum(each.mark.causes_count for each in wanted)
        try:
            await lane.source.fetch(wanted)
        except BigCommerceError as error:
            self.counts.failed += 1
            await self._failed(lane, wanted, error)
        else:
            self.counts.reads += 1
            self.counts.entities += len(wanted)
            self.counts.deliveries += causes
            lane.failures = 0
            self._token.good()
            if changes := self._troubles.over(CONNECTION, lane.kind):
                await self._desk.state.writer.write([], changes)
        finally:
            lane.running -= 1

    async def _failed(self, lane: Lane, wanted: list[Wanted], error: BigCommerceError) -> None:
        now = self._clock.now()
        lane.failures += 1
        log.warning("read failed", store=self._desk.state.store_hash, kind=lane.kind, error=str(error))
        match error:
            case Unauthorized():
                self._token.lost(now)
                self._put_back(wanted, now + RETRY_DISCONNECTED_MS)
                changes = self._troubles.met(CONNECTION, "disconnected", str(error), now)
            case MissingScope():
                lane.paused_until = now + RETRY_SCOPE_MS
                self._put_back(wanted, lane.paused_until)
                changes = self._troubles.met(lane.kind, "scope", str(error), now)
            case RateLimited():
                self._put_back(wanted, now)  # the limiter knows how long
                changes = self._troubles.met(lane.kind, "unavailable", str(error), now)
            case _:
                lane.paused_until = now + _growing(1_000, lane.failures, _LONGEST_LANE_MS)
                await self._put_back_or_give_up(wanted, now, error)
                unreadable = isinstance(error, Garbage | Refused | NotFound)
                changes = self._troubles.met(lane.kind, "unreadable" if unreadable else "unavailable", str(error), now)
        if changes:
            await self._desk.state.writer.write([], changes)

    def _put_back(self, wanted: list[Wanted], retry_at: int) -> None:
        for each in wanted:
            self._desk.marks.failed(each, retry_at, counts=False)

    async def _put_back_or_give_up(self, wanted: list[Wanted], now: int, error: BigCommerceError) -> None:
        """Only an entity that was read alone is known to be the one that spoils the answer.

        The store's own record is never given up, since everything else waits for it.
        """
        unusable = isinstance(error, Garbage | Refused | NotFound) and len(wanted) == 1
        for each in wanted:
            if unusable and each.kind != "store" and each.attempts + 1 >= self._give_up_after:
                self.counts.given_up += 1
                letters = dead_letters(self._desk.state.store_hash, each, error)
                await self._desk.state.writer.write(letters, self._desk.marks.done(each))
            else:
                delay = _growing(2_000, each.attempts, _LONGEST_MARK_MS)
                self._desk.marks.failed(each, now + delay)


def _growing(first: int, times: int, longest: int) -> int:
    return min(longest, first << min(times, 20))
