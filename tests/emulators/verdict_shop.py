"""A small shop for the tests of the judge: two customers of the past, one day of traffic, and the Brevo that fits."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from emulators.brevo import Brevo, State
from emulators.brevo.attributes import Value
from emulators.brevo.directory import Change
from emulators.brevo.state import Event
from emulators.clock import StandingClock
from emulators.ledger import (
    CartChanged,
    CartConverted,
    CustomerDeleted,
    Happening,
    Ledger,
    OrderPlaced,
    OrderRefunded,
    OrderStatusChanged,
    Registered,
    SubscriberChanged,
)
from emulators.verdict import Customer, Purchase, Rules, Subscriber, Verdict, judge
from emulators.verdict.contacts import ExpectedContact, expected_contacts
from emulators.verdict.story import Story

MINUTE = 60_000
HOUR = 60 * MINUTE
DAWN = 1_790_000_400_000
"""The beginning of the played day, 2026-09-21T14:20:00Z."""

LISTS = {"all_customers": 40, "buyers": 41, "abandoned_cart": 42}
CUSTOMERS = {1: Customer("ann@shop.test", 852_076_800_000), 2: Customer("bob@shop.test", 852_163_200_000)}
SUBSCRIBERS = {7: Subscriber("bob@shop.test", ("marketing_newsletter", "abandoned_cart"), 852_163_200_000)}
PURCHASES = [Purchase(1, Decimal("29.33")), Purchase(1, Decimal("14.96")), Purchase(2, Decimal("63.34"))]


def rules(hours: float = 12, **more: object) -> Rules:
    return Rules(end=DAWN + round(hours * HOUR), lists=LISTS, live_since=DAWN, **more)  # type: ignore[arg-type]


def cart(at: int, cart_id: str = "c1", customer_id: int = 2, email: str = "", items: int = 1) -> CartChanged:
    return CartChanged(
        at=at, cart_id=cart_id, customer_id=customer_id, email=email, items=items, total="20.00", currency="USD"
    )


def order(at: int, order_id: int = 501, customer_id: int = 1, **more: object) -> OrderPlaced:
    fields = {"email": "ann@shop.test", "status_id": 11, "total": "50.00", "currency": "USD", **more}
    return OrderPlaced(at=at, order_id=order_id, customer_id=customer_id, **fields)  # type: ignore[arg-type]


def consents(at: int, email: str, *given: str, subscriber_id: int = 8, deleted: bool = False) -> SubscriberChanged:
    return SubscriberChanged(at=at, subscriber_id=subscriber_id, email=email, consents=given, deleted=deleted)


@dataclass
class Told:
    """What the judge expects of a ledger."""

    contacts: dict[str, ExpectedContact]
    events: list[tuple[str, ...]]
    story: Story


def told(happenings: Iterable[Happening], by: Rules | None = None) -> Told:
    by = by or rules()
    story = Story(CUSTOMERS, SUBSCRIBERS, by, Counter())
    story.tell(PURCHASES, Ledger(list(happenings)))
    events = [key for key, allowed in story.expected.events.items() for _ in allowed]
    return Told(expected_contacts(story, by), sorted(events), story)


def day() -> Ledger:
    """An order in euros, refunded in part; a guest, a newcomer, a deletion; a cart is left, another comes back."""
    return Ledger(
        [
            order(DAWN + MINUTE, 501, 1, total="50.00", currency="EUR", rate="0.9"),
            cart(DAWN + 2 * MINUTE, "c1", customer_id=2),
            OrderStatusChanged(at=DAWN + 10 * MINUTE, order_id=501, old=11, new=2),
            Registered(at=DAWN + 20 * MINUTE, customer_id=3, email="Eve@Shop.test"),
            OrderRefunded(at=DAWN + 30 * MINUTE, order_id=501, refund_id=9, amount="5.00", new=14),
            order(DAWN + 40 * MINUTE, 502, 0, email="guest@shop.test", total="10.00"),
            consents(DAWN + 41 * MINUTE, "eve@shop.test", "abandoned_cart"),
            cart(DAWN + 42 * MINUTE, "c2", customer_id=3),
            CustomerDeleted(at=DAWN + 50 * MINUTE, customer_id=1, email="ann@shop.test"),
            order(DAWN + 3 * HOUR, 503, 3, email="eve@shop.test", total="20.00", cart_id="c2"),
            CartConverted(at=DAWN + 3 * HOUR, cart_id="c2", order_id=503),
        ]
    )


def fitting_state() -> State:
    """What Brevo holds after ``day``, written down by hand."""
    state = Brevo(StandingClock(DAWN), api_key="key").state
    contact(state, "ann@shop.test", 3, 94.29, "1997-01-01", [41], blocklisted=True)
    contact(state, "bob@shop.test", 1, 63.34, "1997-01-02", [40, 41, 42], blocklisted=False)
    contact(state, "eve@shop.test", 1, 20, "2026-09-21", [40, 41], blocklisted=False)
    contact(state, "guest@shop.test", 1, 10, None, [41], blocklisted=True)
    tell(state, "order_placed", "ann@shop.test", order_id="501", status_id="11")
    tell(state, "order_status_changed", "ann@shop.test", order_id="501", previous_status_id="11", status_id="2")
    tell(state, "order_refunded", "ann@shop.test", order_id="501", refund_id="9", status_id="14")
    tell(state, "order_placed", "guest@shop.test", order_id="502", status_id="11")
    tell(state, "cart_abandoned", "bob@shop.test", cart_id="c1", step=1)
    tell(state, "cart_abandoned", "eve@shop.test", cart_id="c2", step=1)
    tell(state, "order_placed", "eve@shop.test", order_id="503", status_id="11")
    tell(state, "cart_recovered", "eve@shop.test", cart_id="c2", order_id="503", step=1)
    return state


def contact(
    state: State, email: str, orders: int, spent: float, signup: str | None, lists: list[int], *, blocklisted: bool
) -> None:
    signed = {} if signup is None else {"SIGNUP_DATE": signup}
    attributes: dict[str, Value | None] = {"ORDER_COUNT": orders, "TOTAL_SPENT": spent, **signed}
    state.directory.create(
        Change(by="hand", email=email, attributes=attributes, list_ids=lists, blocklisted=blocklisted), DAWN
    )


def tell(state: State, name: str, email: str, **properties: object) -> None:
    found = state.directory.find("email", email)
    state.events.append(
        Event(
            number=len(state.events) + 1,
            at=DAWN,
            name=name,
            date=DAWN,
            email=email,
            contact_id=found.id if found else None,
            identifiers={"email_id": email},
            properties=properties,
            contact_properties={},
            object_type="",
            via="events",
        )
    )


def verdict(state: State, ledger: Ledger | None = None, by: Rules | None = None) -> Verdict:
    return judge(PURCHASES, ledger or day(), state, customers=CUSTOMERS, subscribers=SUBSCRIBERS, rules=by or rules())
