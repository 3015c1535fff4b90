"""What Brevo is told of an order: its record, and its events with their properties (product.md's contract is theirs).

E-mails stay empty here: the contact that an order belongs to is known further down only.
"""

from collections.abc import Mapping

from projections.identity import catalogue_id, catalogue_variant_id
from projections.occasions import channel_name, data_event, is_due, is_historical
from projections.placement import Step
from projections.purchase import Purchase
from projections.reading import digest
from projections.statuses import name as status_name
from projections.times import iso, milliseconds
from schemas import money
from schemas.commands import OrderProduct, PutOrder, SendEvent
from schemas.facts import OrderItem

CREATED = "store/order/created"
UPDATED = "store/order/updated"
STATUS_UPDATED = "store/order/statusUpdated"


def record(purchase: Purchase) -> PutOrder:
    """The order record. Amounts in the reporting currency, or the store's own where no rate leads there."""
    order, store = purchase.order, purchase.store
    rate = purchase.rates.record
    number = f"{store.name}:{order.id}"
    return PutOrder(
        id=f"order:{number}",
        email="",
        order_id=number,
        created_at=purchase.created_at,
        updated_at=purchase.modified_at,
        status=purchase.standing.name,
        amount=money.number(rate.convert(purchase.standing.left)),
        products=[_product(purchase, item, price) for item, price in purchase.lines],
        store_id=store.name,
        billing=_billing(purchase),
        meta={
            "currency": purchase.currency,
            "total": money.text(purchase.total),
            "reporting_currency": rate.currency,
            "channel": channel_name(store, order.channel_id),
            "status_id": order.status_id,
        },
        historical=is_historical(purchase.created_at, purchase.fact.live_since),
    )


class OrderEvents:
    """The events of one purchase. Each is None when it is not due: too old, or from before the store was live.

    ``now``: when the newest known fetch was made, Unix ms.
    """

    def __init__(self, purchase: Purchase, now: int) -> None:
        self._purchase = purchase
        self._now = now
        self._number = f"{purchase.store.name}:{purchase.order.id}"

    def placed(self, at: int) -> SendEvent | None:
        name = self._purchase.store.events.get(CREATED, "order_placed")
        return self._event(f"order_placed:{self._number}", name, at, {})

    def status_changed(self, step: Step) -> SendEvent | None:
        name = self._purchase.store.events.get(STATUS_UPDATED, "order_status_changed")
        occasion = step.hash or f"{step.previous}-{step.new}@{step.at}"
        own = {"previous_status": status_name(step.previous), "previous_status_id": str(step.previous)}
        return self._event(f"order_status_changed:{self._number}:{occasion}", name, step.at, own)

    def refunded(self, told: list[int]) -> list[SendEvent]:
        """One for each refund that is not among the ids ``told``, in their order; ids are added to ``told``."""
        events = []
        left = self._purchase.total
        dated = [
            (milliseconds(refund.created) or self._purchase.modified_at, refund.id, amount)
            for refund, amount in zip(self._purchase.fact.refunds, self._purchase.refunds, strict=True)
        ]
        for at, refund_id, amount in sorted(dated):
            left = max(0, left - amount)
            if refund_id in told:
                continue
            told.append(refund_id)
            events.append(self._refund(refund_id, at, amount, left))
        told.sort()
        return [event for event in events if event]

    def updated(self, content: str) -> SendEvent | None:
        """Only if it is listed in `webhooks`. The id holds the date too: an order may become what it was before."""
        purchase = self._purchase
        name = purchase.store.events.get(UPDATED)
        if not name:
            return None
        occasion = digest((content, purchase.modified_at))
        return self._event(f"order_updated:{self._number}:{occasion}", name, purchase.modified_at, {})

    def _refund(self, refund_id: int, at: int, amount: int, left: int) -> SendEvent | None:
        own = {
            "refund_id": str(refund_id),
            "refund_amount": money.number(amount),
            "total_remaining": money.number(left),
        }
        return self._event(f"order_refunded:{self._number}:{refund_id}", "order_refunded", at, own)

    def _event(self, event_id: str, name: str, at: int, own: Mapping[str, object]) -> SendEvent | None:
        if not is_due(at, live_since=self._purchase.fact.live_since, fetched_at=self._now):
            return None
        own = properties(self._purchase) | dict(own)
        return data_event(
            self._purchase.store, self._purchase.order.channel_id, event_id=event_id, name=name, at=at, own=own
        )


def properties(purchase: Purchase) -> dict[str, object]:
    """What every order event carries. Without a rate to the account's currency there is no `total_reporting`."""
    order, rate = purchase.order, purchase.rates.account
    reporting = {"total_reporting": money.number(rate.convert(purchase.total))} if rate else {}
    return {
        "order_id": str(order.id),
        "status": purchase.standing.name,
        "status_id": str(order.status_id),
        "total": money.number(purchase.total),
        "currency": purchase.currency,
        **reporting,
        "created_at": iso(purchase.created_at),
        "items": [_item(item, price) for item, price in purchase.lines],
    }


def _item(item: OrderItem, price: int) -> dict[str, object]:
    return {
        "product_id": str(item.product_id or ""),
        "variant_id": str(item.variant_id or ""),
        "sku": item.sku or "",
        "name": item.name,
        "quantity": item.quantity,
        "price": money.number(price),
        "url": item.url,
        "image": item.image_url,
    }


def _product(purchase: Purchase, item: OrderItem, price: int) -> OrderProduct:
    """Products by their ids in Brevo's catalogue. A custom line has none there; Brevo wants one all the same."""
    name = purchase.store.name
    return OrderProduct(
        product_id=catalogue_id(name, item.product_id or f"line-{item.id}"),
        quantity=item.quantity,
        price=money.number(purchase.rates.record.convert(price)),
        variant_id=catalogue_variant_id(name, item.product_id or 0, item.variant_id) if item.variant_id else "",
    )


def _billing(purchase: Purchase) -> dict[str, str]:
    """Brevo's names (`POST /v3/orders/status`); what is empty is left out."""
    address = purchase.order.billing_address
    billing = {
        "address": " ".join(line for line in (address.street_1, address.street_2) if line),
        "city": address.city,
        "country": address.country,
        "countryCode": address.country_iso2,
        "phone": address.phone,
        "postCode": address.zip,
        "region": address.state,
        "paymentMethod": purchase.order.payment_method or "",
    }
    return {name: value for name, value in billing.items() if value}
