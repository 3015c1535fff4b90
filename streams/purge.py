"""What lies before an owner's position in an inner topic is deleted at the broker.

Inner inputs are kept for ever as far as Kafka is concerned: they are the only copy of what is not folded yet. Once
folded, nobody reads it again, so it goes (KIP-107, DeleteRecords), up to the position that the owner has committed:
that lies in its changelog, and whoever comes after it goes on from there or from later.

So a purge can hurt nobody, whoever sends it and however late it arrives: the position of a predecessor (frozen, cut
off, or just giving its partition up) is not after the one that its successor has restored, and deleting up to where
nothing is left changes nothing. Kafka frees the disk when a whole segment is deleted: see schemas.topics.inner_topic.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import KafkaError

from streams.access import Kafka
from streams.names import INNER
from streams.owner import Owner

EVERY_S = 30.0
_REQUEST_MS = 20_000
_DELETION_MS = 15_000  # the broker answers that its followers are late before we stop to wait for its answer
log = logging.getLogger("tajo.purge")


class Purge:
    """``owners``: says who is there now. ``every``: seconds between two rounds."""

    def __init__(self, kafka: Kafka, owners: Callable[[], Iterable[Owner]], every: float = EVERY_S) -> None:
        self._kafka, self._owners, self._every = kafka, owners, every
        self._begins: dict[TopicPartition, int] = {}  # where partitions began after their last purge

    async def run(self) -> None:
        """For ever; ends by being cancelled only."""
        while True:
            await asyncio.sleep(self._every)
            await self.once()

    async def once(self) -> None:
        """One round. What fails is logged and left to the next one."""
        positions = self._positions()
        moved = {tp: position for tp, position in positions.items() if position > self._begins.get(tp, 0)}
        if not moved:
            return
        admin = AIOKafkaAdminClient(**self._kafka.client(), request_timeout_ms=_REQUEST_MS)
        try:
            await admin.start()
            await self._delete(admin, moved)
        except Exception as error:  # nothing depends on a purge: disk is freed later
            log.warning("Inner topics could not be purged (%r); it is tried again in %g s.", error, self._every)
        finally:
            await admin.close()

    def _positions(self) -> dict[TopicPartition, int]:
        """Input partition -> what all who read it have committed; 0 while one of them begins, or gives it up."""
        positions: dict[TopicPartition, int] = {}
        for owner in self._owners():
            for tp, topic in owner.inputs.items():
                if topic in INNER:
                    position = 0 if owner.stopped else owner.position.get(topic, 0)
                    positions[tp] = min(position, positions.get(tp, position))
        return positions

    async def _delete(self, admin: AIOKafkaAdminClient, before: Mapping[TopicPartition, int]) -> None:
        """aiokafka (0.14.0) raises the first partition's error for all of them: then each is asked for alone."""
        try:
            wanted = {tp: RecordsToDelete(offset) for tp, offset in before.items()}
            self._begins |= await admin.delete_records(wanted, timeout_ms=_DELETION_MS)
        except KafkaError as error:
            for tp, offset in before.items() if len(before) > 1 else ():
                await self._delete(admin, {tp: offset})
            if len(before) == 1:
                (only,) = before.items()
                log.warning("%s/%d could not be purged up to %d (%r); it is tried again.", *only[0], only[1], error)
