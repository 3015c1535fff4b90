"""Everything that the account holds, for inspection: what was accepted, what was dropped, who asked for what."""

from collections import Counter
from dataclasses import dataclass, field

from emulators.brevo.attributes import Schema, Value
from emulators.brevo.directory import Contact, Directory


@dataclass
class ContactList:
    id: int
    name: str
    folder_id: int
    created_at: int


@dataclass(frozen=True)
class Event:
    """An accepted event. ``email`` is the contact's at acceptance, or without a contact the one given."""

    number: int
    at: int
    name: str
    date: int
    email: str
    contact_id: int | None
    identifiers: dict[str, object]
    properties: dict[str, object]
    contact_properties: dict[str, Value | None]
    object_type: str
    via: str


@dataclass
class Order:
    """``record`` as last accepted; ``writes`` counts acceptances, ``historical`` is of the last one."""

    id: str
    record: dict[str, object]
    email: str
    contact_id: int | None
    historical: bool
    created_at: int
    modified_at: int
    writes: int = 1


@dataclass
class Item:
    """A product or a category."""

    id: str
    record: dict[str, object]
    created_at: int
    modified_at: int
    writes: int = 1


@dataclass
class Process:
    """An import. ``problems`` holds the refused rows (e-mail, value) by the names of Brevo's reports."""

    id: int
    asked_at: int
    begins: int
    ends: int
    rows: int
    notify_url: str | None
    done: bool = False
    problems: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def status(self, now: int) -> str:
        return "completed" if self.done else "in_process" if now >= self.begins else "queued"


@dataclass
class State:
    """Read it at rest, through ``Brevo.state``, which first finishes the imports that are due.

    ``requests`` counts answers by family, endpoint and HTTP status (0 for a request that never got one).
    """

    schema: Schema
    directory: Directory
    lists: dict[int, ContactList] = field(default_factory=dict)
    folders: dict[int, str] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    orders: dict[str, Order] = field(default_factory=dict)
    refused_orders: list[tuple[str, str]] = field(default_factory=list)
    products: dict[str, Item] = field(default_factory=dict)
    categories: dict[str, Item] = field(default_factory=dict)
    alerts: list[tuple[str, str, dict[str, object]]] = field(default_factory=list)
    processes: dict[int, Process] = field(default_factory=dict)
    webhooks: dict[int, dict[str, object]] = field(default_factory=dict)
    requests: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    currency: str = "USD"
    commerce_from: int | None = None
    """From when e-commerce is active; ``None`` while nobody asked for it."""

    @property
    def contacts(self) -> dict[str, Contact]:
        """By e-mail; contacts without one are only in ``directory``."""
        return {contact.email: contact for contact in self.directory.contacts.values() if contact.email}

    @property
    def dropped(self) -> Counter[tuple[str, str]]:
        """Attribute values lost in silence, by name and reason."""
        return self.schema.dropped

    @property
    def events_without_contact(self) -> int:
        return sum(event.contact_id is None for event in self.events)

    def requests_of(self, family: str | None = None, endpoint: str | None = None, status: int | None = None) -> int:
        """How many answers fit; ``None`` fits all."""
        return sum(
            count
            for key, count in self.requests.items()
            if all(want in (None, found) for want, found in zip((family, endpoint, status), key, strict=True))
        )
