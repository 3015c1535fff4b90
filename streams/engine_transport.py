"""Faust's Kafka transport, changed so that it feeds owners: records go straight from the fetcher into their inboxes.

With the other modules streams.engine* the only place that touches private parts of Faust (0.15.3), mode (0.7.1) and
aiokafka (0.14.0); tests/streams/test_engine_private_parts.py fails when one of them goes.
"""

import asyncio
import time
import weakref
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import faust
from aiokafka.errors import IllegalStateError, NoOffsetForPartitionError, OffsetOutOfRangeError
from aiokafka.structs import ConsumerRecord
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.engine_records import InputRecords, Run, taken_up_to
from streams.owner import Owner
from streams.readers import Readers

RESTORES = 4  # at a time: one thread does the work, and each holds some fetches in memory


class Host(Protocol):
    """Who the owners belong to: streams.engine.Engine."""

    def new_owners(self, assigned: set[TP]) -> list[Owner]:
        """One per role and partition among ``assigned``."""

    async def position(self, owner: Owner) -> dict[str, int]:
        """From where the owner reads on. Raises PositionLost."""

    async def stop_owners(self, owners: Iterable[Owner]) -> None:
        """Each finishes what is under way and gives its partition up."""

    def fail(self, error: BaseException) -> None:
        """An owner can no longer be trusted: the process ends."""

    def cut_off(self, error: asyncio.CancelledError, what: str) -> None:
        """``what`` ends by this; the process too, unless somebody has asked for it."""


class OwnerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    def _create_worker_consumer(self, transport: Any) -> Any:
        # in_transaction is Faust's only way to read_committed; its other meanings (exactly_once) must stay off.
        self.consumer.in_transaction = True
        try:
            return super()._create_worker_consumer(transport)
        finally:
            self.consumer.in_transaction = False

    async def on_start(self) -> None:
        await super().on_start()
        coordinator = self._consumer._coordinator
        heartbeat = coordinator._do_heartbeat

        async def noted() -> bool:
            sent_at = time.monotonic()  # the broker's session counts from before the answer
            if answered := await heartbeat():
                self.consumer.heard_at = sent_at
            return bool(answered)

        coordinator._do_heartbeat = noted

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust's livelock detector takes every changelog that nobody has to read for a stream that hangs."""

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        # aiokafka begins to send heartbeats after this callback only, and fencing and opening stores take their time.
        self._consumer._coordinator._start_heartbeat_task()
        await super().on_partitions_assigned(assigned, generation_id)


class _ReadOffsets(defaultdict[TP, int | None]):
    """How far Faust believes to have read. It drops what lies before that, and may have it from before a rebalance,
    when others read: a wake-up of inputs would be lost."""

    def __setitem__(self, tp: TP, offset: int | None) -> None:
        if tp.topic not in InputRecords.inputs:
            super().__setitem__(tp, offset)


class OwnerConsumer(driver.Consumer):  # type: ignore[misc]
    """Feeds owners. Every call into it must expect that a partition has just been taken away."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.engine: Host = self.app.engine
        self.readers: dict[TP, Readers] = {}  # of each input partition, while assigned
        # Tells an owner from where it goes on: a task of its own, since Faust cancels whoever waits for it.
        self.begun: weakref.WeakKeyDictionary[Owner, asyncio.Task[None]] = weakref.WeakKeyDictionary()
        self.ready: weakref.WeakSet[Owner] = weakref.WeakSet()  # owners that have been told, and can be fed
        self.positioned: set[TP] = set()  # input partitions that were sought
        self._read_offset = _ReadOffsets(lambda: None)
        self._restoring = asyncio.Semaphore(RESTORES)
        self.heard_at = 0.0  # time.monotonic() of the last heartbeat that the group's coordinator answered

    def owned(self, changelogs: Iterable[TP] | None = None) -> list[Owner]:
        owners = dict.fromkeys(owner for readers in self.readers.values() for owner in readers.owners)
        return [owner for owner in owners if changelogs is None or TP(*owner.changelog) in changelogs]

    def _new_consumer_thread(self) -> OwnerThread:
        thread = OwnerThread(self, loop=self.loop, thread_loop=type(self.loop)(), beacon=self.beacon)
        thread._close_thread_loop_on_stop = True  # as for a loop that it makes itself, always asyncio's own
        return thread

    async def on_stop(self) -> None:
        for begin in self.begun.values():
            begin.cancel()
        await super().on_stop()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        readers = [self.readers.pop(tp) for tp in revoked if tp in self.readers]
        gone = dict.fromkeys(owner for those in readers for owner in those.owners)
        self.positioned -= set(revoked)
        await self.engine.stop_owners(gone)
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        try:
            new = self.engine.new_owners(assigned)
            await asyncio.gather(*(owner.start() for owner in new))
        except Exception as error:
            self.engine.fail(error)
            return
        inputs: dict[TP, list[tuple[Owner, str]]] = defaultdict(list)
        for owner in new:
            for tp, topic in owner.inputs.items():
                inputs[TP(*tp)].append((owner, topic))
        self.readers |= {tp: Readers(named) for tp, named in inputs.items()}
        self.pause_partitions(inputs)  # until positioned, in perform_seek
        await super().on_partitions_assigned(assigned, generation_id)

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        """Called by Faust's restore: does the restore, so that Faust finds (with earliest_offsets) nothing to read."""
        mine = self.owned(partitions)
        try:
            await asyncio.gather(*(self._restore(owner) for owner in mine))
        except Exception as error:
            self.engine.fail(error)
        # Faust's restore ends at end - 1, which would be a control record. For Faust the end is where the store is.
        ends = {TP(*owner.changelog): owner.store.offset() + 1 for owner in mine if not owner.stopped}
        return {**await super().highwaters(*partitions), **ends}

    async def _restore(self, owner: Owner) -> None:
        async with self._restoring:
            await owner.restore()

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        stored = {TP(*owner.changelog): owner.store.offset() + 1 for owner in self.owned(partitions)}
        earliest = await super().earliest_offsets(*partitions)
        return {**earliest, **{tp: offset for tp, offset in stored.items() if offset}}

    async def perform_seek(self) -> None:
        """Called when the restore is complete, and at other times: reads on from the position in the store.

        Faust's own would seek to the committed offsets at all these times. They may be of a table that is no more, and
        lie beyond what was folded into this one.
        """
        owned = [owner for owner in self.owned() if not owner.stopped and owner.restored()]
        for owner in owned:
            if owner not in self.begun:  # Faust may call this twice at a time
                self.begun[owner] = asyncio.create_task(self._begin(owner), name=f"begin of {owner.changelog}")
        if beginning := [self.begun[owner] for owner in owned]:
            await asyncio.wait(beginning)

    async def _begin(self, owner: Owner) -> None:
        try:
            await self._go_on(owner)
        except asyncio.CancelledError as error:
            self.engine.cut_off(error, "The begin of an owner")
            raise
        except Exception as error:
            if not owner.stopped:
                self.engine.fail(error)

    async def _go_on(self, owner: Owner) -> None:
        owner.begin(await self.engine.position(owner))
        await owner.ready()
        self.ready.add(owner)
        # A topic that several read begins when all of them can be fed, and where the hindmost goes on: the others drop
        # what they had. Whoever was fed from the middle of a fetch on would miss what lies before.
        shared = {TP(*tp): self.readers.get(TP(*tp)) for tp in owner.inputs}
        begins = {
            tp: readers.following()
            for tp, readers in shared.items()
            if readers and all(reader in self.ready for reader in readers.owners)
        }
        await self.seek_wait(begins)
        going_on = [tp for tp in begins if self.readers.get(tp) is shared[tp]]
        if not owner.stopped:
            self.positioned.update(going_on)
            self.resume_partitions(going_on)

    def resume_partitions(self, tps: Iterable[TP]) -> None:
        # Faust resumes source partitions before it seeks (tables/recovery.py).
        super().resume_partitions({tp for tp in tps if tp not in self.readers or tp in self.positioned})

    async def _drain_messages(self, fetcher: Any) -> None:
        try:
            await super()._drain_messages(fetcher)
        except asyncio.CancelledError as error:
            if not (fetcher.should_stop or self.app.rebalancing):  # then Faust begins it anew
                self.engine.cut_off(error, "Polling")
            raise

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> dict[TP, list[Any]]:
        """Puts the records of inputs into their owners' inboxes; one wake-up per partition goes on to Faust."""
        inputs: dict[TP, Readers] = {}  # that can be read now
        wanted: set[TP] = set()
        again: dict[TP, list[Any]] = {}
        full = False
        for tp in active_partitions or ():
            if (readers := self.readers.get(tp)) is None:
                if tp.topic not in InputRecords.inputs:
                    wanted.add(tp)
            elif tp in self.positioned:
                if readers.forgotten():  # Faust drops messages when its flow stops and resumes
                    again[tp] = [self._wake_up(tp)]
                if readers.full():
                    full = True
                else:
                    inputs[tp] = readers
        wanted |= inputs.keys()
        if not wanted:  # an empty set would mean all
            # Else the group would lose a member whose owners have been busy for broker_max_poll_interval.
            self._thread._consumer._subscription._last_fetch_ended = time.monotonic()
            await asyncio.sleep(0.01)
            return again
        try:
            await self._seek_back_lost(inputs)
            found = dict(await super()._getmany(wanted, 0.02 if full else timeout))
        except (
            IllegalStateError,
            NoOffsetForPartitionError,
        ):  # partitions went, or came without a position
            return again
        except OffsetOutOfRangeError as error:
            await self._out_of_range(error, inputs)
            return again
        runs = {tp: found.pop(tp) for tp in list(found) if tp.topic in InputRecords.inputs}
        for tp, run in runs.items():
            if self._fed(tp, run):
                found[tp] = [self._wake_up(tp)]
        return {**again, **found}

    def _fed(self, tp: TP, run: Run) -> bool:
        """Whether readers have the records now; not if these are for nobody, or would leave a gap.

        The poll may have begun before the partition was taken away, or before it was given back to others: what it
        brings may lie before or behind the position of those who read now. The next poll begins with what they lack.
        """
        if tp not in self.positioned or run.start > self.readers[tp].following():
            return False
        self.readers[tp].feed(run, run.end)
        return True

    def reading(self) -> dict[str, object]:
        """Inputs whose readers can take more -> the consumer's position while something lies behind it, else when it
        has asked the broker last. Without those that have no leader."""
        found: dict[str, object] = {}
        consumer = self._thread._consumer
        if not self.readers or (assignment := consumer._subscription.subscription.assignment) is None:
            return found
        for tp, readers in self.readers.items():
            state = assignment.state_value(tp)
            leader = consumer._client.cluster.leader_for_partition(tp)
            waits = readers.take_no_more() or not all(owner in self.ready for owner in readers.owners)
            if state is None or waits or leader is None or leader < 0:
                continue
            behind = state.has_valid_position and state.lso is not None and state.position < state.lso
            found[f"{tp.topic}/{tp.partition}"] = state.position if behind else state.timestamp
        return found

    async def _seek_back_lost(self, inputs: Mapping[TP, Readers]) -> None:
        """Polls again what an earlier poll took out of the consumer and nobody was fed with."""
        back = {}
        if (assignment := self._thread._consumer._subscription.subscription.assignment) is None:
            return
        for tp, readers in inputs.items():
            following = readers.following()
            state = assignment.state_value(tp)
            behind = state is not None and state.has_valid_position and state.position > following
            if behind and taken_up_to(state, state.position) > following:
                back[tp] = following
        if back:
            await self.seek_wait(back)

    async def _out_of_range(self, error: OffsetOutOfRangeError, polled: Mapping[TP, Readers]) -> None:
        """A topic was cut or created anew while it was read."""
        try:
            for tp in error.args[0]:
                readers = self.readers.get(tp)
                if readers is None or polled.get(tp) is not readers:  # given anew during the poll, not positioned yet
                    continue
                for owner in readers.owners:
                    await self.engine.position(owner)  # says which offsets
                    raise error
        except Exception as found:
            self.engine.fail(found)

    def _wake_up(self, tp: TP) -> ConsumerRecord:
        """For those who read now. The offset is a figure, of the last record that all of them have."""
        now = int(time.time() * 1000)
        readers = self.readers[tp]
        return ConsumerRecord(*tp, readers.following() - 1, now, 0, None, readers.owners, None, -1, -1, ())

    def _filter_committable_offsets(self, tps: set[TP]) -> dict[TP, int]:
        # Inputs have acks=False: Faust tracks none of their offsets. The commit is only a hint, and a figure for lag.
        done = {}
        for tp, readers in self.readers.items():
            offset = readers.position()
            if offset and self._should_commit(tp, offset):
                done[tp] = offset
        return {**super()._filter_committable_offsets(tps), **done}


class OwnerTransport(driver.Transport):  # type: ignore[misc]
    Consumer = OwnerConsumer


class WakeUps(faust.Topic):  # type: ignore[misc]
    async def decode(self, message: Any, *, propagate: bool = False) -> Any:
        return self._create_event(None, message.value, message.headers, message=message)
