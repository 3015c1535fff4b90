"""The regular reconcile: everything modified since the last one is listed, so that what no webhook told is found.

Its window begins before the last one's end: lists of an API may lag, and an order whose status no delivery has
explained is told only by a later look at it (`orders.unexplained_after`).
"""

from connectors.clock import Clock
from schemas.requests import Reconcile, Resource
from streams.enrich.importer import Importer
from streams.enrich.state import State, merged

_FIRST_LOOK_MS = 60_000  # how often it is asked whether the store is live


class Reconciler:
    """``every_ms``: from one to the next. ``overlap_ms``: how far each reaches back beyond the last; of the clock."""

    def __init__(
        self,
        state: State,
        importer: Importer,
        clock: Clock,
        *,
        resources: tuple[Resource, ...],
        every_ms: int,
        overlap_ms: int,
    ) -> None:
        self._state, self._importer, self._clock = state, importer, clock
        self._resources, self._every, self._overlap = resources, every_ms, overlap_ms

    async def run(self) -> None:
        """Until cancelled. What a stopped program missed lies in the first window after its start."""
        while True:
            info = self._state.info
            if info.live_since is None:
                await self._clock.sleep_until(self._clock.now() + _FIRST_LOOK_MS)
                continue
            last = info.reconciled_until or info.live_since
            await self._clock.sleep_until(last + self._every)
            with self._clock.work():
                await self._ask(last)

    async def _ask(self, last: int) -> None:
        """The job and the end of its window are committed as one: no window is left out, whatever dies when."""
        now = self._clock.now()
        job = Reconcile(
            store=self._state.store_hash, at=now, since=last - self._overlap, until=now, resources=self._resources
        )
        self._state.info.reconciled_until = now
        await self._state.writer.write([], merged(self._importer.add(job), self._state.info_changed()))
