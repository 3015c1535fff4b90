"""The map `opt_outs`: from Brevo's own webhooks to the opt-outs that they are, without any state.

Brevo may tell late, twice and in any order: which opt-out stands is decided where it is kept (projections.contacts).
Names of events: docs/marketing-webhooks and docs/transactional-webhooks at developers.brevo.com. Why a hard bounce is
none of them: docs/decisions/a-bounce-is-no-opt-out.md.
"""

from collections.abc import Mapping
from typing import Final

from projections.cloudevents import public
from projections.fold import Input, Output
from projections.identity import contact_key, normalise
from projections.stateless import Stateless
from schemas import topics
from schemas.brevo_events import Event, events_of
from schemas.errors import BadRecord
from schemas.inner import Consent
from schemas.settings import FoldSettings

REASONS: Final[Mapping[str, str]] = {
    "unsubscribe": "unsubscribed",  # by a link in a campaign
    "unsubscribed": "unsubscribed",  # by a link in any other mail, those of automations among them
    "spam": "spam",
}
BEFORE: Final = "found"  # the contact was blocklisted at Brevo when an opt-in came; no webhook had told of it


class OptOutsFold(Stateless):
    """Key: the account. BadRecord: it is not configured, or nobody can be made out who opted out."""

    name = "opt_outs"
    inputs: tuple[str, ...] = (topics.BREVO_EVENT,)
    outputs: tuple[str, ...] = (topics.CONSENT,)

    def __init__(self, settings: FoldSettings) -> None:
        self._accounts = settings.accounts

    def fold(self, state: None, record: Input) -> tuple[None, list[Output]]:
        account = record.key.decode(errors="replace")
        if account not in self._accounts:
            raise BadRecord(f"A webhook is of account {account!r}, which is not configured; add it to `brevo`.")
        said = [event for event in events_of(record.value or b"") if event.name in REASONS]
        told = [_opt_out(account, event, record.time) for event in said if normalise(event.address)]
        if said and not told:  # in a batch the others count; who has no address can be no contact
            raise BadRecord(f"A webhook of account {account} is an opt-out of nobody: it holds no e-mail address.")
        return None, told


def _opt_out(account: str, event: Event, heard_at: int) -> Output:
    """``heard_at``: Unix ms; when it came, for events without a time of their own."""
    reason = REASONS[event.name]
    return opted_out(account, normalise(event.address), event.at or heard_at, reason, source="tajo/opt-outs")


def opted_out(account: str, email: str, at: int, reason: str, *, source: str) -> Output:
    """The record of an opt-out that was made at Brevo. ``email`` is normalised; ``at``: Unix ms."""
    return public(
        topics.CONSENT,
        contact_key(account, email),
        Consent(account=account, email=email, opted_out_at=at, reason=reason),
        event_id=f"opted_out:{account}/{email}:{at}",
        source=source,
        kind="brevo.consent.opted_out",
        at=at,
    )
