"""Orders with their lines, one by one (v2 has no `id:in`), and their refunds, which only v3 tells.

Refunds are asked for when the status says that there are some (4, 14), a delivery said so, or there were some before:
an order may go on to another status afterwards. Pages ask for the refunds of all their orders at once.
"""

from email.utils import parsedate_to_datetime

import msgspec

from connectors.bigcommerce.errors import NotFound
from connectors.bigcommerce.limits import Priority
from connectors.bigcommerce.pages import row_as
from connectors.bigcommerce.reads import id_of
from schemas.facts import Origin
from streams.enrich.facts import Envelope, envelope
from streams.enrich.marks import Wanted
from streams.enrich.source import Desk, OneByOne, Written
from streams.enrich.state import CartMemory, Changes

INCOMPLETE, REFUNDED, PARTIALLY_REFUNDED = 0, 4, 14
_CARTS_LIVE_MS = 35 * 86_400_000  # 30 days after their last change, and some


class _Head(msgspec.Struct):
    """What is read of an order here."""

    id: int
    status_id: int
    cart_id: str | None = None
    date_created: str = ""


class Orders(OneByOne):
    async def _fetch(self, each: Wanted) -> None:
        desk = self._desk
        asked_at = desk.clock.now()
        try:
            row, started_at = await desk.reads.order(each.id)
        except NotFound:
            gone = desk.facts.tombstone("order", each.id, asked_at)
            await desk.state.writer.write([gone], desk.marks.done(each))
            return
        head = row_as(row, _Head)
        refunds: list[bytes] = []
        if self._may_have_refunds(each, head):
            refunds = await desk.reads.refunds(each.id)
        told = self._told(each.id, row, refunds, envelope(started_at, each.mark))
        await desk.state.writer.write(told.outputs, {**told.changes, **desk.marks.done(each)})

    def _may_have_refunds(self, each: Wanted, head: _Head) -> bool:
        if head.status_id in (REFUNDED, PARTIALLY_REFUNDED) or each.mark.refunded:
            return True
        return self._desk.state.get(f"refunded/{each.id}", bool) is not None

    async def prepare(self, rows: dict[str, bytes]) -> dict[str, list[bytes]]:
        return await self._desk.reads.refunds_of(list(rows), Priority.BACKGROUND)

    def written(self, rows: dict[str, bytes], prepared: object, started_at: int, origin: Origin) -> Written:
        assert isinstance(prepared, dict), "prepare answers the refunds by order"
        outputs, changes = [], Changes()
        for id_, row in rows.items():
            told = self._told(id_, row, prepared.get(id_, []), Envelope(started_at, origin))
            outputs += told.outputs
            changes |= told.changes
        return Written(outputs, changes)

    def id_of(self, row: bytes) -> str:
        return id_of(row)

    def _told(self, id_: str, row: bytes, refunds: list[bytes], of: Envelope) -> Written:
        desk, head = self._desk, row_as(row, _Head)
        outputs, changes = [desk.facts.order(id_, row, refunds, of)], Changes()
        if refunds and desk.state.get(f"refunded/{id_}", bool) is None:
            changes |= desk.state.change(f"refunded/{id_}", True)
        if cart_id := self._cart_taken(head, of):
            taken = conversion(desk, cart_id, head.id, of.fetched_at, of.origin)
            outputs += taken.outputs
            changes |= taken.changes
        return Written(outputs, changes)

    def _cart_taken(self, head: _Head, of: Envelope) -> str | None:
        """The cart that this order ended and that may still be known as open.

        An Incomplete order has taken nothing: its shopper is still at the checkout.
        """
        if not head.cart_id or head.status_id == INCOMPLETE:
            return None
        return head.cart_id if _created(head, of.fetched_at) > of.fetched_at - _CARTS_LIVE_MS else None


def conversion(desk: Desk, cart_id: str, order_id: int, at: int, origin: Origin) -> Written:
    """An order took this cart: told once. Whoever asked for a fresh look gets this as the answer."""
    known = desk.state.get(f"cart/{cart_id}", CartMemory)
    mark, changes = desk.marks.discard("cart", cart_id)
    asked = mark is not None and (mark.asked_due is not None or mark.requested)
    if known is not None and known.order_id is not None and not asked:
        return Written([], changes)
    memory = CartMemory(at, order_id)
    fact = desk.facts.cart_converted(cart_id, order_id, Envelope(at, origin, mark))
    return Written([fact], {**changes, **desk.state.change(f"cart/{cart_id}", memory)})


def _created(head: _Head, otherwise: int) -> int:
    try:
        return int(parsedate_to_datetime(head.date_created).timestamp() * 1000)
    except (ValueError, OverflowError):
        return otherwise
