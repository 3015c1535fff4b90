"""How letters are shown: a list without values and without e-mail addresses, and one letter as a whole."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import msgspec
import orjson

from streams.names import Names
from tajo.dlq.letters import short
from tajo.dlq.standing import Standing

MOST: Final = 4_000  # characters of a value
_EMAIL: Final = re.compile(r"[^\s/:;,<>'\"()=]+@[^\s/:;,<>'\"()=]*[^\s/:;,<>'\"()=.]")


class Line(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A letter in `tajo dlq list --json`: one object a line. ``at``: ISO 8601, UTC."""

    id: str
    at: str
    state: str
    stage: str
    error: str
    key: str | None
    reason: str
    partition: int | None = None  # of the record in its own topic, with its offset
    offset: int | None = None
    by: str = ""
    why: str = ""  # the reason of a drop, or what supersedes it


def line(standing: Standing) -> Line:
    letter, decision, source = standing.letter, standing.decision, standing.letter.source
    return Line(
        id=str(letter.place),
        at=_moment(letter.at),
        state=standing.state,
        stage=letter.told("stage"),
        error=letter.told("exception.class.name"),
        key=None if letter.key is None else masked(_text(letter.key)),
        reason=masked(letter.reason),
        partition=source.partition if source else None,
        offset=source.offset if source else None,
        by=decision.by if decision else "",
        why=standing.superseded if standing.state == "superseded" else decision.reason if decision else "",
    )


def rows(standing: Standing) -> Iterator[str]:
    """Two lines a letter: what it is, and why."""
    one = line(standing)
    state = f"{one.state} by {one.by}" if one.state in ("retried", "dropped") else one.state
    yield visible(f"{one.id}  {one.at}  {state}  {one.stage}  {one.key if one.key is not None else '(no key)'}")
    yield visible(f"    {one.error}: {_first_line(one.reason)}")


def whole(standing: Standing, names: Names, *, most: int = MOST) -> Iterator[str]:
    """Everything; of the value at most ``most`` characters."""
    letter, decision, source = standing.letter, standing.decision, standing.letter.source
    topic = letter.place.topic
    yield f"id        {letter.place}"
    yield f"written   {_moment(letter.at)}"
    yield f"state     {standing.state}" + (f": {standing.superseded}" if standing.superseded else "")
    if decision:
        words = "".join(f", {text}" for text in (decision.done, decision.reason) if text)
        yield visible(f"decided   {decision.decision} by {decision.by} at {_moment(decision.at)}{words}")
    yield f"lies in   {names.topic(names.dead(topic))}"
    where = f", partition {source.partition}, offset {source.offset}" if source else ""
    yield f"from      {names.topic(topic)}{where}"
    yield visible(f"stage     {letter.told('stage')}")
    yield visible(f"reason    {letter.told('exception.class.name')}: {letter.reason}")
    yield visible(f"key       {'(none)' if letter.key is None else _text(letter.key)}")
    for name, value in letter.kept:
        yield visible(f"header    {name}: {_text(value)}")
    yield "value"
    yield from _value(
        letter.value, most, f"tajo dlq show {short(topic)}:{letter.place.partition}:{letter.place.offset}"
    )


def masked(text: str) -> str:
    """Without e-mail addresses: they are in keys of guests and contacts, and in answers of APIs."""
    return _EMAIL.sub("…@…", text)


def visible(text: str) -> str:
    """What came from outside must not move the cursor: everything but line ends is escaped if it cannot be seen."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def _value(value: bytes | None, most: int, command: str) -> Iterator[str]:
    if value is None:
        yield "  (none: a tombstone)"
        return
    text = _content(value)
    for row in text[:most].splitlines() or [""]:
        yield "  " + row
    if len(text) > most:
        yield f"  … and {len(text) - most:,} more characters: `{command} --whole`"


def _content(value: bytes) -> str:
    """JSON indented, other text as it is, and what is no text in hexadecimal digits."""
    try:
        return visible(orjson.dumps(orjson.loads(value), option=orjson.OPT_INDENT_2).decode())
    except orjson.JSONDecodeError:
        pass
    try:
        return visible(value.decode())
    except UnicodeDecodeError:
        return f"{len(value):,} bytes: {value.hex(' ')}"


def _text(value: bytes) -> str:
    return value.decode(errors="backslashreplace")


def _first_line(text: str) -> str:
    return text.partition("\n")[0]


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
