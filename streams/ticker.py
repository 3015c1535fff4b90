"""Time reaches folds as data: when the first state is due, a tick is appended to its partition of commerce.cart.v1."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from connectors.clock import Clock
from projections.fold import TICK, Output
from schemas import topics
from schemas.facts import CartFact
from streams import due
from streams.batch import Changes, Folding
from streams.store import Store

Commit = Callable[[list[Output], Changes], Awaitable[None]]
_encode: Final = msgspec.json.Encoder().encode


class Ticker:
    """Of one partition. ``alone``: held while a batch is folded; then the store stands still for whoever has it."""

    def __init__(
        self, clock: Clock, partition: int, store: Store, folding: Folding, alone: asyncio.Lock, commit: Commit
    ) -> None:
        self._clock, self._partition, self._store = clock, partition, store
        self._folding, self._alone, self._commit = folding, alone, commit
        self._moved = asyncio.Event()  # set after each batch: another state may be the first one now
        self._nap: asyncio.Timeout | None = None  # while it sleeps
        self._made = 0  # time of the last tick that was appended

    async def run(self) -> None:
        """Appends a tick whenever the first is due, each after the last was folded; corrects the index else."""
        while True:
            self._moved.clear()
            first = next(due.entries(self._store), None)
            if first is None or self._folding.ticked_at < self._made:
                await self._moved.wait()
            elif await self._slept(max(first[0], self._made + 1)):
                with self._clock.work():
                    async with self._alone:
                        await self._look()

    def look_again(self) -> None:
        """A batch was folded."""
        self._moved.set()
        if self._nap:
            self._nap.reschedule(0)
            self._nap = None

    async def _slept(self, until: int) -> bool:
        """True once the time has come; False if a batch was folded before, so that another may be due first.

        It sleeps in the ticker's own task: a simulated clock sees no moment between its waking and its work.
        """
        try:
            async with asyncio.timeout(None) as self._nap:
                await self._clock.sleep_until(until)
            return True
        except TimeoutError:
            return False
        finally:
            self._nap = None

    async def _look(self) -> None:
        now = self._clock.now()
        if (changes := self._folding.corrections(now)) is not None:
            await self._commit([], changes)
            return
        self._made = now
        tick = CartFact(kind="tick", store="", id="", fetched_at=now)
        await self._commit([Output(topics.CART, TICK, _encode(tick), partition=self._partition)], [])
