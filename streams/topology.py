"""The one declaration of what is folded from what: the program, the topics and the documentation read it.

order ──────▶ orders ──┐
cart, tick ─▶ carts ───┼▶ customers ──┐
customer ──────────────┘              ├▶ contacts ──▶ brevo.command.v1
subscriber ─▶ subscribers ────────────┤
Brevo's own opt-outs ─────────────────┘
product, category ─▶ products, categories ─────────▶ brevo.command.v1
"""

from collections.abc import Sequence
from typing import Any

from connectors.clock import Clock
from projections.carts import CartsFold
from projections.catalogue import CategoriesFold, ProductsFold
from projections.contacts import ContactsFold
from projections.customers import CustomersFold
from projections.fold import Fold
from projections.orders import OrdersFold
from projections.subscribers import SubscribersFold
from schemas import topics
from schemas.settings import FoldSettings
from streams.engine import Role
from streams.enrich.owner import INPUTS as ENRICH_INPUTS
from streams.enrich.owner import NAME as ENRICH
from streams.folds import FoldOwner
from streams.names import Names

SINK, SINK_INPUTS = "sink", (topics.COMMAND,)

__all__ = ["ENRICH", "ENRICH_INPUTS", "SINK", "SINK_INPUTS", "catalogue", "fold_roles", "folds", "version_topics"]

FOLDS: tuple[type[Any], ...] = (
    OrdersFold,
    CartsFold,
    CustomersFold,
    SubscribersFold,
    ContactsFold,
    ProductsFold,
    CategoriesFold,
)


def folds(settings: FoldSettings) -> list[Fold[Any]]:
    return [fold(settings) for fold in FOLDS]


def fold_roles(settings: FoldSettings, clock: Clock) -> list[Role]:
    """The live version: it makes ticks, and everything leaves it."""
    return [_role(fold, clock) for fold in folds(settings)]


def _role(fold: Fold[Any], clock: Clock) -> Role:
    return Role(fold.name, tuple(fold.inputs), lambda parts: FoldOwner(parts, fold, clock))


def version_topics(names: Names, tables: Sequence[Fold[Any]]) -> list[topics.Topic]:
    """What belongs to one version of the folds: inner inputs, their dead letters, changelogs. Names without prefix."""
    bare = Names(version=names.version)
    return [*bare.of_version(), *(topics.changelog(bare.changelog(fold.name)) for fold in tables)]


def catalogue(names: Names, tables: Sequence[Fold[Any]]) -> list[topics.Topic]:
    """Every topic that the program needs. Names without prefix."""
    bare = Names(version=names.version)
    standing = [topics.changelog(bare.changelog(name, versioned=False)) for name in (ENRICH, SINK)]
    return [*topics.CATALOGUE, *version_topics(names, tables), *standing]
