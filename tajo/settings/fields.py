"""Walking the registry: every key with its type, default, sentence and environment variable."""

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path as FilePath
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from tajo.settings.document import Path
from tajo.settings.durations import Size, Span, show_duration, show_size
from tajo.settings.model import Registry

PREFIX: Final = "TAJO_"

# Read elsewhere, from the environment only.
OTHER_VARIABLES: Final[Mapping[str, str]] = {
    "BREVO_API_KEY": "Short for TAJO_BREVO__API_KEY, which goes before it.",
    "TAJO_KAFKA_LIBS": "Folder with Kafka's jars, for the embedded broker, instead of fetching them with Maven.",
    "TAJO_TEST_KAFKA": "For tests: `docker`, or host:port of a broker, instead of the embedded one.",
    "TAJO_URL": "For the Python client: address of the control API, http://127.0.0.1:8080 unless given.",
}


@dataclass(frozen=True)
class Key:
    """``path``: with `*` for a place in a list or a name of one's own. ``kind``: what may stand there, for people."""

    path: tuple[str, ...]
    kind: str
    default: str
    sentence: str
    secret: bool

    @property
    def name(self) -> str:
        return ".".join(self.path).replace(".*", "[n]", 1) if self.path[0] == "stores" else ".".join(self.path)

    @property
    def variable(self) -> str:
        """`TAJO_CARTS__STEPS`; keys in a list have its place, `TAJO_STORES__0__ACCESS_TOKEN`."""
        return PREFIX + "__".join("0" if part == "*" else part.upper() for part in self.path)


def keys(model: type[BaseModel] = Registry, head: tuple[str, ...] = ()) -> Iterator[Key]:
    """All keys in the order of the registry. Blocks are not keys; lists of blocks are, and so are the keys in them."""
    for name, info in model.model_fields.items():
        path = (*head, name)
        block = _block(info.annotation)
        if block is not None:
            yield from keys(block, path)
            continue
        yield _key(path, info)
        if head == () and name == "stores" and (item := _block(item_type(info.annotation))):
            yield from keys(item, (*path, "*"))


def type_at(path: Path, annotation: Any = Registry) -> Any:
    """The type that the registry gives to a path, None if there is no such key. Metadata are kept where they stand."""
    if not path:
        return annotation
    first, rest = path[0], path[1:]
    block = _block(annotation)
    if block is not None:
        info = block.model_fields.get(str(first))
        return type_at(rest, _with_metadata(info)) if info else None
    inner = _bare(annotation)
    if get_origin(inner) is dict:
        return type_at(rest, get_args(inner)[1])
    return type_at(rest, item_type(inner)) if get_origin(inner) is tuple else None


def model_at(path: Path) -> type[BaseModel] | None:
    """The block that a path leads to."""
    return _block(type_at(path))


def is_text(annotation: Any) -> bool:
    """Whether a value is text whatever it looks like: a token of digits is no number."""
    return _bare(annotation) in (str, SecretStr, FilePath) or get_origin(_bare(annotation)) is Literal


def is_secret(annotation: Any) -> bool:
    return _bare(annotation) is SecretStr


def is_single(annotation: Any) -> bool:
    """Whether one value stands there, no block and no list."""
    return _block(annotation) is None and get_origin(_bare(annotation)) not in (dict, tuple)


def item_type(annotation: Any) -> Any:
    """Of a list."""
    arguments = get_args(_bare(annotation))
    return arguments[0] if arguments else None


def _key(path: tuple[str, ...], info: FieldInfo) -> Key:
    annotation = _with_metadata(info)
    value = None if info.is_required() else info.get_default(call_default_factory=True, validated_data={})
    default = "" if value is None else show(value, annotation)
    return Key(path, kind(annotation), default, " ".join((info.description or "").split()), is_secret(annotation))


def kind(annotation: Any) -> str:
    """`text`, `number`, `a \\| b`, `list of durations`: for the reference."""
    inner, marks = _bare(annotation), _marks(annotation)
    if Span in marks:
        return "duration"
    if Size in marks:
        return "size"
    if get_origin(inner) is Literal:
        return " or ".join(f"`{choice}`" for choice in get_args(inner))
    if get_origin(inner) is tuple:
        item = get_args(inner)[0]
        return "list of blocks" if _block(item) else f"list of {kind(item)}s"
    if get_origin(inner) is dict:
        return "block"
    if get_origin(inner) in (Union, types.UnionType):
        return "id or name"
    return _PLAIN[inner]


_PLAIN: Final[Mapping[Any, str]] = {
    bool: "`true` or `false`",
    int: "whole number",
    Decimal: "number",
    str: "text",
    SecretStr: "secret",
    FilePath: "path",
}


def show(value: Any, annotation: Any) -> str:
    """A value as it is written in the file, in one line."""
    marks = _marks(annotation)
    if Span in marks:
        return show_duration(value)
    if Size in marks:
        return show_size(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(show(item, item_type(annotation)) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(key)}: {item}" for key, item in value.items()) + "}"
    return str(value)


def _quoted(key: object) -> str:
    return f'"{key}"' if "[" in str(key) else str(key)


def _with_metadata(info: FieldInfo) -> Any:
    annotation: Any = info.annotation
    for mark in info.metadata:
        annotation = Annotated[annotation, mark]
    return annotation


def _marks(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) is Annotated:
        return (*annotation.__metadata__, *_marks(get_args(annotation)[0]))
    return ()


def _bare(annotation: Any) -> Any:
    """Without Annotated, and without `| None`."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif get_origin(annotation) in (Union, types.UnionType) and type(None) in get_args(annotation):
            rest = [one for one in get_args(annotation) if one is not type(None)]
            annotation = rest[0] if len(rest) == 1 else Union[tuple(rest)]  # noqa: UP007  (made at run time)
            if len(rest) > 1:
                return annotation
        else:
            return annotation


def _block(annotation: Any) -> type[BaseModel] | None:
    inner = _bare(annotation)
    return inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None
