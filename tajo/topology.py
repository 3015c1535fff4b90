"""The graph of topics, folds, tables and groups, as text and as Mermaid: `tajo topology`.

It is drawn from streams.topology, which the program runs on. `python -m tajo.topology` writes docs/topology.md; a test
compares.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from schemas.topics import DAY, Topic
from streams import topology
from streams.names import Names
from streams.topology import Node
from tajo.settings.resolved import EMBEDDED_PARTITIONS

PAGE: Final = Path(__file__).parents[1] / "docs" / "topology.md"

_HEAD: Final = """\
# The topology

Made by `python -m tajo.topology` from `streams/topology.py`, the declaration that the program runs on; a test compares.
`tajo topology -c tajo.yml` prints it with the names and partitions of a configuration, with `--mermaid` as the picture.

Boxes are programs, those of a frame are one consumer group; behind a fold's name is its table. Topics stand with the
number of their partitions. Dotted: ticks, by which a fold is told the time. What an owner cannot use goes to the dead
letters of the topic it came from (`commerce.order.v1` to `commerce.order.dead.v1`), which are left out here.
"""
_GAP: Final = 2


class Graph:
    """The topology as it stands at a broker. ``partitions``: of every topic that has more than one."""

    def __init__(self, names: Names, partitions: int) -> None:
        self._names, self._partitions = names, partitions
        self._nodes = topology.nodes()
        self._topics = topology.catalogue(names)

    def text(self) -> str:
        """Groups with their members, then the topics."""
        lines = [f"version {self._names.version}, {self._partitions} partitions"]
        for group, members in self._groups():
            lines += ["", f"group {group}" if group else "no group"]
            for node in members:
                lines += _block(node.name, self._facts(node))
        return "\n".join([*lines, "", *_columns(self._rows())]) + "\n"

    def mermaid(self) -> str:
        """A flowchart. Sources and sinks of the data stand left and right of the topics that they use."""
        lines = ["flowchart LR"]
        shown = dict.fromkeys(topic for node in self._nodes for topic in (*node.inputs, *_written(node)))
        lines += [f'  {_id(topic)}[("{self._at(topic)} ×{self._count(topic)}")]' for topic in shown]
        for group, members in self._groups():
            boxes = [f'{_id(node.name, "p")}["{self._label(node)}"]' for node in members]
            framed = [f'  subgraph {_id(group, "g")}["group {group}"]', *(f"    {box}" for box in boxes), "  end"]
            lines += framed if group else [f"  {box}" for box in boxes]
        for node in self._nodes:
            own = _id(node.name, "p")
            lines += [f"  {_id(topic)} --> {own}" for topic in node.inputs]
            lines += [f"  {own} --> {_id(topic)}" for topic in _written(node)]
            lines += [f"  {own} -. tick .-> {_id(topic)}" for topic in node.ticks]
        return "\n".join(lines) + "\n"

    # --- what there is to say -----------------------------------------------------------------------------------------

    def _groups(self) -> Iterator[tuple[str, list[Node]]]:
        """'' for sources, which read nothing."""
        groups: dict[str, list[Node]] = {}
        for node in self._nodes:
            group = self._names.group(None if node.versioned else node.name) if node.inputs else ""
            groups.setdefault(group, []).append(node)
        yield from groups.items()

    def _facts(self, node: Node) -> Iterator[tuple[str, Iterable[str]]]:
        if node.inputs:
            yield "reads", map(self._at, node.inputs)
        yield "writes", map(self._at, _written(node))
        if node.ticks:
            yield "ticks", map(self._at, node.ticks)
        if node.inputs:
            dead = (self._names.dead(topic) for topic in node.inputs)
            yield "buries in", map(self._at, dead)
            yield "table", (f"{node.name}, in {self._changelog(node)}",)
            owner = self._names.prefix + self._names.owner(node.name, versioned=node.versioned)
            yield "producers", (f"{owner}/0 to {owner}/{self._partitions - 1}",)

    def _rows(self) -> Iterator[tuple[str, ...]]:
        yield "topic", "partitions", "kept", "key", "value"
        for topic in self._topics:
            count = str(self._partitions if topic.partitioned else 1)
            yield self._names.prefix + topic.name, count, _kept(topic), topic.key, topic.value

    def _at(self, topic: str) -> str:
        return self._names.topic(topic)

    def _count(self, topic: str) -> int:
        single = {self._names.prefix + one.name for one in self._topics if not one.partitioned}
        return 1 if self._at(topic) in single else self._partitions

    def _changelog(self, node: Node) -> str:
        return self._names.changelog(node.name, versioned=node.versioned)

    def _label(self, node: Node) -> str:
        return f"{node.name}<br/>{self._changelog(node)}" if node.inputs else node.name


def _written(node: Node) -> list[str]:
    """Without dead letters: all owners have them."""
    return [topic for topic in node.outputs if ".dead." not in topic]


def _block(name: str, facts: Iterable[tuple[str, Iterable[str]]]) -> Iterator[str]:
    yield f"  {name}"
    for what, values in facts:
        for place, value in enumerate(values):
            yield f"    {'' if place else what:<11}{value}"


def _columns(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    table = list(rows)
    widths = [max(map(len, column)) + _GAP for column in zip(*table, strict=True)]
    for row in table:
        yield "".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _kept(topic: Topic) -> str:
    always = "until folded" if topic.internal else "for ever"
    age = always if topic.retention < 0 else f"{topic.retention // DAY} days"
    return {"compact": "compacted", "delete": age, "compact,delete": f"compacted, {age}"}[topic.cleanup]


def _id(name: str, kind: str = "t") -> str:
    """An identifier for Mermaid, whose own words (`end`, `graph`) it must not be."""
    return f"{kind}_{re.sub('[^a-zA-Z0-9]', '_', name)}"


def page() -> str:
    """docs/topology.md: the embedded broker's partitions, no prefix."""
    graph = Graph(Names(), EMBEDDED_PARTITIONS)
    return f"{_HEAD}\n```mermaid\n{graph.mermaid()}```\n\n```text\n{graph.text()}```\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
