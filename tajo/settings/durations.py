"""Spans of time and sizes as people write them: `30s`, `5m`, `1h`, `7d`; `64KiB`, `256MiB`, `1GiB`."""

import re
from typing import Annotated, Final

from pydantic import BeforeValidator

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

_UNITS: Final = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
_DURATION: Final = re.compile(r"([1-9][0-9]{0,8})([smhd])")
_SIZES: Final = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_SIZE: Final = re.compile(r"([1-9][0-9]{0,8})(KiB|MiB|GiB)")


def parse_duration(text: object) -> int:
    """`'5m'` -> 300000, milliseconds. Raises ValueError for anything else, a plain number among it."""
    if isinstance(text, str) and (match := _DURATION.fullmatch(text.strip())):
        return int(match[1]) * _UNITS[match[2]]
    raise ValueError("it has to be a span of time with its unit, as 30s, 5m, 1h or 7d")


def show_duration(milliseconds: int) -> str:
    """`300000` -> `'5m'`: in the greatest unit that is exact."""
    unit = next(name for name in "dhms" if milliseconds % _UNITS[name] == 0)
    return f"{milliseconds // _UNITS[unit]}{unit}"


def parse_size(text: object) -> int:
    """`'1GiB'` -> 1073741824, bytes. Raises ValueError for anything else."""
    if isinstance(text, str) and (match := _SIZE.fullmatch(text.strip())):
        return int(match[1]) * _SIZES[match[2]]
    raise ValueError("it has to be a size with its unit, as 64KiB, 256MiB or 1GiB")


def show_size(size: int) -> str:
    """`1073741824` -> `'1GiB'`."""
    unit = next(name for name in ("GiB", "MiB", "KiB") if size % _SIZES[name] == 0)
    return f"{size // _SIZES[unit]}{unit}"


class Span:
    """Marks a field whose integer is milliseconds, so that the reference shows it as people write it."""


class Size:
    """Marks a field whose integer is bytes."""


Duration = Annotated[int, BeforeValidator(parse_duration), Span]
Bytes = Annotated[int, BeforeValidator(parse_size), Size]
