"""Contacts: what each must be, beside what Brevo holds."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from emulators.verdict.people import Person
from emulators.verdict.rules import Rules
from emulators.verdict.seen import SeenContact
from emulators.verdict.story import Story


@dataclass
class ExpectedContact:
    """``signup_date`` ``None``: must be empty. ``shops``: is a customer or a guest, so that figures must be there."""

    required: bool
    left_behind: bool
    blocklisted: bool | None
    orders: int = 0
    spent: Decimal = Decimal(0)
    signup_date: str | None = None
    shops: bool = False
    lists: set[str] = field(default_factory=set)


def expected_contacts(story: Story, rules: Rules) -> dict[str, ExpectedContact]:
    """By e-mail."""
    found = {
        email: ExpectedContact(
            required=standing.required or bool(standing.reasons),
            left_behind=standing.customer_left and not standing.reasons,
            blocklisted=_blocklisted(story, rules, email) if standing.flag_known else None,
            shops=any(kind in ("customer", "guest") for kind, _ in standing.reasons),
        )
        for email, standing in story.book.contacts.items()
    }
    for order in story.orders.values():
        person = story.people.get(order.customer_id)
        contact = found.get(person.email if person else order.email)
        if contact is not None and order.counted:
            contact.orders += 1
            contact.spent += order.spent
            contact.lists.add("buyers")
    _add_customers(found, story.people)
    for email in story.carts.running():
        found[email].lists.add("abandoned_cart")
    return found


def _blocklisted(story: Story, rules: Rules, email: str) -> bool:
    return not story.book.consents(email) or rules.brevo_opt_outs.get(email, rules.end + 1) <= rules.end


def _add_customers(found: dict[str, ExpectedContact], people: dict[int, Person]) -> None:
    customers: dict[str, list[tuple[bool, int, int]]] = defaultdict(list)
    for number, person in people.items():
        customers[person.email].append((not person.deleted, person.created_at, number))
    for email, accounts in customers.items():
        contact = found[email]
        # Of several accounts a living one before a deleted one, then the newest.
        living, created_at, _ = max(accounts)
        contact.signup_date = datetime.fromtimestamp(created_at / 1000, UTC).date().isoformat()
        if living:
            contact.lists.add("all_customers")


def compare(email: str, expected: ExpectedContact | None, seen: SeenContact | None, rules: Rules) -> Iterator[str]:
    """A sentence per difference."""
    if expected is None:
        yield f"contact {email}: is in Brevo, but nothing in the shop makes it a contact"
    elif seen is None:
        if expected.required:
            yield f"contact {email}: is missing in Brevo"
    else:
        yield from (f"contact {email}: {difference}" for difference in _differences(expected, seen, rules))


def _differences(expected: ExpectedContact, seen: SeenContact, rules: Rules) -> Iterator[str]:
    for name, want in ((rules.order_count, Decimal(expected.orders)), (rules.total_spent, expected.spent)):
        value = seen.attributes.get(name)
        if value is None and not want and not expected.shops:
            continue
        if _number(value) != want:
            yield f"{name} is {_shown(value)}, expected {want}"
    signup_date = seen.attributes.get(rules.signup_date)
    # Whether the profile of a contact without any source is emptied is left open.
    if not expected.left_behind and signup_date != expected.signup_date:
        yield f"{rules.signup_date} is {_shown(signup_date)}, expected {_shown(expected.signup_date)}"
    if expected.blocklisted is not None and seen.blocklisted != expected.blocklisted:
        yield f"is {_flag(seen.blocklisted)}, expected {_flag(expected.blocklisted)}"
    for name, number in rules.lists.items():
        if number in seen.list_ids and name not in expected.lists:
            yield f"is in list {name}, where it does not belong"
        elif number not in seen.list_ids and name in expected.lists:
            yield f"is not in list {name}, where it belongs"


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


def _shown(value: object) -> str:
    return "absent" if value is None else str(value)


def _flag(blocklisted: bool) -> str:
    return "blocklisted" if blocklisted else "not blocklisted"
