"""What the judge reads of Brevo's state, and nothing else."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol


class SeenContact(Protocol):
    @property
    def attributes(self) -> Mapping[str, object]: ...

    @property
    def list_ids(self) -> AbstractSet[int]: ...

    @property
    def blocklisted(self) -> bool: ...


class SeenEvent(Protocol):
    """``email`` is the contact's when the event was accepted; ``contact_id`` is ``None`` when it found no contact."""

    @property
    def name(self) -> str: ...

    @property
    def email(self) -> str: ...

    @property
    def contact_id(self) -> int | None: ...

    @property
    def properties(self) -> Mapping[str, object]: ...


class BrevoState(Protocol):
    """Contacts by e-mail, events in the order of acceptance."""

    @property
    def contacts(self) -> Mapping[str, SeenContact]: ...

    @property
    def events(self) -> Sequence[SeenEvent]: ...
