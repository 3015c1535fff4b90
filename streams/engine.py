"""Faust as the driver of owners: assignment, rebalancing, tables and their stores are Faust's; all else is the owner's.

The only place that touches private parts of Faust (0.15.3) and aiokafka (0.14.0), but for one look at a producer in
streams.owner. Records never pass through Faust's queues: they go straight into the owner's inbox, and Faust's stream
carries one wake-up per partition and poll.
tests/streams/test_engine_private_parts.py fails when an upstream attribute that is used here goes.
"""

import asyncio
import contextlib
import gc
import logging
import os
import sys
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import faust
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.errors import OffsetOutOfRangeError
from aiokafka.structs import ConsumerRecord
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.access import Kafka
from streams.errors import Fenced, PositionLost
from streams.flow import Flow
from streams.names import Names
from streams.owner import Owner, Parts
from streams.store import Store

EXIT_FAILED = 70  # EX_SOFTWARE: the supervisor starts the process anew
SESSION_S, HEARTBEAT_S = 6.0, 2.0
log = logging.getLogger("tajo.engine")


class Role(NamedTuple):
    """What a process does with partitions: which topics it reads together, and what owner moves them.

    ``name`` is the table's. ``versioned``: the table belongs to a version of the folds. ``inputs``: logical names.
    """

    name: str
    inputs: tuple[str, ...]
    owner: Callable[[Parts], Owner]
    versioned: bool = True


def end_process(error: BaseException) -> None:
    """Ends at once, without committing or flushing anything more: what was not committed will be done again."""
    print(f"tajo: process {os.getpid()} ends: {type(error).__name__}: {error}", file=sys.__stderr__, flush=True)
    os._exit(EXIT_FAILED)


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
        self.engine: Engine = self.app.engine
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


class Engine:
    """Runs roles as one member of the consumer group ``group`` (the Faust application's id).

    ``partitions``: of every topic that is not listed in ``counts`` (names at the broker). ``on_failure``: what happens
    when an owner can no longer be trusted; by default the process ends and its supervisor starts it anew.
    """

    def __init__(
        self,
        group: str,
        roles: Iterable[Role],
        *,
        kafka: Kafka,
        names: Names,
        partitions: int,
        data_dir: Path,
        flow: Flow | None = None,
        counts: Mapping[str, int] | None = None,
        limit: int = 8_000,
        on_failure: Callable[[BaseException], None] = end_process,
    ) -> None:
        self.roles, self.kafka, self.names, self.flow = tuple(roles), kafka, names, flow or Flow()
        self._partitions, self._counts, self._limit = partitions, dict(counts or {}), limit
        self._on_failure, self._failed = on_failure, False
        self._tables: dict[str, Any] = {}
        self._probe: AIOKafkaConsumer | None = None
        self.app = self._new_app(group, data_dir)
        for role in self.roles:
            self._add_role(role)

    # --- life -------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Joins the group; partitions arrive as the group decides."""
        fetcher.PartitionRecords = InputRecords
        self.app.conf.datadir.parent.mkdir(parents=True, exist_ok=True)
        self._probe = AIOKafkaConsumer(**self.kafka.client(), enable_auto_commit=False)
        await self._probe.start()
        self.app.finalize()
        self._give_restores_time()
        await self.app.start()
        self._watch = asyncio.create_task(self._watch_app(), name="watch over Faust")
        # Batches are millions of small objects without cycles (facts measured in docs/decisions).
        gc.collect()
        gc.freeze()
        gc.set_threshold(200_000, 50, 1000)

    def _give_restores_time(self) -> None:
        """Faust ends the step in which we restore after broker_request_timeout, and goes on as if it had succeeded."""
        recovery = self.app.tables.recovery
        wait = recovery._wait

        async def patient(work: Any, timeout: float | None = None) -> None:
            await wait(work)

        recovery._wait = patient

    async def stop(self) -> None:
        """Finishes what is under way, gives all partitions up and leaves the group."""
        self._watch.cancel()
        await self.stop_owners(self.owners())
        with contextlib.suppress(asyncio.CancelledError):
            await self.app.stop()
        if self._probe:
            await self._probe.stop()

    async def _watch_app(self) -> None:
        """Faust stops its application when one of its services crashes; the process follows."""
        await self.app.wait_until_stopped()
        self.fail(RuntimeError(f"Faust has stopped: {self.app.crash_reason!r}"))

    def owners(self) -> list[Owner]:
        """Those of the partitions that are assigned now."""
        return self.app.consumer.owned() if self.app.consumer else []

    def holds_lease(self) -> bool:
        """Whether nobody else can have our partitions yet: a heartbeat was answered within half of the session time."""
        return bool(time.monotonic() - self.app.consumer.heard_at < SESSION_S / 2)

    async def stop_owners(self, owners: Iterable[Owner]) -> None:
        results = await asyncio.gather(*(owner.stop() for owner in owners), return_exceptions=True)
        for error in results:
            # A fence met on a partition that is no longer ours has ended that owner, and nobody else.
            if isinstance(error, Exception) and not isinstance(error, Fenced):
                log.error("An owner did not stop in order: %r", error)

    def fail(self, error: BaseException) -> None:
        if not self._failed:
            self._failed = True
            self._on_failure(error)

    # --- what Faust is told -------------------------------------------------------------------------------------------

    def _new_app(self, group: str, data_dir: Path) -> Any:
        app = faust.App(
            group,
            broker=[f"kafka://{server}" for server in self.kafka.bootstrap_servers.split(",")],
            store="rocksdb://",
            datadir=str(data_dir / group),
            topic_partitions=self._partitions,
            topic_allow_declare=False,
            topic_disable_leader=True,
            key_serializer="raw",
            value_serializer="raw",
            web_enabled=False,
            stream_wait_empty=False,
            table_standby_replicas=0,
            broker_max_poll_records=self._limit,
            broker_commit_interval=1.0,
            broker_session_timeout=SESSION_S,
            broker_heartbeat_interval=HEARTBEAT_S,
            broker_request_timeout=30.0,
            recovery_consistency_check=False,  # an owner may go on while Faust still looks; positions are checked here
            consumer_max_fetch_size=4 << 20,
            consumer_auto_offset_reset="none",  # earliest or latest would lose or double records in silence
        )
        app.engine = self
        app.transport = OwnerTransport(app.conf.broker_consumer, app)
        return app

    def _add_role(self, role: Role) -> None:
        inputs = [self.names.topic(topic) for topic in role.inputs]
        InputRecords.inputs.update(inputs)
        name = self.names.changelog(role.name, versioned=role.versioned)
        changelog = self.app.topic(
            name,
            key_type=bytes,
            value_type=bytes,
            key_serializer="raw",
            value_serializer="raw",
            partitions=self._partitions,
        )
        self._tables[role.name] = self.app.Table(
            role.name, partitions=self._partitions, key_type=bytes, value_type=bytes, changelog_topic=changelog
        )
        wake_ups = WakeUps(self.app, topics=inputs, acks=False, key_type=bytes, value_type=bytes)

        async def work(stream: Any) -> None:
            async for event in stream.events():
                owner: Owner = event.value
                try:
                    await owner.run()
                except Exception as error:
                    if not owner.stopped:  # else: fenced or cut off on a partition that is no longer ours
                        self.fail(error)

        self.app.agent(wake_ups, name=role.name, isolated_partitions=True)(work)

    # --- owners -------------------------------------------------------------------------------------------------------

    def new_owners(self, assigned: set[TP]) -> list[Owner]:
        """One per role and partition among ``assigned``; all inputs of an owner must have come together."""
        owners = []
        for role in self.roles:
            inputs = {self.names.topic(topic) for topic in role.inputs}
            for partition in sorted({tp.partition for tp in assigned if tp.topic in inputs}):
                if missing := [topic for topic in inputs if TP(topic, partition) not in assigned]:
                    raise RuntimeError(f"Partition {partition} of {missing} was not assigned together with {inputs}.")
                owner = role.owner(self._parts(role, partition))
                owner.on_failure = self.fail
                owner.lease = self.holds_lease
                owners.append(owner)
        return owners

    def _parts(self, role: Role, partition: int) -> Parts:
        table = self._tables[role.name]
        return Parts(
            name=f"{self.names.version}/{role.name}" if role.versioned else role.name,
            partition=partition,
            inputs=role.inputs,
            changelog=self.names.changelog(role.name, versioned=role.versioned),
            store=Store(lambda: table.data._db_for_partition(partition)),
            kafka=self.kafka,
            names=self.names,
            partitions=lambda topic: self._counts.get(topic, self._partitions),
            flow=self.flow,
            limit=self._limit,
        )

    async def position(self, owner: Owner) -> dict[str, int]:
        """From where the owner reads on: its stored position, else the beginning; checked against the log's range.

        Raises PositionLost: going on elsewhere would lose or double records in silence (auto_offset_reset is `none`).
        """
        assert self._probe is not None
        tps = list(owner.inputs)
        beginnings = await self._probe.beginning_offsets(tps)
        ends = await self._probe.end_offsets(tps)
        stored = owner.stored_position()
        for tp, topic in owner.inputs.items():
            if topic in stored and not beginnings[tp] <= stored[topic] <= ends[tp]:
                raise PositionLost(
                    f"{tp.topic}/{tp.partition} holds offsets {beginnings[tp]} to {ends[tp]}, but "
                    f"{owner.changelog.topic} was built up to {stored[topic]}. The topic was cut or created anew: "
                    f"start a rebuild under a new version."
                )
        return {topic: stored.get(topic, beginnings[tp]) for tp, topic in owner.inputs.items()}
