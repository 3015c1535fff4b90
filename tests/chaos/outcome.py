"""What a run leaves behind, as far as it is business, and what two runs do not agree on.

Left out is what says only how it came about: owners' positions, how many upserts led to the last one, and of an upsert
the time and origin of the record that happened to come last.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import msgspec

from schemas import topics
from schemas.commands import Command, DeleteContact, RenameContact, SendEvent, UpsertContact
from streams.names import INNER, Names
from streams.topology import folds
from tests.chaos.history import INPUTS
from tests.chaos.shop import SETTINGS

DEAD: Final = tuple(Names().dead(topic) for topic in (*INPUTS, *INNER))
OUTPUTS: Final = (topics.COMMAND, topics.CART_LIFECYCLE, topics.REQUEST, topics.CONSENT, *DEAD)
_COMMANDS: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command)
_WHERE: Final = ("topic", "partition", "offset", "stage", "exception.class.name", "exception.message")
_SHOWN: Final = 5


class Written(Protocol):
    """A record, or an output."""

    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


@dataclass
class Outcome:
    """``tables``: fold -> key -> state. ``once``: how often each one-shot's id occurs, ``events``: its content.

    ``upserts``: the last one of each entity at Brevo, by kind and id. ``counted``: topic -> records and how often each
    occurs, where that follows from the input alone. ``consents``: the last value of each key.
    """

    tables: dict[str, dict[bytes, Any]]
    once: Counter[str] = field(default_factory=Counter)
    events: dict[str, Any] = field(default_factory=dict)
    upserts: dict[str, Any] = field(default_factory=dict)
    counted: dict[str, Counter[tuple[Any, ...]]] = field(default_factory=dict)
    consents: dict[bytes | None, bytes | None] = field(default_factory=dict)


def outcome(tables: Mapping[str, Mapping[bytes, bytes]], written: Mapping[str, Iterable[Written]]) -> Outcome:
    """``tables``: fold -> what its changelog holds. ``written``: logical topic of OUTPUTS -> its committed records,
    those of one partition in their order."""
    by_name = {fold.name: fold for fold in folds(SETTINGS)}
    found = Outcome(
        {
            name: {key: msgspec.to_builtins(by_name[name].load(key, value)) for key, value in table.items()}
            for name, table in tables.items()
        }
    )
    for record in written[topics.COMMAND]:
        _take_command(found, _COMMANDS.decode(record.value or b""))
    for topic in (topics.CART_LIFECYCLE, topics.REQUEST):
        found.counted[topic] = Counter((record.key, record.value) for record in written[topic])
    for topic in DEAD:
        found.counted[topic] = Counter((*_where(record), record.key, record.value) for record in written[topic])
    found.consents = {record.key: record.value for record in written[topics.CONSENT]}
    return found


def _take_command(found: Outcome, command: Command) -> None:
    content = msgspec.to_builtins(command)
    match command:
        case SendEvent() | RenameContact() | DeleteContact():
            found.once[command.id] += 1
            found.events[command.id] = content
        case UpsertContact():
            found.upserts[command.id] = content | {"at": 0, "historical": False}
        case _:
            found.upserts[command.id] = content
            if command.id.startswith(("product:", "category:")):  # made from one record each: so many of them
                told = found.counted.setdefault("catalogue", Counter())
                told[(command.id, msgspec.json.encode(command, order="deterministic"))] += 1


def _where(record: Written) -> tuple[bytes | None, ...]:
    headers = dict(record.headers)
    return tuple(headers.get(f"__connect.errors.{name}") for name in _WHERE)


# --- two of them ------------------------------------------------------------------------------------------------------


def differences(undisturbed: Outcome, disturbed: Outcome) -> list[str]:
    """Sentences, none when all is as it has to be."""
    found = [
        f"one-shot {id_} occurs {times} times in the {name} run"
        for name, run in (("undisturbed", undisturbed), ("disturbed", disturbed))
        for id_, times in sorted(run.once.items())
        if times > 1
    ]
    for table in sorted(undisturbed.tables.keys() | disturbed.tables.keys()):
        found += _maps(f"table {table}", undisturbed.tables.get(table, {}), disturbed.tables.get(table, {}))
    found += _maps("one-shots", undisturbed.events, disturbed.events)
    found += _maps("last upserts", undisturbed.upserts, disturbed.upserts)
    found += _maps("consents", undisturbed.consents, disturbed.consents)
    for topic in sorted(undisturbed.counted.keys() | disturbed.counted.keys()):
        one, other = undisturbed.counted.get(topic, Counter()), disturbed.counted.get(topic, Counter())
        found += _some(f"{topic}: lost", (one - other).elements())
        found += _some(f"{topic}: too many", (other - one).elements())
    return found


def _maps(what: str, one: Mapping[Any, Any], other: Mapping[Any, Any]) -> list[str]:
    changed = [key for key in one.keys() & other.keys() if one[key] != other[key]]
    return [
        *_some(f"{what}: lost", one.keys() - other.keys()),
        *_some(f"{what}: too many", other.keys() - one.keys()),
        *_some(f"{what}: changed", (_change(key, one[key], other[key]) for key in changed)),
    ]


def _change(key: Any, one: Any, other: Any) -> str:
    """Where the two are maps or sequences, only the parts that differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        parts = sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
        return f"{key!r}: " + "; ".join(f"{name} {one.get(name)!r} -> {other.get(name)!r}" for name in parts)
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        numbers = [n for n in range(len(one)) if one[n] != other[n]]
        return f"{key!r}: " + "; ".join(f"[{n}] {one[n]!r} -> {other[n]!r}" for n in numbers)
    return f"{key!r}: {one!r} -> {other!r}"


def _some(what: str, found: Iterable[Any]) -> list[str]:
    """One sentence about all of them, with examples."""
    listed = sorted(map(str, found))
    if not listed:
        return []
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return [f"{what}: {len(listed)}: " + " | ".join(listed[:_SHOWN]) + more]
