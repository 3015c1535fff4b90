"""Carts, one by one: there is no list of carts. One that cannot be found was converted, emptied or deleted.

A look-again's answer is the cart as it is now, with the shopper's subscriber record of the same moment, so that an
opt-out of a minute ago counts.
"""

import msgspec

from connectors.bigcommerce.errors import NotFound
from connectors.bigcommerce.pages import row_as
from schemas.facts import Subscriber
from streams.enrich.facts import Shopper, envelope
from streams.enrich.marks import Wanted
from streams.enrich.source import OneByOne, Written
from streams.enrich.state import CartMemory, Mark, SubscriberMemory
from streams.enrich.subscribers import consents_since


class _Head(msgspec.Struct):
    customer_id: int | None = 0
    email: str | None = ""


class _Customer(msgspec.Struct):
    email: str = ""


class Carts(OneByOne):
    async def _fetch(self, each: Wanted) -> None:
        desk = self._desk
        row: bytes | None = None
        shopper: Shopper | None = None
        asked_at = desk.clock.now()
        if self._order_of(each.id) is None:
            try:
                row, asked_at = await desk.reads.cart(each.id)
                shopper = await self._shopper(row, asked_at) if each.mark.asked_due is not None else None
            except NotFound:
                row = None
        later, each.mark.asked_due = self._not_due_yet(each.mark, asked_at)
        told = self._told(each, row, shopper, asked_at)
        changes = {**told.changes, **desk.marks.done(each)}
        if later is not None:
            changes |= desk.marks.add("cart", each.id, desk.clock.now(), asked_due=later)
        await desk.state.writer.write(told.outputs, changes)

    @staticmethod
    def _not_due_yet(mark: Mark, asked_at: int) -> tuple[int | None, int | None]:
        """(the due time to ask for later, the one that is answered now): a look before the due time answers nothing."""
        early = mark.asked_due is not None and mark.asked_due > asked_at
        return (mark.asked_due, None) if early else (None, mark.asked_due)

    def _told(self, each: Wanted, row: bytes | None, shopper: Shopper | None, asked_at: int) -> Written:
        """What was heard while the cart was read counts too: an order may have taken it meanwhile."""
        desk, mark = self._desk, each.mark
        order_id = self._order_of(each.id)
        if order_id is not None:
            if mark.asked_due is None and not mark.requested:
                return Written([], {})
            return Written([desk.facts.cart_converted(each.id, order_id, envelope(asked_at, mark))], {})
        if row is None:
            gone = desk.facts.cart_deleted(each.id, envelope(asked_at, mark))
            return Written([gone], desk.state.change(f"cart/{each.id}", None))
        fact = desk.facts.cart(each.id, row, envelope(asked_at, mark), shopper)
        return Written([fact], desk.state.change(f"cart/{each.id}", CartMemory(asked_at)))

    def _order_of(self, cart_id: str) -> int | None:
        known = self._desk.state.get(f"cart/{cart_id}", CartMemory)
        return known.order_id if known else None

    async def _shopper(self, row: bytes, asked_at: int) -> Shopper | None:
        """The subscriber record of the cart's e-mail; a logged-in shopper's cart may have none before the checkout."""
        head = row_as(row, _Head)
        email = head.email or (await self._email_of(head.customer_id) if head.customer_id else "")
        found = await self._desk.reads.subscriber_by_email(email) if email else None
        if found is None:
            return None
        record = row_as(found, Subscriber)
        known = self._desk.state.get(f"subscriber/{record.id}", SubscriberMemory)
        return Shopper(found, consents_since(known, record, asked_at))

    async def _email_of(self, customer_id: int) -> str:
        found = await self._desk.reads.customers([str(customer_id)])
        row = found.rows.get(str(customer_id))
        return row_as(row, _Customer).email if row is not None else ""
