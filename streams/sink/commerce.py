"""Order records, products and categories: whole documents by id, so the newest one is enough."""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from connectors.brevo.account import (
    MOST_CATEGORIES,
    MOST_ORDERS,
    MOST_PRODUCTS,
    Document,
    iso_milliseconds,
    iso_seconds,
)
from connectors.brevo.errors import InDoubt, Refused
from schemas.commands import PutCategory, PutOrder, PutProduct
from streams.sink.items import Item
from streams.sink.known import digest
from streams.sink.ledger import Ledger
from streams.sink.settings import Destination

_BATCH = "POST /orders/status/batch"
Call = Callable[[Sequence[Document]], Awaitable[None]]


class Entry(NamedTuple):
    group: list[Item]
    document: Document


class Commerce:
    def __init__(self, destination: Destination, ledger: Ledger) -> None:
        self._brevo, self._counters, self._ledger = destination.account, destination.counters, ledger

    async def order(self, item: Item) -> None:
        """A live order record, alone: Brevo's workflows see it."""
        for entry in self._entries([item]):
            try:
                await self._brevo.put_order(entry.document)
            except Refused as error:
                self._ledger.refuse(entry.group, error)
            else:
                self._taken([entry], "POST /orders/status")

    async def orders(self, items: list[Item]) -> None:
        """Historical ones, which start no workflow. Brevo accepts a batch and tells no single results."""

        async def put(documents: Sequence[Document]) -> None:
            count = await self._brevo.put_orders(documents, historical=True)
            if count != len(documents):
                raise InDoubt(f"Brevo took {count} of {len(documents)} orders and does not say which.", request=_BATCH)

        await self._put(items, put, MOST_ORDERS, _BATCH)

    async def products(self, items: list[Item]) -> None:
        await self._put(items, self._brevo.put_products, MOST_PRODUCTS, "POST /products/batch")

    async def categories(self, items: list[Item]) -> None:
        await self._put(items, self._brevo.put_categories, MOST_CATEGORIES, "POST /categories/batch")

    # --- batches ----------------------------------------------------------------------------------

    async def _put(self, items: list[Item], call: Call, most: int, request: str) -> None:
        """Those that failed before go in smaller batches, so that a bad one gets alone. Raises BrevoError."""
        entries = self._entries(items)
        size = max(1, most >> max((item.failures for item in items), default=0))
        for start in range(0, len(entries), size):
            await self._halves(entries[start : start + size], call, request)

    async def _halves(self, entries: list[Entry], call: Call, request: str) -> None:
        """Brevo refuses a batch for one bad document, and does not say which: it is found by halving."""
        try:
            await call([entry.document for entry in entries])
        except Refused as error:
            if len(entries) == 1:
                self._ledger.refuse(entries[0].group, error)
                return
            middle = len(entries) // 2
            await self._halves(entries[:middle], call, request)
            await self._halves(entries[middle:], call, request)
        else:
            self._taken(entries, request)

    def _entries(self, items: list[Item]) -> list[Entry]:
        """The newest document of each entity; what Brevo has already is settled."""
        found = []
        for item in items:
            if item.done:  # with another version of it
                continue
            group = self._ledger.lanes.group(item)
            documents = [_document(one) for one in group]
            has = self._ledger.recall(item.kind, group[-1].id, bytes)
            if has is not None and all(digest(document) == has for document in documents):
                self._ledger.settle(group, "equal")
            elif has is None and documents[-1].get("isDeleted"):
                self._ledger.settle(group, "equal", message="it is gone, and Brevo never heard of it")
            else:
                found.append(Entry(group, documents[-1]))
        return _once(found)

    def _taken(self, entries: Sequence[Entry], request: str) -> None:
        self._counters.saved["batched"] += len(entries) - 1
        for entry in entries:
            self._ledger.keep(entry.group[-1].kind, entry.group[-1].id, digest(entry.document))
            self._ledger.settle(entry.group, "done", request=request)


def _once(entries: list[Entry]) -> list[Entry]:
    """Each entity once: two versions that wait together form one group."""
    return list({entry.group[0].entity: entry for entry in entries}.values())


def _document(item: Item) -> Document:
    command = item.command()
    if isinstance(command, PutOrder):
        return order_document(command)
    assert isinstance(command, PutProduct | PutCategory)
    if not command.deleted:
        return {**command.document, "isDeleted": False}  # it may have been gone before
    return {"id": command.document["id"], "isDeleted": True, "deletedAt": iso_milliseconds(command.at)}


def order_document(command: PutOrder) -> Document:
    """Body of POST /orders/status. Prices are per unit; the contact is named by its e-mail."""
    document: Document = {
        "id": command.order_id,
        "createdAt": iso_seconds(command.created_at),
        "updatedAt": iso_seconds(command.updated_at),
        "status": command.status,
        "amount": command.amount,
        "products": command.products,
        "identifiers": {"email_id": command.email},
    }
    optional = {"storeId": command.store_id, "billing": command.billing, "metaInfo": command.meta}
    return document | {name: value for name, value in optional.items() if value}
