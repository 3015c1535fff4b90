"""The judge's plain loop over a whole day of the shoppers agrees with what the shop itself holds in the end."""

import asyncio
from collections import Counter, defaultdict
from decimal import ROUND_HALF_EVEN, Decimal

from emulators import cdnow
from emulators.bigcommerce.store import Store
from emulators.clock import StandingClock
from emulators.ledger import Ledger
from emulators.shoppers.day import play_day
from emulators.verdict import Customer, Rules, Subscriber, read_purchases
from emulators.verdict.contacts import expected_contacts
from emulators.verdict.rules import DAY
from emulators.verdict.story import Story

NOT_COUNTED = {0, 1, 5, 6, 7}


async def played(store: Store, clock: StandingClock) -> Ledger:
    ledger = Ledger()
    driver = asyncio.create_task(clock.run(lambda: True, rest=0))
    try:
        await play_day(store, clock, ledger, seed=3, start=cdnow.END)
    finally:
        driver.cancel()
    return ledger


def sums_of_the_shop(store: Store) -> dict[str, tuple[int, Decimal]]:
    """Counted orders and what was spent on them, by the owner's present address; deleted customers are left out."""
    orders: Counter[str] = Counter()
    spent: defaultdict[str, Decimal] = defaultdict(Decimal)
    for order in store.orders.table:
        customer = store.customers.table.get(order.customer_id) if order.customer_id else None
        if order.status_id in NOT_COUNTED or (order.customer_id and customer is None):
            continue
        email = (customer.email if customer else order.email).lower()
        left = (order.total - order.refunded) / order.rate
        orders[email] += 1
        spent[email] += left.quantize(Decimal("0.01"), ROUND_HALF_EVEN)
    return {email: (orders[email], spent[email]) for email in orders}


async def test_a_day_of_the_shoppers_adds_up_to_what_the_shop_holds() -> None:
    clock = StandingClock(cdnow.END)
    store = Store(clock, rates={"EUR": Decimal("0.92")})
    cdnow.fill(store)
    customers = {each.id: Customer(each.email, each.date_created) for each in store.customers.table}
    subscribers = {
        each.id: Subscriber(each.email, each.consents, each.date_modified) for each in store.subscribers.table
    }
    ids: defaultdict[int, list[int]] = defaultdict(list)
    for order in sorted(store.orders.table, key=lambda order: (order.date_created, order.id)):
        ids[order.customer_id].append(order.id)
    purchases = list(read_purchases(cdnow.data_file(cdnow.SAMPLE), ids))
    ledger = await played(store, clock)

    rules = Rules(end=cdnow.END + DAY, live_since=cdnow.END, lists={})
    story = Story(customers, subscribers, rules, Counter())
    story.tell(purchases, ledger)
    contacts = expected_contacts(story, rules)

    shop = sums_of_the_shop(store)
    assert len(shop) > 2_300
    deleted = {person.email for person in story.people.values() if person.deleted}
    found = {email: (contact.orders, contact.spent) for email, contact in contacts.items() if contact.orders}
    assert {email: sums for email, sums in found.items() if email not in deleted} == shop
    consenting = {each.email.lower() for each in store.subscribers.table if each.consents}
    assert {email for email, contact in contacts.items() if contact.blocklisted is False} == consenting
    told = Counter(key[0] for key, sets in story.expected.events.items() for _ in sets)
    assert min(told[name] for name in ("cart_abandoned", "cart_recovered", "order_refunded")) > 10
