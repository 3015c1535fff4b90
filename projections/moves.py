"""A source's e-mail became another: how it leaves the old contact and arrives at the new one.

The old contact hands over; the new one renames Brevo's contact if the old one was left empty and it has none itself,
else both stay. Contribution and hand-over reach the new contact in any order; what follows is the same, since it says
nothing before it has both, and the old one says nothing before it knows whether it was renamed.
"""

import msgspec

from projections.account import Account
from projections.consent import newest
from projections.contact import Announced, ContactState, decisions, hold, is_last, verdict_of
from projections.fold import Output
from projections.identity import contact_key
from projections.opt_outs import opted_out
from projections.reading import encode
from projections.series import bring, close, take_away
from schemas.commands import RenameContact
from schemas.inner import CartTold, Contribution, HandOver, MovedAway, Papers, Settled

_series = msgspec.msgpack.Decoder(dict[str, Announced])
CONTACTS = "contacts"


def arrive(state: ContactState, contribution: Contribution) -> None:
    """Its first contribution here says where it came from: the hand-over of that move is waited for."""
    source = contribution.source
    first, handed_at = source not in state.sources, state.handed.get(source, -1)
    if first and contribution.moved_from and handed_at < contribution.moved_at:
        state.expecting[source] = contribution.moved_at
    state.sources[source] = contribution
    state.currencies = sorted({*state.currencies, *contribution.totals})


def leave(state: ContactState, account: Account, email: str, message: MovedAway) -> list[Output]:
    """Lets go of the source, and hands over to where it went."""
    said, decided = verdict_of(state, account), newest(decisions(state))
    state.sources.pop(message.source, None)
    state.handed.pop(message.source, None)
    if not message.to:
        close(state, message.source)
        return []
    series = take_away(state, message.source)
    hand_over = HandOver(
        source=message.source,
        old=email,
        at=message.at,
        last=is_last(state),
        existed=state.told and not state.settling,
        subscribed=said.subscribed,
        decided_at=said.decided_at,
        series=encode(series) if series else b"",
        decisions=decided,
        opted_out_at=state.opted_out_at,
        reason=state.reason,
        held=_take_held(state, message.source),
    )
    if hand_over.last and hand_over.existed:
        state.settling = message.to
    return [_to(account, message.to, hand_over)]


def receive(
    state: ContactState, account: Account, email: str, message: HandOver
) -> tuple[list[Output], RenameContact | None]:
    """Takes over what the source had. The answer goes to a contact that waits for it."""
    series = _series.decode(message.series) if message.series else {}
    state.expecting.pop(message.source, None)
    state.handed[message.source] = message.at
    asked = message.last and message.existed
    renamed = asked and not state.told
    carried = [decision for decision in message.decisions if renamed or not decision.given]
    if carried:
        state.carried[message.source] = newest([*state.carried.get(message.source, []), *carried])
    bring(state, series)
    hold(state, message.held)
    outputs = _brevos_opt_out(state, account, email, message)
    if asked:
        answer = Settled(source=message.source, new=email, at=message.at, renamed=renamed)
        outputs.append(_to(account, message.old, answer))
    return outputs, _rename(state, account, email, message) if renamed else None


def settle(state: ContactState, message: Settled) -> None:
    """Renamed: Brevo has no contact of this e-mail any more, and its opt-ins went along. Its opt-outs stay here too."""
    state.settling = ""
    if not message.renamed:
        return
    state.told, state.said = False, ""
    for source, statement in list(state.statements.items()):
        if not statement.consents:
            state.statements[source] = msgspec.structs.replace(statement, gone=True)
    for source, carried in list(state.carried.items()):
        outs = [decision for decision in carried if not decision.given]
        if outs:
            state.carried[source] = outs
        else:
            del state.carried[source]


def _take_held(state: ContactState, source: str) -> list[Papers | CartTold]:
    moving = [held for held in state.held if held.source == source]
    state.held = [held for held in state.held if held.source != source]
    return moving


def _brevos_opt_out(state: ContactState, account: Account, email: str, message: HandOver) -> list[Output]:
    """An opt-out made at Brevo moves along and is put on record there, so that it outlives compaction."""
    if message.opted_out_at is None or state.opted_out_at is not None:
        return []
    state.opted_out_at, state.reason = message.opted_out_at, message.reason
    return [opted_out(account.name, email, message.opted_out_at, message.reason, source="tajo/contacts")]


def _rename(state: ContactState, account: Account, email: str, message: HandOver) -> RenameContact:
    state.told, state.said = True, ""
    return RenameContact(
        id=f"rename:{message.old}:{email}:{message.at}",
        email=message.old,
        to=email,
        subscribed=verdict_of(state, account).subscribed,
        old_goes=account.deletes,
        at=message.at,
    )


def _to(account: Account, email: str, message: HandOver | Settled) -> Output:
    return Output(CONTACTS, contact_key(account.name, email), encode(message))
