"""A page of the documentation as something to be run: its files, its changes, its commands and what they print."""

import re
from pathlib import Path
from typing import NamedTuple

_FENCED = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """``language``: of the fence. ``file``: the path behind it; '' for a command or its output."""

    language: str
    file: str
    text: str


def blocks(page: Path) -> list[Block]:
    return [Block(*found) for found in _FENCED.findall(page.read_text(encoding="utf-8"))]


def lay(block: Block, root: Path) -> None:
    """Writes a file into the tree, or changes one; a hunk (`@@`) has to match in one place."""
    path = root / block.file
    if block.language != "diff":
        path.write_text(block.text, encoding="utf-8")
        return
    text = path.read_text(encoding="utf-8")
    for hunk in block.text.split("@@\n")[1:]:
        lines = hunk.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if line[0] != "+")
        new = "".join(line[1:] for line in lines if line[0] != "-")
        assert text.count(old) == 1, f"{block.file} holds {text.count(old)} times:\n{old}"
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


def shows(page: str, printed: str) -> bool:
    """Whether the lines of the page are the printed ones; … stands for anything. Trailing blanks do not count."""
    pattern = ".*".join(re.escape(part) for part in page.rstrip("\n").split("…"))
    found = "\n".join(line.rstrip() for line in printed.rstrip("\n").splitlines())
    return re.fullmatch(pattern, found, re.DOTALL) is not None
