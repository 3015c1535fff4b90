"""What came in becomes marks and jobs: deliveries of BigCommerce's webhooks, and requests of folds and of users.

A delivery says only that something changed, so it is never believed about more than that; two exceptions: the pair of
statuses of `order/statusUpdated`, and the order that took a cart, since such a cart cannot be read any more.
"""

from collections import Counter

import msgspec
import structlog

from connectors.bigcommerce.scopes import Dirty, entity_of, is_id
from projections.fold import Output
from schemas.errors import BadRecord
from schemas.facts import Cause, StatusChange
from schemas.requests import FetchEntity, LookAgain, Reconcile, Request, Sync
from streams.enrich.heard import Heard
from streams.enrich.importer import Importer
from streams.enrich.orders import conversion
from streams.enrich.settings import StoreConnection
from streams.enrich.source import Desk
from streams.enrich.state import Changes
from streams.enrich.troubles import CONNECTION, Troubles
from streams.inbox import Record

log = structlog.get_logger("tajo.enrich")
_REFUND = "order/refund/created"
_request = msgspec.json.Decoder(Request)


class _Body(msgspec.Struct):
    """A delivery. ``created_at``: Unix seconds."""

    scope: str
    hash: str
    created_at: int
    data: object = None


_body = msgspec.json.Decoder(_Body)


class Deliveries:
    """``counts`` by scope, and of what is ignored because its part of `sync` is off."""

    def __init__(
        self, desk: Desk, connection: StoreConnection, importer: Importer, troubles: Troubles, heard: Heard
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.ignored = 0
        self.hook_failures = 0  # store/hook/deliveryException
        self._desk, self._connection, self._importer, self._troubles = desk, connection, importer, troubles
        self._heard = heard

    def delivered(self, record: Record) -> tuple[list[Output], Changes]:
        """A delivery of this store. Raises BadRecord or MsgspecError for one that cannot be understood."""
        body = _body.decode(record.value or b"")
        dirty = entity_of(body.scope, body.data)
        self.counts[body.scope] += 1
        self._heard.delivered(body.scope, body.hash, body.created_at * 1000, body.data)
        if dirty is None or not self._is_ours(dirty):
            self.ignored += 1
            return [], {}
        match dirty.kind:
            case "app":
                message = "The app was uninstalled: its token and hooks are gone; connect the store again."
                return [], self._troubles.met(CONNECTION, "uninstalled", message, self._desk.clock.now())
            case "hook":
                self.hook_failures += 1
                log.warning("BigCommerce could not deliver", store=self._desk.state.store_hash, told=body.data)
                return [], {}
            case "cart" if dirty.order_id is not None:
                return self._converted(body, dirty.id, dirty.order_id)
            case _:
                return [], self._mark(body, dirty)

    def requested(self, record: Record) -> tuple[list[Output], Changes]:
        """A request to the owner of this store. Raises BadRecord or MsgspecError for one that cannot be understood."""
        request = _request.decode(record.value or b"")
        info, now = self._desk.state.info, self._desk.clock.now()
        match request:
            case LookAgain():
                return [], self._desk.marks.add("cart", request.cart_id, now, asked_due=request.due)
            case Sync():
                changes = self._importer.add(request)
                if info.live_since is None:
                    info.live_since = request.at
                    changes |= self._desk.state.info_changed()
                return [], changes
            case Reconcile():
                return [], self._importer.add(request)
            case FetchEntity():
                return [], self._fetch(request)
        raise BadRecord(f"There is no request of the kind {type(request).__name__}.", stage="decode")

    def _fetch(self, request: FetchEntity) -> Changes:
        kind, id_, now = request.entity, request.id, self._desk.clock.now()
        if not self._connection.wants(kind):
            raise BadRecord(f"The {kind} {id_} is not read, since its part of `sync` is off: switch it on.")
        if not is_id(kind, id_):  # it becomes part of a request's address
            raise BadRecord(f"There can be no {kind} with the id {id_[:40]!r}.", stage="decode")
        add = self._desk.marks.add
        changes = add(kind, id_, now, requested=True, refunded=request.refunded)
        for cause in request.causes:
            changes |= add(kind, id_, now, cause=cause)
        for change in request.changes:
            changes |= add(kind, id_, now, change=change)
        return changes

    def _is_ours(self, dirty: Dirty) -> bool:
        return dirty.kind in ("app", "hook", "store") or self._connection.wants(dirty.kind)

    def _mark(self, body: _Body, dirty: Dirty) -> Changes:
        at = body.created_at * 1000
        change = StatusChange(body.hash, at, *dirty.status) if dirty.status else None
        changes = Changes()
        for id_ in (dirty.id, *dirty.further):
            changes |= self._desk.marks.add(
                dirty.kind,
                id_,
                self._desk.clock.now(),
                cause=Cause(body.scope, body.hash, at),
                change=change,
                refunded=body.scope.endswith(_REFUND),
            )
        return changes

    def _converted(self, body: _Body, cart_id: str, order_id: int) -> tuple[list[Output], Changes]:
        """The cart is gone at BigCommerce by now; its order is read."""
        now = self._desk.clock.now()
        cause = Cause(body.scope, body.hash, body.created_at * 1000)
        changes = self._desk.marks.add("cart", cart_id, now, cause=cause)
        taken = conversion(self._desk, cart_id, order_id, now, "webhook")
        changes |= taken.changes
        if self._connection.wants("order"):
            changes |= self._desk.marks.add("order", str(order_id), now, cause=cause)
        return taken.outputs, changes
