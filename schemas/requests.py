"""What the owner of a store is asked to do. Topic tajo.request.v1, key: store hash."""

from typing import Literal

import msgspec

from schemas.facts import Cause, StatusChange

Entity = Literal["customer", "subscriber", "order", "cart", "product", "category"]
Resource = Literal["customers", "subscribers", "orders", "products", "categories", "carts"]


class LookAgain(msgspec.Struct, tag="cart", tag_field="kind", kw_only=True):
    """Fetch this cart afresh: it is due at ``due`` (Unix ms). Asked again with backoff, ``attempt`` counts from 1."""

    store: str
    cart_id: str
    due: int
    at: int
    attempt: int = 1


class Sync(msgspec.Struct, tag="sync", tag_field="kind", kw_only=True):
    """Import whole resources, in this order: consents before who they are of.

    ``id`` names the job; the same id twice is one job.
    """

    store: str
    id: str
    at: int
    resources: tuple[Resource, ...] = ("subscribers", "customers", "categories", "products", "orders")


class Reconcile(msgspec.Struct, tag="reconcile", tag_field="kind", kw_only=True):
    """Fetch everything modified in [since, until] (Unix ms)."""

    store: str
    at: int
    since: int
    until: int
    resources: tuple[Resource, ...] = ("customers", "subscribers", "products", "orders")


class FetchEntity(msgspec.Struct, tag="fetch", tag_field="kind", kw_only=True, omit_defaults=True):
    """Fetch this entity whether or not it changed, and write its fact: it supersedes one that could not be used.

    ``causes``, ``changes``, ``refunded``: what that one knew of deliveries, so that it is not lost with it.
    """

    store: str
    entity: Entity
    id: str
    at: int
    causes: tuple[Cause, ...] = ()
    changes: tuple[StatusChange, ...] = ()
    refunded: bool = False


Request = LookAgain | Sync | Reconcile | FetchEntity
