"""What Brevo has, as far as we wrote it: short hashes, never the values (the state holds no personal data but e-mails).

Keys begin with the account's name, so that the accounts of a partition do not meet.
"""

from hashlib import blake2b

import msgspec

_HASH_BYTES = 8


class KnownContact(msgspec.Struct, array_like=True):
    """``attributes``: name -> hash of the value that Brevo took. ``lists``: id -> member or not; missing: not known.

    ``decided_at``: of the newest decision about the blocklist that was dealt with. ``refused``: identifiers that
    another contact has, as hash: they are not tried again until they change.

    Whose a blocklisting is: ``blocked_since``: when (ms) we asked Brevo to create the contact blocklisted, if it did
    not exist; ``undecided``: only because nobody had decided yet, which an opt-in from before we were live may lift.
    ``blocked``: we did it later, when it was not.
    """

    attributes: dict[str, bytes] = {}
    lists: dict[int, bool] = {}
    decided_at: int = 0
    refused: dict[str, bytes] = {}
    blocked_since: int | None = None
    undecided: bool = False
    blocked: bool = False


class KnownEvent(msgspec.Struct, array_like=True):
    """A one-shot id: ``offset`` of its command; ``at``: clock time (ms). `attempt`: sent, answer not recorded."""

    outcome: str
    offset: int
    at: int


def key(account: str, kind: str, name: str = "") -> bytes:
    """``kind``: contact, order, product, category, event, or a name of the account's own."""
    return f"{account}\0{kind}/{name}".encode()


def event_name(command_id: str) -> str:
    """Ids of one-shots in keys: of one length, and evenly spread (`SLICES`)."""
    return blake2b(command_id.encode(), digest_size=16).hexdigest()


SLICES = tuple(f"{number:02x}" for number in range(256))
"""Beginnings of event names, for looking through them in parts."""


def digest(value: object) -> bytes:
    """8 bytes that change when the value does."""
    return blake2b(msgspec.json.encode(value, order="deterministic"), digest_size=_HASH_BYTES).digest()
