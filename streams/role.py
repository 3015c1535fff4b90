"""What a process does with partitions, declared apart from what drives it: who only declares loads no Faust."""

from collections.abc import Callable
from typing import NamedTuple

from streams.owner import Owner, Parts


class Role(NamedTuple):
    """Which topics are read together, and what owner moves them.

    ``name`` is the table's. ``versioned``: the table belongs to a version of the folds. ``inputs``: logical names.
    """

    name: str
    inputs: tuple[str, ...]
    owner: Callable[[Parts], Owner]
    versioned: bool = True
