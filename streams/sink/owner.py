"""The owner of a partition of brevo.command.v1: reads commands, and lets each account's sink carry them out.

One partition may hold the commands of several accounts; an account lies in one partition, so its quota has one owner.
Position: the lowest offset that is not settled. A predecessor that did not say that it had stopped in order may still
believe in its lease, and Brevo may still be busy with its last request: nothing is sent before both have passed.
"""

import asyncio
from collections.abc import Callable, Mapping

from connectors.clock import Clock
from schemas import topics
from schemas.errors import BadRecord
from streams.headers import dead_letter
from streams.inbox import Record
from streams.owner import Owner, Parts
from streams.sink.account import AccountSink
from streams.sink.items import Item
from streams.sink.journal import Journal
from streams.sink.offsets import Offsets
from streams.sink.settings import Destination, Timings

NAME = "sink"  # of the table
INPUTS, OUTPUTS = (topics.COMMAND,), (topics.RECEIPT, topics.CONSENT)
_RELEASED = b"\0released"  # b"1": the last owner stopped in order; b"0": one is at work, or died


class SinkOwner(Owner):
    """``destinations``: account name (the records' key) -> where its commands go. ``parts.inputs``: the command topic.

    ``lease``: set by the driver: whether the partition is provably still ours.
    """

    outputs = frozenset((*OUTPUTS, *map(topics.dead, INPUTS)))

    def __init__(
        self,
        parts: Parts,
        destinations: Mapping[str, Destination],
        clock: Clock,
        timings: Timings = Timings(),  # noqa: B008 - frozen
    ) -> None:
        super().__init__(parts)
        self.lease: Callable[[], bool] = lambda: True
        self.accounts: dict[str, AccountSink] = {}
        self._destinations, self._clock, self._timings = destinations, clock, timings
        self._offsets = Offsets()
        self._closing = False
        self._predecessor_is_gone = False

    # --- life -------------------------------------------------------------------------------------

    async def ready(self) -> None:
        self._offsets.load(self.store)
        self._journal = Journal(self, self._offsets, self._clock)
        for name, destination in self._destinations.items():
            self.accounts[name] = AccountSink(
                name,
                destination,
                journal=self._journal,
                store=self.store,
                clock=self._clock,
                timings=self._timings,
                partition=self.partition,
                spawn=self.spawn,
                lease=lambda: self.lease(),
            )
        in_order = self.store.get([_RELEASED])[_RELEASED] != b"0"
        self._writer = self.spawn(self._journal.run(), "journal")
        self._starter = self.spawn(self._start(in_order), "start")

    async def _start(self, in_order: bool) -> None:
        self._journal.put(_RELEASED, b"0")
        await self._journal.flush()
        if not in_order:
            longest = max((one.account.timeout for one in self._destinations.values()), default=0.0)
            with self._clock.work():
                await asyncio.sleep(self._timings.session_s + longest)
        self._predecessor_is_gone = True
        await asyncio.gather(*(account.start() for account in self.accounts.values()))

    async def close(self) -> None:
        if self._closing or not self.accounts:  # never ready
            return
        self._closing = True
        self._journal.wake()
        await _ended(self._starter)
        answered = await asyncio.gather(*(account.close() for account in self.accounts.values()))
        if all(answered) and self._predecessor_is_gone:
            self._journal.put(_RELEASED, b"1")
        try:
            if not self._writer.done():  # else it has failed, and the process knows
                async with asyncio.timeout(self._timings.close_s):
                    await self._journal.flush()
        finally:
            await _ended(self._writer)

    @property
    def pending(self) -> int:
        """Commands read and not settled."""
        return len(self._offsets)

    # --- commands ---------------------------------------------------------------------------------

    async def work(self) -> None:
        await self._journal.room(lambda: self._closing or len(self._offsets) < self._timings.most_waiting)
        for _, records in self.take():
            for record in records:
                if self._offsets.take(record.offset):
                    self._accept(record)
        self._journal.touch()

    def _accept(self, record: Record) -> None:
        try:
            account = self._account(record)
            account.add(Item(record))
        except BadRecord as error:
            self._journal.write(dead_letter(topics.dead(topics.COMMAND), topics.COMMAND, self.partition, record, error))
            self._journal.settle(record.offset)

    def _account(self, record: Record) -> AccountSink:
        name = (record.key or b"").decode(errors="replace")
        if name not in self.accounts:
            raise BadRecord(
                f"The command is for the Brevo account {name!r}, but only {', '.join(self.accounts) or 'none'} is "
                f"configured: add it, then retry the command.",
                stage="send",
            )
        return self.accounts[name]


async def _ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)  # should it have failed, the process has been told
