"""Who may be written to: per purpose the newest statement of any source wins; Brevo's own opt-outs stand.

A subscriber record alone is no consent, only what its `consents` name (BigCommerce, subscribers v3); losing a purpose
is an opt-out. Brevo has one flag for both purposes: either lifts our blocklisting, carts ask for their own.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from projections.occasions import is_historical
from schemas.inner import Decision, Statement

NEWSLETTER: Final = "marketing_newsletter"
CARTS: Final = "abandoned_cart"
PURPOSES: Final = (NEWSLETTER, CARTS)


class Verdict(NamedTuple):
    """``subscribed``: None when nobody said anything. ``decided_at``: of the newest decision that led to it, Unix ms;
    0 for those from before the store was live: they decide how a contact is created, and touch no existing one's flag.

    ``carts``: the purpose of cart messages. ``blocked``: Brevo's own opt-out stands.
    """

    subscribed: bool | None
    decided_at: int
    carts: bool | None
    blocked: bool

    def may_tell_of_carts(self, *, require_consent: bool) -> bool:
        if self.blocked:
            return False
        return self.carts is True if require_consent else self.subscribed is not False


def stated(statement: Statement) -> list[Decision]:
    """What a subscriber record decides: in for what it names, out for the rest once it lost an opt-in, else nothing."""
    decisions = []
    for purpose in PURPOSES:
        if purpose in statement.consents:
            if not statement.gone:
                decisions.append(_decision(statement, purpose, given=True, at=statement.at))
        elif statement.withdrawn_at is not None:
            decisions.append(_decision(statement, purpose, given=False, at=statement.withdrawn_at))
    return decisions


def newest(decisions: Iterable[Decision]) -> list[Decision]:
    """One per purpose that anybody decided. Ties go to the greater source id; of one source an opt-out comes first."""
    found: dict[str, Decision] = {}
    for decision in decisions:
        known = found.get(decision.purpose)
        if known is None or _order(decision) > _order(known):
            found[decision.purpose] = decision
    return [found[purpose] for purpose in sorted(found)]


def verdict(decisions: Iterable[Decision], opted_out_at: int | None, *, resubscribe: bool) -> Verdict:
    """``opted_out_at``: Brevo's own opt-out. Only with ``resubscribe`` does a later opt-in lift it."""
    said = newest(decisions)
    given = [decision for decision in said if decision.given]
    carts = next((decision.given for decision in said if decision.purpose == CARTS), None)
    if opted_out_at is not None and not (resubscribe and any(one.at > opted_out_at for one in given)):
        return Verdict(False, opted_out_at, carts, True)
    decisive = given or said
    decided_at = max((decision.at for decision in decisive if decision.live), default=0)
    return Verdict(bool(given) if said else None, decided_at, carts, False)


def _order(decision: Decision) -> tuple[int, str, bool]:
    return decision.at, decision.source, not decision.given


def _decision(statement: Statement, purpose: str, *, given: bool, at: int) -> Decision:
    live = not is_historical(at, statement.live_since)
    return Decision(source=statement.source, purpose=purpose, given=given, at=at, live=live)
