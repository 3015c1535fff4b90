"""The contacts: identity, blocklisting and its history, uniqueness, merging.

An e-mail, SMS, WHATSAPP, LANDLINE_NUMBER or EXT_ID belongs to one contact. A clash is refused, or with ``forceMerge``
the contact that was modified last survives and the other is deleted
(https://developers.brevo.com/reference/updatecontact).
"""

import re
from dataclasses import dataclass, field

from emulators.brevo.attributes import IDENTIFIERS, Value
from emulators.brevo.errors import Refusal, invalid

_EMAIL = re.compile(r"[^@\s\"]+@[^@\s]+\.[^@\s.]+")


@dataclass(frozen=True)
class FlagChange:
    """``by``: the endpoint that asked, ``import``, ``e-mail change`` (Brevo's own resubscription) or ``recipient``."""

    at: int
    blocklisted: bool
    by: str


@dataclass
class Contact:
    id: int
    email: str
    created_at: int
    modified_at: int
    attributes: dict[str, Value] = field(default_factory=dict)
    list_ids: set[int] = field(default_factory=set)
    blocklisted: bool = False
    sms_blocklisted: bool = False
    flags: list[FlagChange] = field(default_factory=list)

    def flag(self, at: int, blocklisted: bool, by: str) -> None:
        """Every request that names the flag is noted, also one that changes nothing."""
        self.blocklisted = blocklisted
        self.flags.append(FlagChange(at, blocklisted, by))


@dataclass
class Change:
    """What a request asks of a contact; ``None`` leaves untouched, a ``None`` among ``attributes`` empties."""

    by: str
    email: str | None = None
    attributes: dict[str, Value | None] = field(default_factory=dict)
    list_ids: list[int] = field(default_factory=list)
    unlink_list_ids: list[int] = field(default_factory=list)
    blocklisted: bool | None = None
    sms_blocklisted: bool | None = None
    force_merge: bool = False

    def identifiers(self) -> dict[str, str]:
        found = {"email": self.email} if self.email else {}
        return found | {name: str(self.attributes[name]) for name in IDENTIFIERS if self.attributes.get(name)}


class Directory:
    """``clash_code`` is ``duplicate_parameter``; since 2026-05 Brevo also says ``invalid_parameter`` in its place."""

    def __init__(self, clash_code: str = "duplicate_parameter") -> None:
        self.contacts: dict[int, Contact] = {}
        self.deleted: list[Contact] = []
        self.merged: list[tuple[int, int]] = []
        """(survivor, deleted) of every merge."""
        self._clash_code = clash_code
        self._ids: dict[tuple[str, str], int] = {}
        self._last = 0

    def find(self, kind: str, value: str) -> Contact | None:
        """By ``email``, ``id`` or one of the identifying attributes."""
        if kind == "id":
            return self.contacts.get(int(value)) if value.isdecimal() else None
        found = self._ids.get((kind, value))
        return None if found is None else self.contacts[found]

    def create(self, change: Change, now: int) -> Contact:
        """A new contact, or with ``force_merge`` the one that already had an identifier."""
        others = self._others(None, change)
        if others and not change.force_merge:
            raise self._clash("create", others)
        if others:
            return self._update(self._merge(list(others.values())), change, now)
        self._last += 1
        contact = Contact(self._last, "", now, now)
        self.contacts[contact.id] = contact
        return self._update(contact, change, now)

    def update(self, contact: Contact, change: Change, now: int) -> Contact:
        """The contact as changed, or the survivor of the merge."""
        others = self._others(contact, change)
        if others and not change.force_merge:
            raise self._clash("update", others)
        if others:
            contact = self._merge([contact, *others.values()])
        return self._update(contact, change, now)

    def clashes(self, contact: Contact | None, change: Change) -> list[str]:
        """The names of identifiers that another contact has."""
        return list(self._others(contact, change))

    def delete(self, contact: Contact) -> None:
        self._ids.pop(("email", contact.email), None)
        for name in IDENTIFIERS:
            self._ids.pop((name, str(contact.attributes.get(name))), None)
        del self.contacts[contact.id]
        self.deleted.append(contact)

    def _others(self, contact: Contact | None, change: Change) -> dict[str, Contact]:
        found = {name: self.find(name, value) for name, value in change.identifiers().items()}
        return {name: other for name, other in found.items() if other is not None and other is not contact}

    def _clash(self, verb: str, others: dict[str, Contact]) -> Refusal:
        names = list(others)
        message = f"Unable to {verb} contact, {', '.join(names)} is already associated with another Contact"
        return Refusal(400, self._clash_code, message, {"duplicate_identifiers": names})

    def _merge(self, contacts: list[Contact]) -> Contact:
        survivor = max(contacts, key=lambda contact: (contact.modified_at, contact.id))
        for contact in {contact.id: contact for contact in contacts}.values():
            if contact is not survivor:
                self.delete(contact)
                self.merged.append((survivor.id, contact.id))
        return survivor

    def _update(self, contact: Contact, change: Change, now: int) -> Contact:
        if change.email and change.email != contact.email:
            self._rename(contact, change.email, now)
        for name, value in change.attributes.items():
            self._set(contact, name, value)
        contact.list_ids |= set(change.list_ids)
        contact.list_ids -= set(change.unlink_list_ids)
        if change.blocklisted is not None:
            contact.flag(now, change.blocklisted, change.by)
        if change.sms_blocklisted is not None:
            contact.sms_blocklisted = change.sms_blocklisted
        contact.modified_at = now
        return contact

    def _rename(self, contact: Contact, email: str, now: int) -> None:
        if contact.email:
            del self._ids["email", contact.email]
            if contact.blocklisted:
                # "If a blocklisted contact's email address is updated, it is going to remove that blocklisting."
                contact.flag(now, False, "e-mail change")
        contact.email = email
        self._ids["email", email] = contact.id

    def _set(self, contact: Contact, name: str, value: Value | None) -> None:
        if name in IDENTIFIERS:
            if name in contact.attributes:
                self._ids.pop((name, str(contact.attributes[name])), None)
            if value is not None:
                self._ids[name, str(value)] = contact.id
        if value is None:
            contact.attributes.pop(name, None)
        else:
            contact.attributes[name] = value


def normalised(email: str) -> str:
    """Trimmed and in lower case, as Brevo keeps it. Raises ``Refusal`` when it is none."""
    found = email.strip().lower()
    if len(found) > 320 or not _EMAIL.fullmatch(found):
        raise invalid("Invalid email address")
    return found
