"""What the registry refuses, said in sentences: where, the value found, what was expected, the cure."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import ValidationError

from tajo.errors import Problem
from tajo.settings.document import Document, Path
from tajo.settings.fields import is_secret, is_single, model_at, type_at

_LONGEST: Final = 60
_TYPES: Final[Mapping[str, str]] = {
    "model_type": "it has to be a block of keys",
    "model_attributes_type": "it has to be a block of keys",
    "dict_type": "it has to be a block of keys and values",
    "tuple_type": "it has to be a list, as [a, b]",
    "int_type": "it has to be a whole number",
    "too_short": "the list must not be empty",
    "too_long": "the list has too many entries",
    "string_type": "it has to be text: put it in quotes",
}


def of(error: ValidationError, document: Document) -> Iterator[Problem]:
    """One problem for each thing that the registry refuses."""
    for one in error.errors(include_url=False):
        path = tuple(part for part in one["loc"] if part != "[key]")
        origin = document.origin(path)
        yield Problem(origin.where, origin.key, _sentence(one, path))


def found(value: Any, path: Path) -> str:
    """The value for a message. A secret is not shown, nor what stands where a block that may hold one is expected."""
    if value is None:
        return "found nothing; "
    if isinstance(value, Mapping | tuple | list):
        return f"found a {'block' if isinstance(value, Mapping) else 'list'}; "
    if is_secret(type_at(path)):
        return "found a value that is not shown; "
    if not is_single(type_at(path)):
        return "found a single value; "
    text = str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)
    return f"found {text if len(text) <= _LONGEST else text[:_LONGEST] + '…'}; "


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith(("?", ".")) else sentence + "."


def _sentence(one: Any, path: Path) -> str:
    kind, context = one["type"], one.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown(path)
    if kind == "missing":
        return "it is missing; give it a value."
    if kind == "value_error":
        of_a_key = one["loc"][-1:] == ("[key]",)
        told = f'found "{one["input"]}"; ' if of_a_key else found(one["input"], path)
        return _ended(f"{told}{context['error']}")
    if kind == "literal_error":
        return _ended(f"{found(one['input'], path)}it has to be {context['expected']}")
    if kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal"):
        return _ended(found(one["input"], path) + one["msg"].replace("Input should", "it has to"))
    return _ended(found(one["input"], path) + _TYPES.get(kind, one["msg"]))


def _unknown(path: Path) -> str:
    """The value is not shown: under a mistyped key there may be a secret."""
    block = model_at(path[:-1])
    known = list(block.model_fields) if block is not None else []
    close = difflib.get_close_matches(str(path[-1]), known, n=1)
    cure = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}."
    return f"this key is not known here; {cure}"
