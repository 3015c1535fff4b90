"""A YAML file as plain values, with the line of every key: what a message needs to point at the cause.

Values are those of YAML 1.2's core: `off` and `no` stay text, dates stay text, decimals become Decimal, never float.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import yaml

from tajo.errors import Problem, SettingsError

Path = tuple[str | int, ...]

_INTEGER: Final = re.compile(r"[-+]?[0-9]+")
_DECIMAL: Final = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?")
_CONSTANTS: Final = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}


@dataclass(frozen=True)
class Origin:
    """``where``: `tajo.yml, line 7`, or `environment variable TAJO_X`. ``key``: as the user wrote it."""

    where: str
    key: str


@dataclass
class Document:
    """``data``: nested dicts and tuples. ``origins``: path -> where it was written."""

    data: dict[Any, Any] = field(default_factory=dict)
    origins: dict[Path, Origin] = field(default_factory=dict)
    name: str = ""

    def origin(self, path: Path) -> Origin:
        """Of ``path``, or of the nearest block around it; its key is that of ``path`` in any case."""
        for length in range(len(path), 0, -1):
            if found := self.origins.get(path[:length]):
                rest = path[length:]
                return Origin(found.where, dotted(rest, found.key))
        return Origin(self.name or "environment", dotted(path))


def dotted(path: Path, head: str = "") -> str:
    """`('stores', 0, 'channels', 2, 'name')` -> `stores[0].channels.2.name`; channels are keyed by number."""
    for part in path:
        head += f"[{part}]" if isinstance(part, int) and not head.endswith("channels") else f".{part}"
    return head.removeprefix(".")


def parse(text: str, name: str) -> Document:
    """``name`` is the file's, for messages. Raises SettingsError for what is no YAML, with the line."""
    reader = _Reader(name)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}, line {mark.line + 1}" if mark is not None else name
        reason = getattr(error, "problem", None) or str(error)
        raise SettingsError([Problem(where, "", f"this is not YAML: {reason}. Correct the line.")]) from error
    value = {} if node is None else reader.value(node, ())
    if not isinstance(value, dict) and not reader.problems:
        reader.problems.append(Problem(f"{name}, line 1", "", "the file has to be a block of keys, as `sync: {…}`."))
    if reader.problems:
        raise SettingsError(reader.problems)
    return Document(value, reader.origins, name)


class _Reader:
    def __init__(self, name: str) -> None:
        self.origins: dict[Path, Origin] = {}
        self.problems: list[Problem] = []
        self._name = name
        self._open: set[int] = set()  # blocks that we are in: an alias to one of them would never end

    def value(self, node: yaml.Node, path: Path) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return scalar(node.value) if node.style is None else node.value
        if id(node) in self._open:
            self._complain(node, path, "an alias leads to a block that it stands in; write the values out.")
            return None
        self._open.add(id(node))
        try:
            return self._mapping(node, path) if isinstance(node, yaml.MappingNode) else self._sequence(node, path)
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        lines: dict[Any, int] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._complain(key_node, path, "a key has to be plain text.")
                continue
            if key_node.value == "<<" and key_node.style is None:
                self._complain(key_node, path, "merge keys (<<) are not understood; write the keys out.")
                continue
            key = scalar(key_node.value) if key_node.style is None else key_node.value
            key = key if isinstance(key, int) and not isinstance(key, bool) else key_node.value
            line = key_node.start_mark.line + 1
            if key in lines:
                self._complain(
                    key_node, (*path, key), f"the key stands already in line {lines[key]}; keep one of them."
                )
                continue
            lines[key] = line
            self.origins[(*path, key)] = Origin(f"{self._name}, line {line}", dotted((*path, key)))
            found[key] = self.value(value_node, (*path, key))
        return found

    def _sequence(self, node: Any, path: Path) -> tuple[Any, ...]:
        for place, item in enumerate(node.value):
            where = f"{self._name}, line {item.start_mark.line + 1}"
            self.origins[(*path, place)] = Origin(where, dotted((*path, place)))
        return tuple(self.value(item, (*path, place)) for place, item in enumerate(node.value))

    def _complain(self, node: yaml.Node, path: Path, sentence: str) -> None:
        self.problems.append(Problem(f"{self._name}, line {node.start_mark.line + 1}", dotted(path), sentence))


def scalar(text: str) -> Any:
    """A plain scalar: constant, int, Decimal, or the text itself."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return Decimal(text)
    return text


def plain(text: str) -> Any:
    """One value in YAML's short form, as environment variables hold it: `[1h, 24h]`, `{EUR: 1.08}`, `40`, `true`.

    Raises ValueError with a reason.
    """
    try:
        document = parse(f"value: {text}", "value")
    except SettingsError as error:
        raise ValueError(error.problems[0].sentence.rstrip(".")) from error
    return document.data["value"]


def put(document: Document, path: Path, value: Any, origin: Origin) -> None:
    """Sets one value, making blocks on the way, and forgets where what it replaces came from.

    Raises ValueError if something on the way is no block, or a list has no such place.
    """
    document.data = _with(document.data, path, value)
    for old in [known for known in document.origins if known[: len(path)] == path]:
        del document.origins[old]
    document.origins[path] = origin


def _with(block: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    first, rest = path[0], path[1:]
    if isinstance(first, int) and isinstance(block, tuple | None):
        items = list(block or ())
        if first > len(items):
            raise ValueError(f"there are {len(items)} entries, so the next one has the number {len(items)}")
        items[first : first + 1] = [_with(items[first] if first < len(items) else None, rest, value)]
        return tuple(items)
    if block is None or isinstance(block, Mapping):
        known = dict(block or {})
        known[first] = _with(known.get(first), rest, value)
        return known
    raise ValueError(f"a single value stands where a block is expected, so {path[0]} has no place in it")
