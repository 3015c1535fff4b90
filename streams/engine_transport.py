"""Faust's Kafka transport, changed so that it feeds owners: records go straight from the fetcher into their inboxes.

With streams.engine the only place that touches private parts of Faust (0.15.3) and aiokafka (0.14.0), but for one look
at a producer in streams.owner; tests/streams/test_engine_private_parts.py fails when one of them goes.
"""

import asyncio
import time
import weakref
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Protocol

import faust
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.errors import OffsetOutOfRangeError
from aiokafka.structs import ConsumerRecord
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.owner import Owner


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


class InputRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    """Leaves records of input topics as the C parser made them (offset, timestamp, key, value, headers)."""

    inputs: ClassVar[set[str]] = set()

    def _consumer_record(self, tp: TopicPartition, record: Any) -> Any:
        return record if tp.topic in self.inputs else super()._consumer_record(tp, record)


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


class OwnerConsumer(driver.Consumer):  # type: ignore[misc]
    """Feeds owners. Every call into it must expect that a partition has just been taken away."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.engine: Host = self.app.engine
        self.owners: dict[TP, Owner] = {}  # input partition -> its owner, while assigned
        self.begun: weakref.WeakSet[Owner] = weakref.WeakSet()  # owners that were told from where they go on
        self.positioned: set[TP] = set()  # input partitions that were sought
        self.heard_at = 0.0  # time.monotonic() of the last heartbeat that the group's coordinator answered

    def owned(self, changelogs: Iterable[TP] | None = None) -> list[Owner]:
        owners = dict.fromkeys(self.owners.values())
        return [owner for owner in owners if changelogs is None or TP(*owner.changelog) in changelogs]

    def _new_consumer_thread(self) -> OwnerThread:
        return OwnerThread(self, loop=self.loop, beacon=self.beacon)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        gone = dict.fromkeys(self.owners.pop(tp) for tp in revoked if tp in self.owners)
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
        inputs = {TP(*tp): owner for owner in new for tp in owner.inputs}
        self.owners.update(inputs)
        self.pause_partitions(inputs)  # until positioned, in perform_seek
        await super().on_partitions_assigned(assigned, generation_id)

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        """Called by Faust's restore: does the restore, so that Faust finds (with earliest_offsets) nothing to read."""
        mine = self.owned(partitions)
        try:
            await asyncio.gather(*(owner.restore() for owner in mine))
        except Exception as error:
            self.engine.fail(error)
        # Faust's restore ends at end - 1, which would be a control record. For Faust the end is where the store is.
        ends = {TP(*owner.changelog): owner.store.offset() + 1 for owner in mine if not owner.stopped}
        return {**await super().highwaters(*partitions), **ends}

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        stored = {TP(*owner.changelog): owner.store.offset() + 1 for owner in self.owned(partitions)}
        earliest = await super().earliest_offsets(*partitions)
        return {**earliest, **{tp: offset for tp, offset in stored.items() if offset}}

    async def perform_seek(self) -> None:
        """Called when the restore is complete, and at other times: reads on from the position in the store."""
        await super().perform_seek()
        for owner in self.owned():
            if owner not in self.begun and not owner.stopped and owner.restored():
                self.begun.add(owner)  # before the first await: Faust may call this twice at a time
                try:
                    await self._begin(owner)
                except Exception as error:
                    if not owner.stopped:
                        self.engine.fail(error)

    async def _begin(self, owner: Owner) -> None:
        tps = [TP(*tp) for tp in owner.inputs]
        position = await self.engine.position(owner)
        owner.begin(position)
        await owner.ready()
        await self.seek_wait({tp: position[owner.inputs[TopicPartition(*tp)]] for tp in tps})
        if not owner.stopped:
            self.positioned.update(tps)
            self.resume_partitions(tps)

    def resume_partitions(self, tps: Iterable[TP]) -> None:
        # Faust resumes source partitions before it seeks (tables/recovery.py).
        super().resume_partitions({tp for tp in tps if tp not in self.owners or tp in self.positioned})

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> dict[TP, list[Any]]:
        """Puts the records of inputs into their owners' inboxes; one wake-up per partition goes on to Faust."""
        owners = dict(self.owners)
        active = set(active_partitions or ())
        full = {tp for tp in active if tp in owners and owners[tp].full(owners[tp].inputs[TopicPartition(*tp)])}
        wanted = active - full - (owners.keys() - self.positioned)
        if not wanted:  # an empty set would mean all
            await asyncio.sleep(0.01)
            return {}
        try:
            found = dict(await super()._getmany(wanted, 0.02 if full else timeout))
        except OffsetOutOfRangeError as error:
            await self._out_of_range(error)
            return {}
        for tp in [tp for tp in found if tp in owners]:
            records = found.pop(tp)
            owner: Owner = owners[tp]
            if records and self.owners.get(tp) is owner and tp in self.positioned:
                owner.feed(owner.inputs[TopicPartition(*tp)], records)
                found[tp] = [self._wake_up(tp, records[-1], owner)]
        return found

    async def _out_of_range(self, error: OffsetOutOfRangeError) -> None:
        """A topic was cut or created anew while it was read."""
        try:
            for owner in dict.fromkeys(self.owners[tp] for tp in error.args[0] if tp in self.owners):
                await self.engine.position(owner)  # says which offsets
                raise error
        except Exception as found:
            self.engine.fail(found)

    @staticmethod
    def _wake_up(tp: TP, last: Any, owner: Owner) -> ConsumerRecord:
        return ConsumerRecord(*tp, last.offset, last.timestamp, 0, None, owner, None, -1, -1, ())

    def _filter_committable_offsets(self, tps: set[TP]) -> dict[TP, int]:
        # Inputs have acks=False: Faust tracks none of their offsets. The commit is only a hint, and a figure for lag.
        done = {}
        for tp, owner in self.owners.items():
            offset = owner.position.get(owner.inputs[TopicPartition(*tp)])
            if offset and self._should_commit(tp, offset):
                done[tp] = offset
        return {**super()._filter_committable_offsets(tps), **done}


class OwnerTransport(driver.Transport):  # type: ignore[misc]
    Consumer = OwnerConsumer


class WakeUps(faust.Topic):  # type: ignore[misc]
    async def decode(self, message: Any, *, propagate: bool = False) -> Any:
        return self._create_event(None, message.value, message.headers, message=message)
