"""All folds wired as the engine wires them: from facts to what Brevo is told."""

from collections import deque
from collections.abc import Iterable
from typing import Any

import msgspec

from projections.carts import CartsFold
from projections.consent import CARTS, NEWSLETTER
from projections.contact import ContactState
from projections.contacts import ContactsFold
from projections.customers import CustomersFold
from projections.fold import Input, Output
from projections.orders import OrdersFold
from projections.subscribers import SubscribersFold
from schemas import topics
from schemas.requests import LookAgain
from tests.projections.carts_made import (
    CART,
    DAY,
    HOUR,
    MINUTE,
    NOON,
    STORE,
    answer,
    cart,
    converted,
    fetched,
    settings,
    subscriber,
    tick,
)
from tests.projections.contacts_made import brevo, commands, consent, events, shapes, upserts
from tests.projections.orders_made import billing, customer, customer_fact, order, order_fact
from tests.projections.running import Ran, run

ADA, BOB = "ada@example.com", "bob@example.com"


class Pipeline:
    """Feeds records to the folds that read their topic, and what comes out to the next."""

    def __init__(self, **store: Any) -> None:
        configured = settings(**store)
        kinds = (OrdersFold, CustomersFold, SubscribersFold, CartsFold, ContactsFold)
        self._folds: list[Any] = [kind(configured) for kind in kinds]
        self._states: dict[str, dict[bytes, bytes]] = {fold.name: {} for fold in self._folds}
        self.out: list[Output] = []
        self.written: dict[str, set[str]] = {fold.name: set() for fold in self._folds}

    def feed(self, records: Iterable[Input]) -> "Pipeline":
        waiting = deque(records)
        while waiting:
            record = waiting.popleft()
            for fold in self._folds:
                if record.topic in fold.inputs:
                    ran = run(fold, [record], self._states[fold.name])
                    self._states[fold.name] = ran.states
                    self.out += ran.outputs
                    self.written[fold.name] |= {output.topic for output in ran.outputs}
                    waiting += [Input(o.topic, o.key or b"", o.value, record.time) for o in ran.outputs]
        return self

    @property
    def ran(self) -> Ran:
        return Ran(self._states["contacts"], self.out)

    def contact(self, email: str) -> ContactState:
        fold: ContactsFold = self._folds[-1]
        return fold.load(b"", self._states["contacts"].get(f"main/{email}".encode()))

    def lists(self) -> dict[str, set[str]]:
        return {
            email: {name.removeprefix("shop:") for name, member in one.lists.items() if member}
            for email, one in brevo(self.ran).items()
        }

    def questions(self) -> list[LookAgain]:
        return [msgspec.json.decode(o.value or b"", type=LookAgain) for o in self.out if o.topic == topics.REQUEST]


def guest_order(**fields: Any) -> Input:
    return order_fact(order(customer=0, created=NOON, **fields))


def test_a_guest_who_registers_is_one_contact_whose_order_counts_once() -> None:
    flow = Pipeline().feed([guest_order()])
    assert flow.lists() == {ADA: {"buyers"}}
    registered = customer_fact(customer(created=NOON + HOUR), fetched=NOON + HOUR)
    moved = order_fact(order(customer=7, modified=NOON + 2 * HOUR), fetched=NOON + 2 * HOUR)
    flow.feed([registered, moved])
    assert flow.lists() == {ADA: {"all_customers", "buyers"}}
    last = upserts(flow.ran)[-1]
    assert (last.attributes["ORDER_COUNT"], last.attributes["TOTAL_SPENT"]) == (1, 69.84)
    assert events(flow.ran) == ["order_placed:shop:100"]


def test_contact_order_record_and_event_reach_brevo_in_this_order() -> None:
    flow = Pipeline().feed([customer_fact(customer()), order_fact(order())])
    assert [kind for kind, _ in shapes(flow.ran)] == ["contact", "contact", "order", "event"]
    assert {email for _, email in shapes(flow.ran)} == {ADA}


def test_an_email_change_renames_the_contact_and_later_orders_follow() -> None:
    changed = customer("bob@example.com", modified=NOON + HOUR)
    flow = Pipeline().feed([customer_fact(customer()), customer_fact(changed, fetched=NOON + HOUR)])
    flow.feed([order_fact(order(created=NOON + 2 * HOUR), fetched=NOON + 2 * HOUR + MINUTE)])
    assert [kind for kind, _ in shapes(flow.ran)] == ["contact", "rename", "contact", "contact", "order", "event"]
    assert flow.lists() == {BOB: {"all_customers", "buyers"}}
    assert not flow.contact(BOB).waits


def test_an_email_that_becomes_another_customers_own_merges() -> None:
    both = [customer_fact(customer()), customer_fact(customer("bob@example.com", id=8))]
    changed = customer_fact(customer("bob@example.com", modified=NOON + HOUR), fetched=NOON + HOUR)
    flow = Pipeline().feed([*both, changed])
    assert flow.lists() == {ADA: set(), BOB: {"all_customers"}}
    assert flow.contact(BOB).sources.keys() == {f"{STORE}/7", f"{STORE}/8"}


def test_an_email_that_was_lost_and_found_again_waits_for_nobody() -> None:
    facts = [
        customer_fact(customer(email, modified=NOON + n * HOUR), fetched=NOON + n * HOUR)
        for n, email in enumerate(["ada@example.com", "bob@example.com", "none", "cy@example.com"])
    ]
    flow = Pipeline().feed(facts)
    assert not flow.contact("cy@example.com").waits
    assert flow.lists()["cy@example.com"] == {"all_customers"}


def test_an_abandoned_cart_is_announced_after_the_fresh_look_and_recovered_by_the_order() -> None:
    flow = Pipeline().feed([customer_fact(customer()), subscriber([CARTS])])
    flow.feed([fetched(cart(), NOON + 1000), tick(NOON + HOUR)])
    assert [question.due for question in flow.questions()] == [NOON + HOUR]
    flow.feed([answer(cart(), NOON + HOUR, consents=[CARTS])])
    assert flow.lists() == {ADA: {"all_customers", "abandoned_cart"}}
    flow.feed([converted(NOON + 2 * HOUR), tick(NOON + DAY)])
    assert events(flow.ran) == [f"cart_abandoned:shop:{CART}:{NOON}:1", f"cart_recovered:shop:{CART}:{NOON}"]
    assert flow.lists() == {ADA: {"all_customers"}}
    assert len(flow.questions()) == 1


def test_the_folds_write_to_all_topics_that_they_declare() -> None:
    changed = customer_fact(customer("bob@example.com", modified=NOON + HOUR), fetched=NOON + HOUR)
    flow = Pipeline().feed([customer_fact(customer()), order_fact(order()), subscriber([CARTS])])
    flow.feed([fetched(cart(), NOON + 1000), tick(NOON + HOUR), answer(cart(), NOON + HOUR, consents=[CARTS])])
    flow.feed([consent(ADA, NOON), changed])  # Brevo's opt-out goes along to the new e-mail
    assert flow.written == {
        fold.name: set(fold.outputs) for fold in (OrdersFold, CustomersFold, SubscribersFold, CartsFold, ContactsFold)
    }


def test_an_opt_out_that_only_the_fresh_look_sees_keeps_the_message_back() -> None:
    flow = Pipeline().feed([customer_fact(customer()), subscriber([CARTS]), fetched(cart(), NOON + 1000)])
    flow.feed([tick(NOON + HOUR), answer(cart(), NOON + HOUR, consents=[])])
    assert events(flow.ran) == []


def test_a_logged_in_cart_waits_for_the_customers_email() -> None:
    flow = Pipeline().feed([fetched(cart(), NOON + 1000), tick(NOON + HOUR)])
    flow.feed([answer(cart(), NOON + HOUR, consents=[CARTS]), customer_fact(customer(), fetched=NOON + 2 * HOUR)])
    assert events(flow.ran) == [f"cart_abandoned:shop:{CART}:{NOON}:1"]


def test_a_guests_cart_is_announced_once_the_guest_is_a_contact_and_consents() -> None:
    mine = cart(customer=0, email="ada@example.com")
    flow = Pipeline().feed([subscriber([CARTS, NEWSLETTER]), fetched(mine, NOON + 1000), tick(NOON + HOUR)])
    flow.feed([answer(mine, NOON + HOUR, consents=[CARTS, NEWSLETTER])])
    assert events(flow.ran) == [f"cart_abandoned:shop:{CART}:{NOON}:1"]
    assert flow.lists() == {ADA: {"abandoned_cart"}}


def test_a_deleted_customer_leaves_the_list_and_its_later_refund_counts() -> None:
    flow = Pipeline().feed([customer_fact(customer()), order_fact(order())])
    flow.feed([Input(topics.CUSTOMER, f"{STORE}/7".encode(), None, NOON + HOUR)])
    assert flow.lists() == {ADA: {"buyers"}}
    refund = [(1, NOON + 2 * HOUR, "19.84")]
    flow.feed([order_fact(order(14, modified=NOON + 2 * HOUR), fetched=NOON + 2 * HOUR + MINUTE, refunds=refund)])
    assert upserts(flow.ran)[-1].attributes == {"ORDER_COUNT": 1, "TOTAL_SPENT": 50}
    assert "order_refunded:shop:100:1" in events(flow.ran)


def test_an_order_without_an_email_says_nothing_to_anybody() -> None:
    flow = Pipeline().feed([guest_order(billing_address=billing(email=""))])
    assert commands(flow.ran) == []
