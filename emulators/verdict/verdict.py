"""The judge: computes from the shop's history and the played traffic what Brevo must hold, and compares."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from emulators.ledger import CartChanged, Ledger
from emulators.verdict import contacts, events
from emulators.verdict.purchases import Customer, Purchase, Subscriber
from emulators.verdict.rules import Rules
from emulators.verdict.seen import BrevoState
from emulators.verdict.story import Story


@dataclass
class Verdict:
    """``in_doubt``: cart steps whose outcome was taken from Brevo, because of ``Rules.grace``."""

    contacts: int
    events: int
    carts: int
    in_doubt: int = 0
    mismatches: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not self.mismatches

    @property
    def line(self) -> str:
        counts = f"{self.contacts} contacts, {self.events} events, {self.carts} carts compared"
        return f"verdict: {counts}, {len(self.mismatches)} mismatches"

    def report(self, most: int = 50) -> str:
        """The first ``most`` mismatches, and the line at the end."""
        shown = self.mismatches[:most]
        more = len(self.mismatches) - len(shown)
        return "\n".join([*shown, *([f"... and {more} more"] if more else []), self.line])


def judge(
    purchases: Iterable[Purchase],
    ledger: Ledger,
    brevo_state: BrevoState,
    *,
    customers: Mapping[int, Customer],
    subscribers: Mapping[int, Subscriber],
    rules: Rules,
) -> Verdict:
    """Compares every contact, every event and every cart.

    ``customers`` and ``subscribers`` are those of the history, by their ids in the shop. Raises ``ValueError`` for a
    ledger that contradicts itself (an order that was never placed, a customer who never registered).
    """
    told = [event for event in brevo_state.events if event.name not in rules.ignored_events]
    keys = Counter(map(events.key_of, told))
    story = Story(customers, subscribers, rules, keys)
    story.tell(purchases, ledger)
    expected = contacts.expected_contacts(story, rules)
    seen = brevo_state.contacts
    emails = sorted(expected.keys() | seen.keys())
    verdict = Verdict(
        contacts=len(emails),
        events=(Counter({key: len(sets) for key, sets in story.expected.events.items()}) | keys).total(),
        carts=len({happening.cart_id for happening in ledger.happenings if isinstance(happening, CartChanged)}),
        in_doubt=story.expected.in_doubt,
    )
    for email in emails:
        verdict.mismatches += contacts.compare(email, expected.get(email), seen.get(email), rules)
    verdict.mismatches += events.compare(story.expected, told)
    return verdict
