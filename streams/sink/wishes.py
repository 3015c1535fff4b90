"""What has to be said about a contact: the newest desired state against what Brevo has. Pure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from schemas.commands import UpsertContact, Value
from streams.sink.known import KnownContact, digest

# Attributes by which Brevo finds contacts: each value belongs to one contact only.
_IDENTIFIERS = ("SMS", "WHATSAPP", "LANDLINE_NUMBER")


class Wish(NamedTuple):
    """``attributes``: to send, "" empties. ``flag``: emailBlacklisted, None: not to be touched.

    ``desired``: all attributes with a value, for a contact that has to be created.
    """

    attributes: dict[str, Value]
    link: list[int]
    unlink: list[int]
    flag: bool | None
    decided_at: int
    desired: dict[str, Value]
    lists: dict[int, bool]
    blocklisted: bool  # how the contact is created
    undecided: bool  # nobody said whether it may be written to
    lift: bool  # an opt-in was recorded before we were live: our own blocklisting may go, a person's may not
    reasons: bool  # False: Brevo has all of it

    def phones(self) -> set[Value]:
        """Values that only one contact may have."""
        return {self.desired[name] for name in _IDENTIFIERS if name in self.desired}

    @property
    def importable(self) -> dict[str, Value]:
        """``desired`` without booleans, which an import does not take for sure."""
        return {name: value for name, value in self.desired.items() if not isinstance(value, bool)}

    def is_left_by_import(self, known: KnownContact) -> bool:
        """Whether something is still to be said by a single update, ``known`` being what the import brought."""
        return any(known.attributes.get(name) != digest(value) for name, value in self.desired.items())

    def update(self) -> dict[str, object]:
        """Body of PUT /contacts/{identifier}."""
        body: dict[str, object] = {}
        if self.attributes:
            body["attributes"] = self.attributes
        if self.link:
            body["listIds"] = self.link
        if self.unlink:
            body["unlinkListIds"] = self.unlink
        if self.flag is not None:
            body["emailBlacklisted"] = self.flag
        return body

    def creation(self, email: str) -> dict[str, object]:
        """Body of POST /contacts. The flag is never sent as false: a new contact has none."""
        body: dict[str, object] = {"email": email, "updateEnabled": False}
        if self.desired:
            body["attributes"] = self.desired
        if members := [number for number, member in self.lists.items() if member]:
            body["listIds"] = members
        if self.blocklisted:
            body["emailBlacklisted"] = True
        return body

    def after_update(self, known: KnownContact | None) -> KnownContact:
        before = known or KnownContact()
        attributes = {**before.attributes, **{name: digest(value) for name, value in self.attributes.items()}}
        kept = {name: value for name, value in attributes.items() if self.attributes.get(name) != ""}
        lists = {**before.lists, **dict.fromkeys(self.link, True), **dict.fromkeys(self.unlink, False)}
        decided_at = self.decided_at if self.flag is not None else before.decided_at
        if self.flag is False or self.lift:
            return KnownContact(kept, lists, decided_at, before.refused)
        undecided = before.undecided and self.flag is None
        return KnownContact(kept, lists, decided_at, before.refused, before.blocked_since, undecided, before.blocked)

    def after_import(self, known: KnownContact | None, members: Mapping[int, bool], asked_at: int) -> KnownContact:
        """``members``: the lists that the import put it in; those it is not in stay as unknown as they were."""
        before = known or KnownContact(blocked_since=self._blocked(asked_at), undecided=self.undecided)
        attributes = {**before.attributes, **{name: digest(value) for name, value in self.importable.items()}}
        lists = {**before.lists, **members}
        return KnownContact(
            attributes, lists, self.decided_at, before.refused, before.blocked_since, before.undecided, before.blocked
        )

    def after_creation(self, asked_at: int) -> KnownContact:
        attributes = {name: digest(value) for name, value in self.desired.items()}
        blocked_since = self._blocked(asked_at)
        return KnownContact(attributes, dict(self.lists), self.decided_at, {}, blocked_since, self.undecided)

    def _blocked(self, asked_at: int) -> int | None:
        return asked_at if self.blocklisted else None


def wish(
    group: Sequence[UpsertContact], known: KnownContact | None, ids: Mapping[str, int], *, phoneless: bool = False
) -> Wish:
    """Of pending upserts of one contact, oldest first: the newest one's state.

    A field that any of them would change is sent, also when the newest wants what we believe Brevo has: an older one
    may have been sent without our knowing the answer.
    """
    newest = group[-1]
    has = known or KnownContact()
    left_out = phone_attributes(newest) if phoneless else set()
    attributes: dict[str, Value] = {}
    desired: dict[str, Value] = {}
    for name, value in newest.attributes.items():
        wanted = None if name in left_out else value
        if wanted is not None and wanted != "" and has.refused.get(name) != digest(wanted):
            desired[name] = wanted
        else:
            wanted = None
        if any(_touches(name, older.attributes.get(name), has) for older in (*group[:-1], newest)):
            if wanted is not None:
                attributes[name] = wanted
            elif name in has.attributes or len(group) > 1:
                attributes[name] = ""
    lists = by_id(newest.lists, ids)
    touched = {
        number
        for one in group
        for number, member in by_id(one.lists, ids).items()
        if has.lists.get(number, False) != member
    }
    flag, decided_at = _decision(group, has)
    lift = newest.subscribed is True and flag is None and has.undecided and has.blocked_since is not None
    return Wish(
        attributes=attributes,
        link=[number for number, member in lists.items() if member and number in touched],
        unlink=[number for number, member in lists.items() if not member and _may_be_member(number, has, touched)],
        flag=flag,
        decided_at=max(decided_at, has.decided_at),
        desired=desired,
        lists=lists,
        blocklisted=newest.subscribed is False or (newest.subscribed is None and newest.blocklist_unknown),
        undecided=newest.subscribed is None,
        lift=lift,
        reasons=known is None or bool(attributes) or bool(touched & lists.keys()) or flag is not None or lift,
    )


def phone_attributes(command: UpsertContact) -> set[str]:
    """The attributes under which the command sends a phone that Brevo may refuse; as plain text it is never refused."""
    return {name for name in _IDENTIFIERS if command.attributes.get(name)}


def by_id(lists: Mapping[str, bool], ids: Mapping[str, int]) -> dict[int, bool]:
    """Two keys may be one list: who is in one of them is in it."""
    found: dict[int, bool] = {}
    for key, member in lists.items():
        if (number := ids.get(key)) is not None:
            found[number] = member or found.get(number, False)
    return found


def _touches(name: str, value: Value, has: KnownContact) -> bool:
    if value is None or value == "":
        return name in has.attributes
    return digest(value) not in (has.attributes.get(name), has.refused.get(name))


def _may_be_member(number: int, has: KnownContact, touched: set[int]) -> bool:
    """A membership that we know nothing of is no reason for a request, but ends with one that is made anyway."""
    return number in touched or number not in has.lists


def _decision(group: Sequence[UpsertContact], has: KnownContact) -> tuple[bool | None, int]:
    """The flag, if a person changed their mind after what was sent before; and the time of the newest decision."""
    decided = [one for one in group if one.subscribed is not None]
    newest = max(decided, key=lambda one: one.decided_at, default=None)
    if newest is None:
        return None, 0
    return (not newest.subscribed if newest.decided_at > has.decided_at else None), newest.decided_at
