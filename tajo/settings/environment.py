"""Environment variables laid over the file: TAJO_ and the key, `__` between the levels.

Values are YAML in its short form; what the registry knows as text is taken as it is. An empty variable is none.
`…_FILE` of a secret names a file that holds it, as container secrets do.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any, Final

from tajo.errors import Problem
from tajo.settings.document import Document, Origin, Path, dotted, plain, put
from tajo.settings.fields import OTHER_VARIABLES, PREFIX, is_secret, is_text, keys, type_at

SHORT: Final = "BREVO_API_KEY"
_FILE: Final = "_FILE"
# What container platforms put into the environment for a service called `tajo…`.
_PLATFORM: Final = re.compile(r"TAJO_([A-Z0-9_]*_)?(SERVICE_(HOST|PORT\w*)|PORT(_\d+_(TCP|UDP)\w*)?)")


def overlay(document: Document, environ: Mapping[str, str]) -> list[Problem]:
    """Puts what the environment says over what the file says. The problems are of single variables."""
    problems: list[Problem] = []
    # A variable for a whole block goes before those for keys in it.
    for name in sorted(_ours(environ), key=lambda name: (name != SHORT, name.count("__"), name)):
        try:
            path, value = _read(name, environ[name])
            put(document, path, value, Origin(f"environment variable {name}", dotted(path)))
        except ValueError as error:
            sentence = str(error) if str(error).endswith("?") else f"{error}."
            problems.append(Problem(f"environment variable {name}", "", sentence))
    return problems


def _ours(environ: Mapping[str, str]) -> Iterator[str]:
    for name, value in environ.items():
        known = name in OTHER_VARIABLES or _PLATFORM.fullmatch(name)
        is_key = name == SHORT or (name.startswith(PREFIX) and (not known or _path(name) is not None))
        if is_key and value.strip():
            yield name


def _read(name: str, text: str) -> tuple[Path, Any]:
    if name == SHORT:
        return ("brevo", "api_key"), text
    if (path := _path(name)) is not None:
        return path, _value(text, type_at(path))
    if name.endswith(_FILE) and (path := _path(name.removesuffix(_FILE))) and is_secret(type_at(path)):
        return path, _secret_in(FilePath(text))
    raise ValueError(f"there is no such setting{_proposal(name)}")


def _path(name: str) -> Path | None:
    """`TAJO_STORES__0__ACCESS_TOKEN` -> `('stores', 0, 'access_token')`, None if the registry has no such key."""
    parts = name.removeprefix(PREFIX).split("__")
    path = tuple(int(part) if part.isdigit() else part.lower() for part in parts)
    return path if type_at(path) is not None else None


def _value(text: str, annotation: Any) -> Any:
    if is_text(annotation):
        return text
    try:
        return plain(text)
    except ValueError as error:  # the text is not shown: a list of stores has secrets in it
        raise ValueError(f"it is no value in YAML's short form, as 40, [1h, 24h] or {{EUR: 1.08}}: {error}") from error


def _secret_in(file: FilePath) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"the file {file} cannot be read ({error}): mount it, or give the secret itself") from error


def _proposal(name: str) -> str:
    known = [*(key.variable for key in keys()), *OTHER_VARIABLES]
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
    return f": did you mean {close[0]}?" if close else ", see docs/configuration.md for all variables"
