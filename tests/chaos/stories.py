"""What happens to one person, with orders and consents, in the days of a run: pairs of a moment and a fact.

What has to be told in order across partitions (consent before a cart is due, an order before its customer moves) lies
in different days; see tests.chaos.shop. Everything else of a day may be folded in any order. Carts and the catalogue
have stories of their own.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any, Final

import msgspec

from projections.fold import Output
from projections.identity import contact_key
from projections.times import iso
from schemas import topics
from schemas.facts import StatusChange
from schemas.inner import Consent
from schemas.requests import Entity
from tests.chaos.shop import DAY, HOUR, MINUTE, Row, Shop
from tests.projections.orders_made import billing, customer, order, rfc2822

Told = Iterator[tuple[int, Output]]
NEWSLETTER: Final = "marketing_newsletter"
CITIES: Final = ("Austin", "Dallas", "Houston", "El Paso")
PATHS: Final = ((11, 9, 2), (11, 2, 10), (7, 11, 10), (11, 10), (11, 5), (11, 2, 14), (10, 4))  # statuses, in order


class Person:
    """``number`` is unique among all stores; it leads the ids of what belongs to this person."""

    def __init__(self, shop: Shop, number: int, days: int) -> None:
        self.shop, self.number, self.days, self.chance = shop, number, days, shop.chance
        self.email = f"p{number}@example.com"
        self._orders = count(number * 1000)
        self._registered_at = 0

    # --- the person -------------------------------------------------------------------------------------------------

    def registers(self, day: int = 0) -> tuple[int, Output]:
        self._registered_at = self.shop.moment(day)
        return self.edits_profile(at=self._registered_at)

    def edits_profile(self, day: int = 0, *, at: int = 0, **fields: Any) -> tuple[int, Output]:
        at = at or self.shop.moment(day)
        row = customer(self.email, id=self.number, created=self._registered_at, modified=at, first_name=self._name)
        row["addresses"][0]["city"] = self.chance.choice(CITIES)
        return at, self.shop.customer({**row, **fields}, at)

    def is_erased(
        self, day: int, kind: Entity = "customer", id_: int | None = None, *, hours: tuple[int, int] = (0, 23)
    ) -> tuple[int, Output]:
        at = self.shop.moment(day, hours=hours)
        return at, self.shop.tombstone(kind, self.number if id_ is None else id_, at)

    @property
    def _name(self) -> str:
        return f"Ada{self.number}"

    # --- orders -----------------------------------------------------------------------------------------------------

    def orders(self, day: int, *, guest: bool = False, **fields: Any) -> Told:
        """One order with its life within the day: fetched at each change, sometimes again, sometimes an old fetch late.

        It is placed at night and ends before the next midnight.
        """
        at = created = self.shop.moment(day, hours=(0, 6))
        row = self._order(created, guest, **fields)
        statuses = self.chance.choice(PATHS)
        pairs, refunds, previous, first = list[StatusChange](), list[Row](), 0, None
        for status in statuses:
            pairs.append(self.shop.pair(at, previous, status))
            if status in (4, 14):
                refunds.append({"id": row["id"], "created": iso(at), "total_amount": "10.00"})
            row = {**row, "status_id": status, "date_modified": rfc2822(at)}
            fact = self.shop.order(row, at, pairs=pairs[-1:], refunds=refunds)
            first = first or fact
            yield at, fact
            if self.chance.random() < 0.2:
                yield at + MINUTE, self.chance.choice((first, fact))
            previous, at = status, at + self.chance.randrange(2, 5) * HOUR

    def _order(self, created: int, guest: bool, **fields: Any) -> Row:
        number = next(self._orders)
        lines = [
            {
                "id": line,
                "product_id": self.chance.randrange(1, 40),
                "variant_id": None,
                "name": f"Cup {line}",
                "sku": "CUP",
                "quantity": self.chance.randrange(1, 4),
                "price_inc_tax": "34.9200",
            }
            for line in range(self.chance.randrange(1, 4))
        ]
        return order(
            id=number,
            customer=0 if guest else self.number,
            created=created,
            total_inc_tax=f"{self.chance.randrange(2000, 90_000) / 100:.4f}",
            currency_code=self.shop.currency,
            default_currency_code=self.shop.currency,
            billing_address=billing(email=self.email, first_name=self._name, city=self.chance.choice(CITIES)),
            consignments={"shipping": [{"line_items": lines}]},
            **fields,
        )

    # --- consent ----------------------------------------------------------------------------------------------------

    def subscribes(self, day: int, *consents: str, number: int = 0) -> tuple[int, Output]:
        at = self.shop.moment(day)
        return at, self.shop.subscriber(self.subscriber(at, *consents, number=number), at, since=at)

    def unsubscribes(self, day: int) -> tuple[int, Output]:
        at = self.shop.moment(day)
        return at, self.shop.subscriber(self.subscriber(at), at, since=at, withdrawn_at=at)

    def subscriber(self, at: int, *consents: str, number: int = 0) -> Row:
        number = number or self.number
        return {"id": number, "email": self.email, "consents": list(consents), "date_modified": iso(at)}

    def opts_out_at_brevo(self, day: int, *, erased: bool = False) -> tuple[int, Output]:
        at, account = self.shop.moment(day), self.shop.account
        key = contact_key(account, self.email)
        consent = Consent(account=account, email=self.email, opted_out_at=at, reason="unsubscribed")
        return at, Output(topics.CONSENT, key, None if erased else msgspec.json.encode(consent))

    def unsubscribes_at_brevo(self, day: int, *, late: int = 0) -> tuple[int, Output]:
        """By a webhook of Brevo's own, whose fold tells it on. ``late``: ms that Brevo needed to get through."""
        at, account = self.shop.moment(day), self.shop.account
        event = {"event": "unsubscribe", "email": self.email, "ts_event": (at - late) // 1000}
        return at, Output(topics.BREVO_EVENT, account.encode(), msgspec.json.encode(event))


# --- stories ----------------------------------------------------------------------------------------------------------


def buyer(one: Person) -> Told:
    """Registers, buys, edits the profile, perhaps subscribes; some opt out at Brevo, and are forgotten there."""
    yield one.registers()
    if one.chance.random() < 0.5:
        yield one.subscribes(0, NEWSLETTER)
    for day in range(one.days):
        for _ in range(one.chance.randrange(3)):
            yield from one.orders(day)
        if day and one.chance.random() < 0.5:
            yield one.edits_profile(day, company=f"Byron & {one.chance.randrange(100)}")
    if one.chance.random() < 0.2:
        yield one.opts_out_at_brevo(1)
        if one.chance.random() < 0.5:
            yield one.opts_out_at_brevo(2, erased=True)
    elif one.chance.random() < 0.2:
        yield one.unsubscribes_at_brevo(1)
        yield one.unsubscribes_at_brevo(2, late=3 * DAY)


def guest(one: Person) -> Told:
    """Buys as a guest, registers, and the old order moves to the account."""
    first = list(one.orders(0, guest=True))
    yield from first
    yield one.registers(1)
    moved, at = msgspec.json.decode(first[-1][1].value or b""), one.shop.moment(2, hours=(1, 20))
    row = {**moved["entity"], "customer_id": one.number, "date_modified": rfc2822(at)}
    yield at, one.shop.order(row, at, refunds=moved["refunds"])
    yield from one.orders(2)


def mover(one: Person, other: Person) -> Told:
    """Has another e-mail from the second day on, and the old one again on the last; half of the new e-mails are those
    of contacts that exist: then both go on."""
    yield one.registers()
    if one.chance.random() < 0.3:
        yield one.subscribes(0, NEWSLETTER)
    yield from one.orders(0)
    old, new = one.email, f"new-{one.email}"
    if one.chance.random() < 0.5:
        yield other.registers()
        yield from other.orders(0)
        new = other.email
    one.email = new
    yield one.edits_profile(1)
    yield from one.orders(2)
    if one.days > 3:
        one.email = old
        yield one.edits_profile(3)


def subscriber(one: Person) -> Told:
    """A newsletter record comes, goes, moves to another e-mail, is erased and made again."""
    yield one.subscribes(0, NEWSLETTER)
    match one.chance.randrange(3):
        case 0:
            yield one.unsubscribes(1)
        case 1:
            one.email = f"new-{one.email}"
            yield one.subscribes(1, NEWSLETTER)
        case _:
            yield one.is_erased(1, "subscriber")
    yield one.subscribes(2, NEWSLETTER, "abandoned_cart")


def erased(one: Person) -> Told:
    """A customer and an order are erased and come again; what is older than a day is not told again then."""
    yield one.registers()
    yield from one.orders(0)
    last = list(one.orders(0))
    yield from last
    yield one.is_erased(1, hours=(0, 10))
    yield one.edits_profile(at=one.shop.moment(1, hours=(12, 23)))
    entity = msgspec.json.decode(last[-1][1].value or b"")["entity"]
    yield one.is_erased(1, "order", entity["id"])
    at = one.shop.moment(2, hours=(12, 23))
    yield at, one.shop.order({**entity, "date_modified": rfc2822(at)}, at)


def double(one: Person, other: Person) -> Told:
    """A person who is a customer of two stores of one account."""
    other.email = one.email
    for each in (one, other):
        yield each.registers()
        for day in range(each.days):
            yield from each.orders(day)
