"""Who the shop knows, and who must therefore be a contact: customers, guests, subscribers, their consents.

- A contact exists for a registered customer (also a deleted one), a guest with an order that is not Incomplete, a
  subscriber who opted in; once made it stays, except that a rename takes its address away.
- Consent is kept per address and purpose, and the newest statement wins. An opt-in is a purpose named by a
  subscriber's record; an opt-out is a purpose that the same record named before and names no more, or had when it
  was deleted. A record that never named a purpose says nothing. A contact is blocklisted unless one of the purposes
  holds.
- A customer who changes the e-mail takes his contact along (rename) when nothing else holds the old address and
  nobody has the new one. Else the old contact stays; without any reason left it leaves all our lists. Opt-outs go
  along in any case, opt-ins only with a rename. A record without a purpose does not hold an address.
- A subscriber record that changes its own e-mail speaks for the new address from then on, and no more for the old
  one.
"""

import unicodedata
from dataclasses import dataclass, field

PURPOSES = ("marketing_newsletter", "abandoned_cart")

Reason = tuple[str, int | str]


def normalised(email: str) -> str:
    return unicodedata.normalize("NFC", email).strip().lower()


def is_address(email: str) -> bool:
    """Whether a contact can have it; an order without a valid e-mail has no contact."""
    name, at, host = email.partition("@")
    return bool(name and at and "." in host) and not any(character.isspace() for character in email)


@dataclass
class Person:
    """A registered customer. ``addresses`` holds every e-mail with the moment from which it was his."""

    created_at: int
    addresses: list[tuple[int, str]]
    deleted: bool = False

    @property
    def email(self) -> str:
        return self.addresses[-1][1]

    def emails_since(self, moment: int) -> set[str]:
        """The address at that moment and all later ones: told late, an event finds him at one of these."""
        before = [email for since, email in self.addresses if since <= moment]
        return {*before[-1:], *(email for since, email in self.addresses if since > moment)}


@dataclass
class Standing:
    """Why an address is a contact, and since when.

    ``required`` once a reason lasted long enough to be seen; ``customer_left`` when one moved to another address.
    """

    reasons: dict[Reason, int] = field(default_factory=dict)
    required: bool = False
    flag_known: bool = True
    customer_left: bool = False


class Book:
    """All contacts that Brevo must hold, by e-mail."""

    def __init__(self, settling: int) -> None:
        self.contacts: dict[str, Standing] = {}
        self._consents: dict[str, dict[str, tuple[int, bool]]] = {}
        self._settling = settling

    def consents(self, email: str) -> set[str]:
        """The purposes that hold."""
        return {purpose for purpose, (_, given) in self._consents.get(email, {}).items() if given}

    def gain(self, email: str, reason: Reason, at: int) -> None:
        self.contacts.setdefault(email, Standing()).reasons.setdefault(reason, at)

    def lose(self, email: str, reason: Reason, at: int) -> None:
        standing = self.contacts.get(email)
        if standing is not None and reason in standing.reasons:
            lasted = at - standing.reasons.pop(reason)
            standing.required = standing.required or lasted >= self._settling

    def move(self, old: str, new: str, reason: Reason, at: int) -> None:
        """A source of contact ``old`` becomes one of ``new``."""
        known = new in self.contacts
        self.lose(old, reason, at)
        self.gain(new, reason, at)
        statements = self._consents.get(old, {})
        if not self.contacts[old].reasons and not known:
            standing = self.contacts.pop(old)
            self.contacts[new].required |= standing.required
            self._consents.pop(old, None)
        else:
            self.contacts[old].customer_left |= reason[0] == "customer"
            statements = {purpose: said for purpose, said in statements.items() if not said[1]}
        for purpose, said in statements.items():
            self._state(new, purpose, said)

    def record_changed(self, email: str, before: set[str], after: set[str], at: int) -> None:
        """A subscriber's record named ``before`` and names ``after``."""
        for purpose in before - after:
            self._state(email, purpose, (at, False))
        for purpose in after:
            self._state(email, purpose, (at, True))

    def record_left(self, email: str, purposes: set[str]) -> None:
        """A subscriber's record no longer speaks for this address, which is no opt-out of its owner."""
        for purpose in purposes & self._consents.get(email, {}).keys():
            del self._consents[email][purpose]
        if email in self.contacts:
            self.contacts[email].flag_known = bool(self.contacts[email].reasons)

    def _state(self, email: str, purpose: str, said: tuple[int, bool]) -> None:
        statements = self._consents.setdefault(email, {})
        if purpose not in statements or statements[purpose][0] <= said[0]:
            statements[purpose] = said
