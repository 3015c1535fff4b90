"""Intents for one Brevo account. Topic brevo.command.v1, key: account name, JSON with the field `kind`.

Ids are functions of what a command is about. Upserts are convergent (the newest per entity is what counts); events are
one-shots: an id is sent once. Commands of one contact lie in the order in which Brevo shall see them.
"""

from typing import Literal

import msgspec

Value = str | int | float | bool | None
AttributeType = Literal["text", "date", "float", "boolean"]  # of values at Brevo; a date is the text `YYYY-MM-DD`


class UpsertContact(msgspec.Struct, tag="contact", tag_field="kind", kw_only=True):
    """The whole desired state of a contact.

    ``attributes``: None empties the attribute, if Brevo holds what we wrote; attributes not named are left alone.
    ``lists``: list key (`<store name>:all_customers`, with channels `<store name>:<channel id>:buyers`) -> member or
    not. ``subscribed``: what a person last decided (True lifts our blocklisting, False blocklists), None: nobody
    decided. It is sent only when ``decided_at`` is newer than what was sent before, or the contact is created; a new
    contact without a decision is created blocklisted if ``blocklist_unknown``.
    ``historical``: from an import: may wait for a bulk import.
    """

    id: str  # contact:<email>
    email: str
    attributes: dict[str, Value]
    lists: dict[str, bool]
    subscribed: bool | None = None
    decided_at: int = 0
    blocklist_unknown: bool = True
    phone: str | None = None  # E.164, also under its mapped attribute; refused for one contact, it is sent without
    historical: bool = False
    at: int = 0  # business time of the newest cause


class RenameContact(msgspec.Struct, tag="rename", tag_field="kind", kw_only=True):
    """`attributes.EMAIL` of the contact ``email`` becomes ``to``; its own upsert follows.

    ``old_goes``: should Brevo know both, the old one is deleted; else it leaves our lists and stays.
    """

    id: str  # rename:<email>:<to>:<at>
    email: str
    to: str
    subscribed: bool | None = None
    old_goes: bool = False
    at: int = 0


class DeleteContact(msgspec.Struct, tag="delete", tag_field="kind", kw_only=True):
    id: str
    email: str
    at: int = 0


class OrderProduct(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    """`price` per unit, in the record's currency."""

    product_id: str
    quantity: int
    price: float | int
    variant_id: str = ""


class PutOrder(msgspec.Struct, tag="order", tag_field="kind", kw_only=True):
    """An order record: id `<store name>:<order id>`, amount in the reporting currency, net of refunds."""

    id: str  # order:<store name>:<order id>
    email: str
    order_id: str
    created_at: int
    updated_at: int
    status: str
    amount: float | int
    products: list[OrderProduct]
    store_id: str = ""
    billing: dict[str, str] = {}
    meta: dict[str, str | int] = {}
    historical: bool = False


class SendEvent(msgspec.Struct, tag="event", tag_field="kind", kw_only=True):
    """A one-shot. In doubt (sent, answer unknown) `resend` or `hold`; never sent after ``expires_at``."""

    id: str
    email: str
    name: str
    at: int  # event_date
    properties: dict[str, object]
    in_doubt: Literal["resend", "hold"]
    expires_at: int | None = None
    may_reach_blocklisted: bool = True


class PutProduct(msgspec.Struct, tag="product", tag_field="kind", kw_only=True):
    """``document`` as Brevo's product (or variant) object takes it; ``deleted``: isDeleted."""

    id: str  # product:<store name>:<id>
    document: dict[str, object]
    deleted: bool = False
    at: int = 0


class PutCategory(msgspec.Struct, tag="category", tag_field="kind", kw_only=True):
    id: str  # category:<store name>:<id>
    document: dict[str, object]
    deleted: bool = False
    at: int = 0


Command = UpsertContact | RenameContact | DeleteContact | PutOrder | SendEvent | PutProduct | PutCategory


class Receipt(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Topic brevo.receipt.v1, key: account. No personal data: ``command`` is the command's offset and id's digest."""

    account: str
    command_offset: int
    command_kind: str
    command_digest: str  # first 16 hex digits of SHA-256 of the command's id
    outcome: Literal["attempt", "done", "equal", "superseded", "refused", "in-doubt", "held", "expired", "repeated"]
    at: int
    status: int = 0
    request: str = ""
    message: str = ""
