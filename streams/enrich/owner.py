"""The owner of a partition of deliveries and requests: an enricher per store that lies in it."""

import asyncio
from collections.abc import Mapping

import msgspec

from connectors.clock import Clock
from projections.fold import Output
from schemas import topics
from schemas.errors import BadRecord
from streams.enrich.facts import TOPIC_OF
from streams.enrich.importer import Progress
from streams.enrich.settings import EnrichSettings
from streams.enrich.state import Changes, Trouble
from streams.enrich.store import StoreEnricher
from streams.enrich.writer import Writer
from streams.headers import dead_letter
from streams.inbox import Record
from streams.owner import Owner, Parts

INPUTS = (topics.WEBHOOK, topics.REQUEST)
OUTPUTS = (*TOPIC_OF.values(), topics.REQUEST)
NAME = "enrich"  # of the table
_DRAIN_S = 8.0  # real seconds for what is being committed when the partition goes


class EnrichOwner(Owner):
    """``settings.stores`` by hash; records of other stores are dead-lettered."""

    outputs = frozenset((*OUTPUTS, *map(topics.dead, INPUTS)))

    def __init__(self, parts: Parts, settings: EnrichSettings, clock: Clock) -> None:
        super().__init__(parts)
        self.stores: dict[str, StoreEnricher] = {}
        self._settings, self._clock = settings, clock
        self._writer = Writer(self.commit, self.store, clock, self.spawn)

    # --- the owner's hooks --------------------------------------------------------------------------------------------

    async def ready(self) -> None:
        """Takes up the stores that the state knows; others begin with their first record."""
        for store_hash in self._settings.stores:
            if next(self.store.scan(f"{store_hash}/".encode()), None) is not None:
                self._enricher(store_hash)

    async def work(self) -> None:
        """What was fed becomes marks and jobs, committed with the position."""
        outputs: list[Output] = []
        changes = Changes()
        position: dict[str, int] = {}
        touched: dict[str, StoreEnricher] = {}
        for topic, records in self.take():
            for record in records:
                self._receive(topic, record, outputs, changes, touched)
            position[topic] = records[-1].offset + 1
        for enricher in touched.values():
            changes |= enricher.settle()
        await self._writer.write(outputs, changes, position)
        for enricher in touched.values():
            enricher.lanes.wake()

    async def close(self) -> None:
        await asyncio.gather(*(enricher.close() for enricher in self.stores.values()))
        await asyncio.wait_for(self._writer.drain(), _DRAIN_S)

    # --- seen from outside --------------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether something can be done now, without waiting for the clock."""
        return self._writer.pending or any(enricher.busy for enricher in self.stores.values())

    @property
    def working(self) -> bool:
        """Reading goes on between batches too."""
        return super().working or self.busy

    @property
    def pending(self) -> bool:
        """Whether anything is still to be fetched, now or when the clock or a trouble allows it."""
        return self.busy or any(one.importer.jobs or one.backlog() for one in self.stores.values())

    @property
    def progress(self) -> dict[str, Progress]:
        """`<store hash>/<resource>` -> how far its import is."""
        return {
            f"{store_hash}/{resource}": progress
            for store_hash, enricher in self.stores.items()
            for resource, progress in enricher.importer.progress.items()
        }

    @property
    def troubles(self) -> Mapping[str, Mapping[str, Trouble]]:
        """Store hash -> what cannot be read of it."""
        return {store_hash: enricher.troubles.present for store_hash, enricher in self.stores.items()}

    # --- inside -------------------------------------------------------------------------------------------------------

    def _receive(
        self,
        topic: str,
        record: Record,
        outputs: list[Output],
        changes: Changes,
        touched: dict[str, StoreEnricher],
    ) -> None:
        try:
            store_hash = (record.key or b"").decode()
            if store_hash not in self._settings.stores:
                raise BadRecord(
                    f"There is no store {store_hash[:40]!r} in the configuration: add it, or remove its webhooks.",
                    stage="decode",
                )
            enricher = self._enricher(store_hash)
            told, changed = enricher.receive(topic, record)
        except (BadRecord, msgspec.MsgspecError, UnicodeDecodeError) as error:
            outputs.append(dead_letter(self.names.dead(topic), topic, self.partition, record, error))
            return
        touched[store_hash] = enricher
        outputs += told
        changes |= changed

    def _enricher(self, store_hash: str) -> StoreEnricher:
        known = self.stores.get(store_hash)
        if known is None:
            known = self.stores[store_hash] = StoreEnricher(
                store_hash, self._settings, self._clock, self._writer, self.spawn
            )
            known.start()
        return known
