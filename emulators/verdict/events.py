"""Events: every expected one exactly once, in its order, to the right contact, and none else."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from emulators.verdict.expected import Due, Expected, Key
from emulators.verdict.seen import SeenEvent

# The event properties that tell an event from all others of its name, in the order of the keys.
IDENTITY = {
    "order_placed": ("order_id",),
    "order_status_changed": ("order_id", "previous_status_id"),
    "order_refunded": ("order_id", "refund_id"),
    "cart_abandoned": ("cart_id", "step"),
    "cart_recovered": ("cart_id", "order_id"),
}


def key_of(event: SeenEvent) -> Key:
    properties = IDENTITY.get(event.name, ())
    return (event.name, *(str(event.properties.get(name, "absent")) for name in properties))


def shown(key: Key) -> str:
    names = IDENTITY.get(key[0], ())
    return f"event {key[0]} ({', '.join(f'{name} {value}' for name, value in zip(names, key[1:], strict=True))})"


def compare(expected: Expected, events: Iterable[SeenEvent]) -> Iterator[str]:
    """A sentence per difference. ``events`` in the order of acceptance, without the ignored ones."""
    told = [(key_of(event), event) for event in events]
    seen: dict[Key, list[SeenEvent]] = defaultdict(list)
    for key, event in told:
        seen[key].append(event)
    for key in sorted(expected.events.keys() | seen.keys()):
        wanted, found = expected.events.get(key, []), seen.get(key, [])
        yield from _counted(key, len(wanted), len(found))
        yield from _addressed(key, wanted, found)
        yield from _with_status(key, wanted, found)
    yield from _ordered(expected, [key for key, _ in told])


def _counted(key: Key, wanted: int, found: int) -> Iterator[str]:
    if key[0] not in IDENTITY:
        yield f"event {key[0]}: was told {found} times, but there is no such event in the contract"
    elif not found:
        yield f"{shown(key)}: is missing"
    elif not wanted:
        yield f"{shown(key)}: was told {found} times, but nothing of the kind happened"
    elif wanted != found:
        yield f"{shown(key)}: was told {found} times, expected {wanted}"


def _addressed(key: Key, wanted: list[Due], events: list[SeenEvent]) -> Iterator[str]:
    allowed = set[str]().union(*(due.addresses for due in wanted))
    for event in events:
        if event.contact_id is None:
            yield f"{shown(key)}: was sent to {event.email or 'nobody'}, who was no contact then"
        elif wanted and event.email not in allowed:
            yield f"{shown(key)}: was sent to {event.email}, expected {' or '.join(sorted(allowed))}"


def _with_status(key: Key, wanted: list[Due], events: list[SeenEvent]) -> Iterator[str]:
    allowed = {str(status) for due in wanted for status in due.statuses}
    for event in events:
        status = str(event.properties.get("status_id", "absent"))
        if allowed and status not in allowed:
            yield f"{shown(key)}: has status_id {status}, expected {' or '.join(sorted(allowed, key=int))}"


def _ordered(expected: Expected, told: list[Key]) -> Iterator[str]:
    """The messages about one order or one cart, where they are complete."""
    subjects = {key: subject for subject, keys in expected.sequences.items() for key in keys}
    sequences: dict[Key, list[Key]] = defaultdict(list)
    for key in told:
        if key in subjects:
            sequences[subjects[key]].append(key)
    for subject, wanted in sorted(expected.sequences.items()):
        found = sequences[subject]
        if found != wanted and Counter(found) == Counter(wanted):
            yield f"{' '.join(subject)}: its events came in the wrong order: {'; '.join(map(shown, found))}"
