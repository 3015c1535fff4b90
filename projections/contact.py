"""The state of one contact: its sources, what was decided about consent, its cart series, and what waits its turn."""

from collections.abc import Iterable, Iterator

import msgspec

from projections.account import Account
from projections.consent import NEWSLETTER, Verdict, stated, verdict
from schemas.inner import CartTold, ContactInput, Contribution, Decision, Papers, Statement


class Announced(msgspec.Struct, array_like=True, kw_only=True):
    """A cart of which this contact was told. ``changed_at``, ``step``: of the last message; ``last``: none follows it.

    ``source``: the customer who has it since ``claimed_at``; ``open``: it has not ended. Times: Unix ms.
    """

    source: str
    store: str
    changed_at: int
    step: int
    last: bool
    channel: int
    claimed_at: int
    open: bool = True


class ContactState(msgspec.Struct, array_like=True):
    """``carried``: decisions that came with sources from other e-mails. ``opted_out_at``: Brevo's own opt-out.

    ``told``: Brevo has this contact, as far as we know; ``said``: digest of what it was told last. ``currencies``: with
    a total of their own at Brevo. ``held``: what waits until it is a contact.

    Moves: ``expecting``: sources whose hand-over is on its way (MovedAway.at), with ``queued``, what they sent since;
    ``handed``: hand-overs that arrived; ``settling``: the e-mail whose answer is awaited: renamed, or not.
    """

    sources: dict[str, Contribution] = {}
    statements: dict[str, Statement] = {}
    carried: dict[str, list[Decision]] = {}
    opted_out_at: int | None = None
    reason: str = ""
    told: bool = False
    said: str = ""
    currencies: list[str] = []
    carts: dict[str, Announced] = {}
    held: list[Papers | CartTold] = []
    expecting: dict[str, int] = {}
    queued: list[ContactInput] = []
    handed: dict[str, int] = {}
    settling: str = ""

    @property
    def empty(self) -> bool:
        """Nothing is known of this e-mail, so it may leave the table."""
        known = self.sources or self.statements or self.carried or self.opted_out_at is not None
        waiting = self.held or self.queued or self.handed or self.settling
        return not (known or waiting or self.told or self.carts)

    @property
    def waits(self) -> bool:
        """An e-mail change is under way: until it is settled whether Brevo's contact is renamed, nothing is said."""
        owed = any(source not in self.sources for source in self.handed)
        return bool(self.expecting or self.settling or owed)

    def ordered(self) -> list[Contribution]:
        """Whose profile comes first: registered, then the order of the stores, then the newest, then source id."""
        return sorted(self.sources.values(), key=lambda c: (not c.registered, c.rank, -c.changed_at, c.source))


def is_contact(state: ContactState, account: Account) -> bool:
    """Registered customers, guests with an order that is not Incomplete, subscribers who once opted in."""
    subscribed = any(not statement.gone for statement in state.statements.values())
    return subscribed or any(_makes_contact(source, account) for source in state.sources.values())


def is_last(state: ContactState) -> bool:
    """No customer, and no subscriber who is opted in, holds this e-mail any more."""
    opted_in = any(statement.consents and not statement.gone for statement in state.statements.values())
    return not (state.sources or opted_in)


def decisions(state: ContactState) -> Iterator[Decision]:
    """All that was decided for this e-mail and still is said. What a source decided before it moved here came along by
    its hand-over, or did not."""
    for statement in state.statements.values():
        yield from stated(statement)
    for source in state.sources.values():
        if source.opted_in_at is not None and source.opted_in_at >= source.moved_at:
            yield Decision(
                source=source.source,
                purpose=NEWSLETTER,
                given=True,
                at=source.opted_in_at,
                live=source.opted_in_live,
            )
    for carried in state.carried.values():
        yield from carried


def verdict_of(state: ContactState, account: Account) -> Verdict:
    return verdict(decisions(state), state.opted_out_at, resubscribe=account.resubscribe)


def state_statement(state: ContactState, statement: Statement) -> None:
    """Replaces what the record said. One that says nothing, or only took its opt-ins away, leaves nothing."""
    opted_in = statement.consents and not statement.gone
    if opted_in or statement.withdrawn_at is not None:
        state.statements[statement.source] = statement
    else:
        state.statements.pop(statement.source, None)


def hold(state: ContactState, messages: Iterable[Papers | CartTold]) -> None:
    """Waits its turn. A newer record of an order replaces one that waits; a step waits only while its cart stands."""
    for message in messages:
        if isinstance(message, Papers):
            _replace_record(state.held, message)
        else:
            state.held = [held for held in state.held if not _is_overtaken(held, message)]
        state.held.append(message)


def _makes_contact(source: Contribution, account: Account) -> bool:
    """A deleted customer stays one by its orders, unless the deleted are to be deleted at Brevo too."""
    if source.registered and not source.deleted:
        return True
    return source.known_orders > 0 and not (source.deleted and account.deletes)


def _replace_record(held: list[Papers | CartTold], message: Papers) -> None:
    for earlier in held:
        if message.record and isinstance(earlier, Papers) and earlier.record and earlier.record.id == message.record.id:
            earlier.record = None


def _is_overtaken(held: Papers | CartTold, message: CartTold) -> bool:
    if not isinstance(held, CartTold) or held.part.change != "due":
        return False
    return (held.source, held.part.cart_id) == (message.source, message.part.cart_id)
