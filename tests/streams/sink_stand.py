"""A sink's owner on a real broker, before an emulated Brevo account, driven by hand: fed, awaited, killed, replaced."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from connectors.brevo.account import Account
from connectors.brevo.schema import IMPORTED
from emulators.brevo import Brevo
from schemas import topics
from schemas.commands import (
    Command,
    OrderProduct,
    PutOrder,
    PutProduct,
    Receipt,
    SendEvent,
    UpsertContact,
)
from streams.access import Kafka
from streams.errors import Fenced
from streams.flow import Flow
from streams.names import Names
from streams.owner import Parts
from streams.sink import Destination, SinkOwner, Timings
from streams.store import open_store
from tests.connectors.brevo_stand import START, Stand, brevo_stand
from tests.streams import logs

ACCOUNT = "main"
LISTS = {
    "shop:all_customers": 40,
    "shop:buyers": 41,
    "shop:abandoned_cart": 42,
    "outlet:buyers": 41,  # two stores with one list of buyers
}
TIMINGS = Timings(session_s=0.05, close_s=2.0)
NAME = "sink"
IMPORTED_LIST = 43


def upsert(email: str, **fields: Any) -> UpsertContact:
    wanted: dict[str, Any] = {
        "attributes": {"FIRSTNAME": email.split("@")[0].title(), "ORDER_COUNT": 1},
        "lists": {"shop:all_customers": True, "shop:buyers": False},
    }
    return UpsertContact(id=f"contact:{email}", email=email, **(wanted | fields))


def order(email: str, number: int = 1, **fields: Any) -> PutOrder:
    wanted: dict[str, Any] = {
        "created_at": START,
        "updated_at": START,
        "status": "Completed",
        "amount": 12.5,
        "products": [OrderProduct(product_id="10", quantity=1, price=12.5)],
    }
    return PutOrder(id=f"order:shop:{number}", order_id=f"shop:{number}", email=email, **(wanted | fields))


def event(email: str, number: int = 1, **fields: Any) -> SendEvent:
    wanted: dict[str, Any] = {"name": "order_placed", "at": START, "properties": {"total": 12.5}, "in_doubt": "resend"}
    return SendEvent(id=f"order_placed:shop:{number}", email=email, **(wanted | fields))


def product(number: int, *, deleted: bool = False, **fields: Any) -> PutProduct:
    document = {"id": f"shop:{number}", "name": f"Record {number}", "url": "https://shop.test", "price": 12.5, **fields}
    return PutProduct(id=f"product:shop:{number}", document=document, deleted=deleted, at=START)


@dataclass
class SinkStand:
    """``brevo``: the emulator. ``timeout``: of requests, in real seconds. ``attributes``: known to be there."""

    kafka: str
    names: Names
    folder: Path
    front: Stand
    timeout: float = 5.0
    written: int = 0
    owners: list[SinkOwner] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)
    destination: Destination | None = None
    attributes: dict[str, str] = field(default_factory=dict)
    failures: list[BaseException] = field(default_factory=list)

    @property
    def brevo(self) -> Brevo:
        return self.front.brevo

    @property
    def owner(self) -> SinkOwner:
        return self.owners[-1]

    async def stop(self) -> None:
        """In order."""
        await self.owner.stop()

    async def start(self, *, mode: str = "live", timings: Timings = TIMINGS, resubscribe: bool = False) -> SinkOwner:
        """A new owner of the partition, as in a new process: it fences the one before and restores the changelog."""
        account = self.front.account(timeout=self.timeout)
        self.accounts.append(account)
        self.destination = Destination(
            account,
            {**LISTS, IMPORTED: IMPORTED_LIST},
            mode=mode,  # type: ignore[arg-type]
            attributes=self.attributes,
            resubscribe=resubscribe,
        )
        path = self.folder / f"store{len(self.owners)}"
        parts = Parts(
            name=NAME,
            partition=0,
            inputs=(topics.COMMAND,),
            changelog=self.names.changelog(NAME, versioned=False),
            store=open_store(str(path)),
            kafka=Kafka(self.kafka),
            names=self.names,
            partitions=lambda _: 1,
            flow=Flow(),
        )
        owner = SinkOwner(parts, {ACCOUNT: self.destination}, self.front.clock, timings)
        owner.on_failure = self.failures.append
        self.owners.append(owner)
        await owner.start()
        await owner.restore()
        owner.begin(owner.stored_position() or {topics.COMMAND: 0})
        await owner.ready()
        await self.feed()
        return owner

    async def tell(self, *commands: Command | bytes, key: str = ACCOUNT) -> None:
        """Writes commands into the log and feeds them."""
        values = [one if isinstance(one, bytes) else msgspec.json.encode(one) for one in commands]
        await logs.write(self.kafka, self.names.topic(topics.COMMAND), [(key.encode(), value) for value in values])
        self.written += len(values)
        await self.feed()

    async def feed(self) -> None:
        """All that lies in the log from the owner's position on; what was fed before, it drops by itself."""
        records = await self._records(self.owner.position[topics.COMMAND])
        if records:
            self.owner.feed(topics.COMMAND, records)
            await self.owner.run()

    async def _records(self, start: int) -> list[Any]:
        if start >= self.written:
            return []
        tp = TopicPartition(self.names.topic(topics.COMMAND), 0)
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka, enable_auto_commit=False)
        await consumer.start()
        try:
            consumer.assign([tp])
            consumer.seek(tp, start)
            found: list[Any] = []
            while start + len(found) < self.written:
                found += (await consumer.getmany(tp, timeout_ms=200)).get(tp, [])
            return found
        finally:
            await consumer.stop()

    async def settled(self, count: int | None = None) -> None:
        """Returns once the position is past all commands (or the first ``count``)."""
        wanted = self.written if count is None else count

        async def there() -> bool:
            assert self.failures == []
            return self.owner.position[topics.COMMAND] >= wanted

        await logs.until(there, f"{wanted} commands are settled", timeout=40)

    async def kill(self) -> None:
        """The process is gone: no answer is seen any more, nothing more is written, nothing is released."""
        owner = self.owner
        owner.stopped, owner.on_failure = True, None
        mine = f"of {owner.changelog.topic}/{owner.partition}"
        tasks = [task for task in asyncio.all_tasks() if task.get_name().endswith(mine)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        owner.accounts.clear()  # nothing is left for a stop in order

    async def receipts(self) -> list[Receipt]:
        records = await self.read(topics.RECEIPT)
        assert {record.key for record in records} <= {ACCOUNT.encode()}
        return [msgspec.json.decode(record.value, type=Receipt) for record in records]

    async def outcomes(self) -> list[tuple[int, str]]:
        """(offset, outcome) of all receipts, in order."""
        return [(receipt.command_offset, receipt.outcome) for receipt in await self.receipts()]

    async def dead(self) -> list[Any]:
        return await self.read(topics.dead(topics.COMMAND))

    async def read(self, topic: str) -> list[Any]:
        """All records, also those of a transaction that is committed while its marker is still on its way."""
        tp = TopicPartition(self.names.topic(topic), 0)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.kafka, enable_auto_commit=False, isolation_level="read_committed"
        )
        probe = AIOKafkaConsumer(bootstrap_servers=self.kafka, enable_auto_commit=False)
        await asyncio.gather(consumer.start(), probe.start())
        try:
            end = (await probe.end_offsets([tp]))[tp]
            consumer.assign([tp])
            await consumer.seek_to_beginning(tp)
            found: list[Any] = []
            while await consumer.position(tp) < end:
                found += (await consumer.getmany(tp, timeout_ms=100)).get(tp, [])
            return found
        finally:
            await asyncio.gather(consumer.stop(), probe.stop())


@asynccontextmanager
async def sink_stand(
    kafka: str, prefix: str, folder: Path, *, timeout: float = 5.0, **brevo: Any
) -> AsyncIterator[SinkStand]:
    """Begins without an owner. At the end every owner is stopped, and none has failed."""
    names = Names(prefix=prefix)
    logical = (topics.COMMAND, topics.RECEIPT, topics.CONSENT, topics.dead(topics.COMMAND))
    await logs.create(kafka, [*map(names.topic, logical), names.changelog(NAME, versioned=False)], 1)
    brevo.setdefault("lists", {40: "all customers", 41: "buyers", 42: "abandoned carts", IMPORTED_LIST: "imported"})
    async with brevo_stand(**brevo) as front:
        stand = SinkStand(kafka, names, folder, front, timeout)
        try:
            yield stand
        finally:
            for owner in stand.owners:
                with contextlib.suppress(Fenced):
                    await owner.stop()
            for account in stand.accounts:
                await account.close()
        assert stand.failures == []
