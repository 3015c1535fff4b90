"""Faust as the driver of owners: assignment, rebalancing, tables and their stores are Faust's; all else is the owner's.

Records never pass through Faust's queues: streams.engine_transport puts them straight into the owner's inbox, and
Faust's stream carries one wake-up per partition and poll. See there for what is touched of Faust's private parts.
"""

import asyncio
import contextlib
import gc
import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import faust
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaConnectionError, KafkaError
from faust.types import TP

from streams.access import Kafka
from streams.engine_records import InputRecords
from streams.engine_rocks import SharedMemory
from streams.engine_transport import OwnerTransport, WakeUps
from streams.errors import EXIT_FAILED, CutOff, Fenced, Standstill, TopicsMissing
from streams.flow import Flow
from streams.names import Names
from streams.owner import Owner, Parts
from streams.position import checked_position
from streams.purge import EVERY_S, Purge
from streams.role import Role
from streams.stillness import Stillness
from streams.store import Store
from streams.tasks import watched

SESSION_S, HEARTBEAT_S = 6.0, 2.0
LOOK_EVERY_S = 2.0
STILL = 30  # looks in a row at which something is as it was that ought to come on
UNHEARD = 90  # looks in a row without an answer to a heartbeat: longer than a rebalance may take (Faust's 60 s)
TOPICS_S = 10.0  # in which a broker has to hear of topics that were created just now
log = logging.getLogger("tajo.engine")


def end_process(error: BaseException) -> None:
    """Ends at once, without committing or flushing anything more: what was not committed will be done again."""
    with contextlib.suppress(OSError):  # a full disk may be the end of us, and our log may lie on it
        print(f"tajo: process {os.getpid()} ends: {type(error).__name__}: {error}", file=sys.__stderr__, flush=True)
    os._exit(EXIT_FAILED)


async def _known(probe: AIOKafkaConsumer) -> set[str]:
    """Names of all topics. Raises KafkaConnectionError, where aiokafka 0.14.0 raises an error without a kind."""
    try:
        return set(await probe.topics())
    except KafkaError as error:
        raise KafkaConnectionError(str(error)) from error


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
        purge_every: float = EVERY_S,
        stores: SharedMemory | None = None,
        on_failure: Callable[[BaseException], None] = end_process,
    ) -> None:
        self.roles, self.kafka, self.names, self.flow = tuple(roles), kafka, names, flow or Flow()
        self._partitions, self._counts, self._limit = partitions, dict(counts or {}), limit
        self._on_failure, self._failed = on_failure, False
        self._stores = stores or SharedMemory()
        self._tables: dict[str, Any] = {}
        self._probe: AIOKafkaConsumer | None = None
        self._purge = Purge(kafka, self.owners, purge_every)
        self.app = self._new_app(group, data_dir)
        for role in self.roles:
            self._add_role(role)

    # --- life -------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Joins the group; partitions arrive as the group decides. Raises TopicsMissing, or KafkaError."""
        self.app.conf.datadir.parent.mkdir(parents=True, exist_ok=True)
        self._probe = AIOKafkaConsumer(**self.kafka.client(), enable_auto_commit=False)
        await self._probe.start()
        try:
            await self._find_topics(self._probe)
        except BaseException:
            await self._probe.stop()
            raise
        self.app.finalize()
        self._share_memory()
        self._watch_restores()
        self._begin_at_once()
        # Batches are millions of small objects without cycles (facts measured in docs/decisions). Before the start too,
        # since Faust collects garbage once per table at every assignment.
        gc.collect()
        gc.freeze()
        gc.set_threshold(200_000, 50, 1000)
        self._looking = watched(self._look_after_owners(), "look after owners", self.fail)
        await self.app.start()
        gc.freeze()
        self._watch = watched(self._watch_app(), "watch over Faust", self.fail)
        self._purging = watched(self._purge.run(), "purge of inner topics", self.fail)

    async def _find_topics(self, probe: AIOKafkaConsumer) -> None:
        """Faust leaves topics out of an assignment that its broker does not know yet, for minutes and in silence."""
        wanted = {self.names.topic(topic) for role in self.roles for topic in role.inputs}
        wanted |= {self.names.changelog(role.name, versioned=role.versioned) for role in self.roles}
        until = time.monotonic() + TOPICS_S
        while missing := wanted - await _known(probe):
            if time.monotonic() > until:
                raise TopicsMissing(
                    f"Kafka does not know {', '.join(sorted(missing))}: `tajo topics apply` creates them."
                )
            await asyncio.sleep(0.1)

    def _share_memory(self) -> None:
        """Before the first store is opened: what is set here is how Faust opens them."""
        for table in self._tables.values():
            table.data.rocksdb_options = self._stores

    def _watch_restores(self) -> None:
        """Faust ends the step in which we restore after broker_request_timeout, and goes on as if it had succeeded.

        And if a step ends by a cancellation of its own, as a wait inside aiokafka may when a broker goes away, its task
        for restores ends in silence: no partition that comes later would ever be restored.
        """
        recovery = self.app.tables.recovery
        wait = recovery._wait

        async def watched(work: Any, timeout: float | None = None) -> None:
            try:
                await wait(work)
            except asyncio.CancelledError as error:
                if not recovery.should_stop:
                    self.cut_off(error, "A restore")
                raise

        recovery._wait = watched

    def _begin_at_once(self) -> None:
        """Faust waits a second for tables that may still be declared (tables/manager.py); all of ours are."""

        async def at_once(_: float) -> None:
            await asyncio.sleep(0)

        self.app.tables.sleep = at_once

    async def stop(self) -> None:
        """Finishes what is under way, gives all partitions up and leaves the group."""
        self._watch.cancel()
        for task in (self._purging, self._looking):
            task.cancel()
        await asyncio.wait([self._purging, self._looking])
        await self.stop_owners(self.owners())
        with contextlib.suppress(asyncio.CancelledError):
            await self.app.stop()
        if self._probe:
            await self._probe.stop()

    async def _watch_app(self) -> None:
        """Faust stops its application when one of its services crashes; the process follows."""
        await self.app.wait_until_stopped()
        self.fail(RuntimeError(f"Faust has stopped: {self.app.crash_reason!r}"))

    async def _look_after_owners(self) -> None:
        stillness, silence = Stillness(STILL), Stillness(UNHEARD)
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            # Without a broker, or after a sleep of ours, everything stands still and will come on by itself.
            member = self.holds_lease()
            self._end_if(stillness.look(self._coming_on() if member else {}), STILL)
            self._end_if(silence.look({} if member else await self._unheard()), UNHEARD)
            for owner in self.owners():
                try:
                    await owner.settle()
                except Exception as error:
                    if not owner.stopped:
                        self.fail(error)

    def _end_if(self, still: list[str], looks: int) -> None:
        if still:
            self.fail(
                Standstill(
                    f"For {looks * LOOK_EVERY_S:.0f} s nothing has come of {', '.join(still)}, although the broker "
                    f"answers. This process ends, since a new one begins anew."
                )
            )

    async def _unheard(self) -> dict[str, object]:
        """The heartbeats, which nobody answers, as if they were not sent; empty unless the broker answers us else."""
        assert self._probe is not None
        try:
            async with asyncio.timeout(LOOK_EVERY_S):
                await _known(self._probe)
        except (KafkaError, TimeoutError):
            return {}
        return {"the heartbeats to the group": self.app.consumer.heard_at}

    def _coming_on(self) -> dict[str, object]:
        """What may never be the same for long -> how far it is."""
        consumer = self.app.consumer
        owners = [owner for owner in self.owners() if not owner.stopped]
        restored = {f"{one.name}/{one.partition}": one.store.offset() for one in owners if one not in consumer.ready}
        fed = {f"what {one.name}/{one.partition} was fed with": {**one.position} for one in owners if one.forgotten}
        # Some wait until others are restored.
        beginning = {f"the beginning of {', '.join(restored)}": restored} if restored else {}
        return {**beginning, **fed, **consumer.reading()}

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

    def cut_off(self, error: asyncio.CancelledError, what: str) -> None:
        """To be told of a cancellation that ends what must not end; nothing happens if somebody has asked for it."""
        task = asyncio.current_task()
        if task is not None and not task.cancelling():
            log.error("%s was cut off by a cancellation that nobody had asked for:", what, exc_info=error)
            self.fail(CutOff(f"{what} was cut off; nobody would do it any more."))

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
                owner: Owner = next(reader for reader in event.value if reader.changelog.topic == name)
                try:
                    await owner.run()
                except Exception as error:
                    if owner.stopped:  # its partition is no longer ours: whoever has it now does the batch
                        log.warning("An owner ended with its partition: %s", error)
                    else:
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
            name=self.names.owner(role.name, versioned=role.versioned),
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
        """From where the owner reads on; see streams.position."""
        assert self._probe is not None
        return await checked_position(owner, self._probe)
