"""The fold `contacts`: everything that is said to or about one person at Brevo is decided here.

Key `account/e-mail`. Its inputs are the contributions of its sources, order papers and carts on their way, what
subscribers' records and Brevo itself say about consent, and hand-overs after e-mail changes. What it tells the account
is in the order in which Brevo shall see it: the contact, then order records, then events.
"""

from typing import Final

import msgspec

from projections import moves, series
from projections.account import Account
from projections.cloudevents import public
from projections.contact import ContactState, hold, is_contact, state_statement, verdict_of
from projections.desired import content, desired
from projections.fold import Input, Output
from projections.identity import split
from projections.occasions import is_historical
from projections.opt_outs import opted_out
from projections.papers import addressed, paper
from projections.reading import encode, read
from schemas import topics
from schemas.commands import DeleteContact, RenameContact, UpsertContact
from schemas.errors import BadRecord
from schemas.inner import (
    CartTold,
    Consent,
    ContactInput,
    Contribution,
    HandOver,
    MovedAway,
    Paper,
    Papers,
    Settled,
    Statement,
)
from schemas.settings import FoldSettings

_SOURCE: Final = "tajo/contacts"


class ContactsFold:
    """Pure; see projections.fold.Fold. BadRecord: the account is not configured, or a value cannot be read."""

    name = "contacts"
    inputs: tuple[str, ...] = (moves.CONTACTS, topics.CONSENT)
    outputs: tuple[str, ...] = (moves.CONTACTS, topics.CONSENT, topics.COMMAND)

    def __init__(self, settings: FoldSettings) -> None:
        self._accounts = {name: Account(name, settings) for name in settings.accounts}
        self._messages: msgspec.msgpack.Decoder[ContactInput] = msgspec.msgpack.Decoder(ContactInput)
        self._consents = msgspec.json.Decoder(Consent)
        self._states = msgspec.msgpack.Decoder(ContactState)

    def load(self, key: bytes, stored: bytes | None) -> ContactState:
        return ContactState() if stored is None else self._states.decode(stored)

    def dump(self, state: ContactState) -> bytes | None:
        return None if state.empty else encode(state)

    def due(self, state: ContactState) -> int | None:
        return None

    def fold(self, state: ContactState, record: Input) -> tuple[ContactState, list[Output]]:
        name, email = split(record.key)
        account = self._accounts.get(name)
        if account is None:
            raise BadRecord(f"Contact {email} is of account {name!r}, which is not configured; add it to `brevo`.")
        turn = _Turn(state, account, email)
        if record.topic == topics.CONSENT:
            turn.opted_out(None if record.value is None else read(self._consents, record))
            turn.speak()
        else:
            message = read(self._messages, record)
            adds = turn.adds(message)
            turn.take(message)
            turn.speak(adds=adds)
        return ContactState() if state.empty else state, turn.outputs


class _Turn:
    """One record at one contact: first it is taken in, then everything that follows from it is said."""

    def __init__(self, state: ContactState, account: Account, email: str) -> None:
        self.outputs: list[Output] = []
        self._state, self._account, self._email = state, account, email
        self._historical, self._at = False, 0

    def adds(self, message: ContactInput) -> bool:
        """Whether the message may change what Brevo shall hold of the contact: papers alone do not, nor does a cart
        that opens, while no series of it is known here."""
        match message:
            case Papers():
                return message.contribution is not None
            case CartTold():
                return message.part.change != "open" or series.knows(self._state, message)
            case _:
                return True

    # --- taking in ------------------------------------------------------------------------------------------------

    def opted_out(self, consent: Consent | None) -> None:
        """Brevo's own word. A null value erases it.

        The newest opt-out stands, since Brevo may tell of an older one hours later. That one is answered with the one
        that stands, so that the topic, of which only the last record of a key is kept, ends with it too.
        """
        state = self._state
        at, reason = (consent.opted_out_at, consent.reason) if consent else (None, "")
        if at is not None and state.opted_out_at is not None and (at, reason) < (state.opted_out_at, state.reason):
            standing = opted_out(self._account.name, self._email, state.opted_out_at, state.reason, source=_SOURCE)
            self.outputs.append(standing)
        else:
            state.opted_out_at, state.reason = at, reason if at is not None else ""
        self._at = state.opted_out_at or 0

    def take(self, message: ContactInput) -> None:
        state = self._state
        if message.source in state.expecting and not isinstance(message, HandOver | Settled):
            state.queued.append(message)  # after its hand-over, in its own order
            return
        self._at = max(self._at, _time(message))
        match message:
            case Contribution():
                self._historical = message.historical
                moves.arrive(state, message)
            case MovedAway():
                self.outputs += moves.leave(state, self._account, self._email, message)
            case HandOver():
                self._handed_over(message)
            case Settled():
                moves.settle(state, message)
            case Statement():
                self._historical = is_historical(max(message.at, message.withdrawn_at or 0), message.live_since)
                state_statement(state, message)
            case Papers(contribution=Contribution() as contribution):
                message.contribution = None
                self.take(contribution)
                self.take(message)  # may have to wait for the hand-over that the contribution announced
            case Papers() | CartTold():
                hold(state, [message])

    def _handed_over(self, message: HandOver) -> None:
        outputs, rename = moves.receive(self._state, self._account, self._email, message)
        self.outputs += outputs
        if rename:
            self._command(rename)
        queued, self._state.queued = self._state.queued, []
        for waiting in queued:
            self.take(waiting)

    # --- speaking -------------------------------------------------------------------------------------------------

    def speak(self, *, adds: bool = True) -> None:
        """``adds`` False: nothing was taken in that the contact's desired state depends on."""
        if self._state.waits:
            return
        contact = is_contact(self._state, self._account)
        records, events = self._release(there=contact or self._state.told)
        if adds or not self._state.said:
            self._upsert(contact=contact)
        for one in [*records, *events]:
            self._say(one.kind, one.id, one.at, addressed(one, self._email))

    def _release(self, *, there: bool) -> tuple[list[Paper], list[Paper]]:
        """What waited for its turn, and what is told now. Papers of somebody who is not at Brevo wait on."""
        state, records, events = self._state, list[Paper](), list[Paper]()
        waiting, state.held = state.held, []
        for message in waiting:
            if isinstance(message, CartTold):
                events += map(paper, series.tell(state, self._account, message))
            elif there:
                records += [message.record] if message.record else []
                events += message.events
            elif not self._is_forgotten(message.source):
                hold(state, [message])
        return records, events

    def _is_forgotten(self, source: str) -> bool:
        """A deleted customer whose contact was to be deleted too."""
        known = self._state.sources.get(source)
        return known is not None and known.deleted and self._account.deletes

    def _upsert(self, *, contact: bool) -> None:
        state = self._state
        if not contact and not state.told:
            return
        if not contact and self._account.deletes:
            self._command(DeleteContact(id=f"delete:{self._email}:{self._at}", email=self._email, at=self._at))
            state.told, state.said = False, ""
            return
        said = verdict_of(state, self._account)
        upsert = desired(state, self._account, self._email, said, contact=contact, at=self._at)
        now = content(upsert)
        if now != state.said:
            upsert.historical = self._historical
            state.told, state.said = True, now
            self._command(upsert)

    def _command(self, command: UpsertContact | RenameContact | DeleteContact) -> None:
        occasion = f"{command.id}:{self._state.said}" if isinstance(command, UpsertContact) else command.id
        self._say(str(command.__struct_config__.tag), occasion, command.at, command)

    def _say(self, kind: str, occasion: str, at: int, command: msgspec.Struct | bytes) -> None:
        said = public(
            topics.COMMAND,
            self._account.name.encode(),
            command,
            event_id=occasion,
            source=_SOURCE,
            kind=f"brevo.command.{kind}",
            at=at,
        )
        self.outputs.append(said)


def _time(message: ContactInput) -> int:
    """The newest business time in it, Unix ms."""
    match message:
        case Contribution():
            return message.changed_at
        case Statement():
            return max(message.at, message.withdrawn_at or 0)
        case CartTold():
            return message.part.at
        case Papers():
            return max((event.at for event in message.events), default=0)
        case _:
            return message.at
