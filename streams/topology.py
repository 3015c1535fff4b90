"""The one declaration of what is folded from what: the program, its topics and `tajo topology` read it.

order ──────▶ orders ──┐
cart, tick ─▶ carts ───┼▶ customers ──┐
customer ──────────────┘              ├▶ contacts ──▶ brevo.command.v1
subscriber ─▶ subscribers ────────────┤
Brevo's event ─▶ opt_outs ────────────┘
product, category ─▶ products, categories ─────────▶ brevo.command.v1
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from connectors.clock import Clock
from projections.carts import CartsFold
from projections.catalogue import CategoriesFold, ProductsFold
from projections.contacts import ContactsFold
from projections.customers import CustomersFold
from projections.fold import Fold
from projections.opt_outs import OptOutsFold
from projections.orders import OrdersFold
from projections.subscribers import SubscribersFold
from schemas import topics
from schemas.settings import FoldSettings
from streams.enrich import owner as enrich
from streams.errors import TopologyBroken
from streams.folds import FoldOwner, ticks
from streams.names import Names
from streams.owner import Owner, Parts
from streams.role import Role
from streams.sink import owner as sink

# In the order in which they feed each other: who writes an inner topic stands before who reads it, or is the same.
FOLDS: tuple[type[Any], ...] = (
    OrdersFold,
    CartsFold,
    CustomersFold,
    SubscribersFold,
    OptOutsFold,
    ContactsFold,
    ProductsFold,
    CategoriesFold,
)


class Node(NamedTuple):
    """Who reads and writes topics, by their logical names; beside ``outputs`` its inputs' dead letters.

    ``name``: its table's. ``ticks``: where its owner tells it the time. ``versioned``: table and group belong to a
    version of the folds. A source has neither inputs nor a table.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    ticks: tuple[str, ...] = ()
    versioned: bool = False

    def role(self, owner: Callable[[Parts], Owner]) -> Role:
        """What the engine runs of it."""
        return Role(self.name, self.inputs, owner, self.versioned)


def _node(fold: type[Any]) -> Node:
    return Node(fold.name, fold.inputs, fold.outputs, ticks(fold.inputs), versioned=True)


GATEWAY: Final = Node(
    "gateway",
    (),
    (
        topics.WEBHOOK,
        topics.dead(topics.WEBHOOK),
        topics.BREVO_EVENT,
        topics.dead(topics.BREVO_EVENT),
        topics.CONNECTION,
    ),
)
# The command line: what it asks of owners, what it records, and what `tajo dlq retry` brings back.
COMMAND_LINE: Final = Node(
    "tajo",
    (),
    (
        topics.REQUEST,
        topics.PROJECTION,
        topics.CONNECTION,
        topics.DECISION,
        topics.BREVO_EVENT,
        topics.CONSENT,
        topics.COMMAND,
    ),
)
ENRICH: Final = Node(enrich.NAME, enrich.INPUTS, enrich.OUTPUTS)
SINK: Final = Node(sink.NAME, sink.INPUTS, sink.OUTPUTS)


def nodes() -> tuple[Node, ...]:
    """All, along the path of the data. Raises TopologyBroken."""
    found = (GATEWAY, COMMAND_LINE, ENRICH, *map(_node, FOLDS), SINK)
    _check(found)
    return found


def folds(settings: FoldSettings) -> list[Fold[Any]]:
    return [fold(settings) for fold in FOLDS]


def fold_roles(settings: FoldSettings, clock: Clock) -> list[Role]:
    """The live version: it makes ticks, and everything leaves it. Raises TopologyBroken."""
    nodes()
    return [_fold_role(fold, clock) for fold in folds(settings)]


def _fold_role(fold: Fold[Any], clock: Clock) -> Role:
    return _node(type(fold)).role(lambda parts: FoldOwner(parts, fold, clock))


def version_topics(names: Names) -> list[topics.Topic]:
    """What belongs to one version of the folds: inner inputs, their dead letters, changelogs. Names without prefix."""
    bare = Names(version=names.version)
    return [*bare.of_version(), *(topics.changelog(bare.changelog(fold.name)) for fold in FOLDS)]


def catalogue(names: Names) -> list[topics.Topic]:
    """Every topic that the program needs. Names without prefix. Raises TopologyBroken."""
    nodes()
    bare = Names(version=names.version)
    standing = [topics.changelog(bare.changelog(node.name, versioned=False)) for node in (ENRICH, SINK)]
    return [*topics.CATALOGUE, *version_topics(names), *standing]


def _check(found: Sequence[Node]) -> None:
    known = {topic.name for topic in topics.CATALOGUE} | set(topics.INNER)
    for place, node in enumerate(found):
        for topic in (*node.inputs, *node.outputs):
            if topic not in known:
                raise TopologyBroken(
                    f"{node.name} names the topic {topic}, which nobody creates: add it to schemas/topics.py."
                )
        if node.name in {other.name for other in found[:place]}:
            raise TopologyBroken(f"Two folds are named {node.name}, and their tables would be one: rename one of them.")
        for other in found[:place]:
            if fed := set(node.outputs) & set(other.inputs) & set(topics.INNER):
                raise TopologyBroken(
                    f"{node.name} feeds {other.name} ({', '.join(fed)}), but stands behind it in streams/topology.py: "
                    f"put it before, since a rebuild waits for folds in that order."
                )
