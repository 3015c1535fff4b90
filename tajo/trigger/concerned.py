"""Which records follow from a delivery.

A fact names the deliveries that it was fetched for. What folds tell each other names what it is about: an order, a
cart, a source of a contact; so of these the ones since the start are meant, whoever else had a hand in them. The same
holds for commands: they are those for the contact, order record or product since the start.
"""

from collections.abc import Collection, Iterable
from typing import Any, Final

import msgspec

from connectors.bigcommerce.scopes import Dirty
from projections.identity import split
from schemas.commands import Command, PutCategory, PutOrder, PutProduct, RenameContact
from schemas.errors import BadRecord
from schemas.facts import Fact
from schemas.inner import CartPart, ContactInput, CustomerInput
from streams.enrich.facts import TOPIC_OF
from streams.enrich.settings import StoreConnection
from streams.sink.items import decode
from tajo.dlq.letters import Letter, Place
from tajo.trigger.log import Entity, Record

_fact: Final = msgspec.json.Decoder(Fact)
_customers: Final[msgspec.msgpack.Decoder[CustomerInput]] = msgspec.msgpack.Decoder(CustomerInput)
_contacts: Final[msgspec.msgpack.Decoder[ContactInput]] = msgspec.msgpack.Decoder(ContactInput)


def entities_of(dirty: Dirty, connection: StoreConnection) -> list[Entity]:
    """What is read because of it; an order that took a cart is read too."""
    if not connection.wants(dirty.kind):
        return []
    found = [Entity(dirty.kind, id_) for id_ in (dirty.id, *dirty.further)]
    if dirty.order_id is not None and connection.wants("order"):
        found.append(Entity("order", str(dirty.order_id)))
    return found


# --- deliveries and facts ---------------------------------------------------------------------------------------------


def holds(record: Record, identity: str) -> bool:
    """Whether a delivery, or the dead letter of one, has this hash, or was fetched for it."""
    return identity.encode() in (record.value or b"")


def fact_in(record: Record) -> Fact | None:
    """Its envelope; None for a tombstone, and for what is no fact."""
    try:
        return _fact.decode(record.value) if record.value else None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def fact_for(records: Iterable[Record], entity: Entity, store: str, identity: str) -> Record | None:
    """The fact that names the delivery."""
    for record in _of_key(records, store, entity):
        fact = fact_in(record)
        if fact is not None and any(cause.hash == identity for cause in fact.causes):
            return record
    return None


def newest(records: Iterable[Record], entity: Entity, store: str) -> Record | None:
    """What was written last about the entity; a tombstone names no delivery."""
    return max(_of_key(records, store, entity), key=lambda record: record.offset, default=None)


def _of_key(records: Iterable[Record], store: str, entity: Entity) -> list[Record]:
    key = f"{store}/{entity.id}".encode()
    return [record for record in records if record.key == key]


def letter_of(letters: Iterable[Record], topic: str, about: Record) -> Letter | None:
    """The dead letter of this record, of those of its ``topic``."""
    for record in letters:
        letter = as_letter(topic, record)
        source = letter.source
        if source is not None and (source.partition, source.offset) == (about.partition, about.offset):
            return letter
    return None


def as_letter(topic: str, record: Record) -> Letter:
    place = Place(topic, record.partition, record.offset)
    return Letter(place, record.timestamp, record.key, record.value, record.headers)


# --- what folds tell each other ---------------------------------------------------------------------------------------


def to_customers(records: Iterable[Record], entity: Entity, store: str) -> list[Record]:
    """What was told to customers about this order or cart."""
    return [
        record
        for record in records
        if split(record.key)[0] == store and _about(_decoded(_customers, record)) == (entity.kind, entity.id)
    ]


def _about(message: Any) -> tuple[str, str] | None:
    if message is None:
        return None
    return ("cart", message.cart_id) if isinstance(message, CartPart) else ("order", str(message.order_id))


def to_contacts(records: Iterable[Record], sources: Collection[str]) -> list[Record]:
    """What was told to contacts by, or because of, these sources."""
    return [
        record
        for record in records
        if (message := _decoded(_contacts, record)) is not None and message.source in sources
    ]


def source_of(entity: Entity, store: str) -> str | None:
    """As what it speaks to contacts itself; orders and carts do through their customers."""
    return {"customer": f"{store}/{entity.id}", "subscriber": f"{store}/subscriber:{entity.id}"}.get(entity.kind)


def _decoded(decoder: Any, record: Record) -> Any:
    try:
        return decoder.decode(record.value or b"")
    except msgspec.MsgspecError:
        return None


# --- commands ---------------------------------------------------------------------------------------------------------


class Concerned:
    """``emails``: of contacts. ``ids``: of order records, products and categories at Brevo."""

    def __init__(self, entities: Iterable[Entity], store_name: str) -> None:
        self.emails: set[str] = set()
        self._ids = {(entity.kind, f"{store_name}:{entity.id}") for entity in entities}

    def commands(self, records: Iterable[Record]) -> list[tuple[Record, Command]]:
        return [(record, command) for record in records if (command := _command(record)) and self._concerns(command)]

    def _concerns(self, command: Command) -> bool:
        match command:
            case PutProduct():
                known = {("product", str(command.document.get(name))) for name in ("id", "parentId")}
                return bool(known & self._ids)
            case PutCategory():
                return ("category", str(command.document.get("id"))) in self._ids
            case PutOrder() if ("order", command.order_id) in self._ids:
                return True
            case RenameContact():
                return bool({command.email, command.to} & self.emails)
            case _:
                return command.email in self.emails


def _command(record: Record) -> Command | None:
    try:
        return decode(record)
    except BadRecord:
        return None


def topic_of(entity: Entity) -> str:
    """Raises KeyError for what has no facts: the store."""
    return TOPIC_OF[entity.kind]  # type: ignore[index]
