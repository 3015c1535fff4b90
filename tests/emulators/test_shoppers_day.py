"""A day of traffic: as much as demanded, always the same, true to the store, and exact in what must follow from it."""

import asyncio
import json
import math
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from itertools import pairwise
from typing import TypeVar

import pytest

from emulators import cdnow
from emulators.bigcommerce import Store
from emulators.clock import StandingClock
from emulators.ledger import (
    AddressChanged,
    CartChanged,
    CartConverted,
    CartGone,
    CustomerDeleted,
    EmailChanged,
    Happening,
    Ledger,
    OrderPlaced,
    OrderRefunded,
    OrderStatusChanged,
    ProductEdited,
    Registered,
    SubscriberChanged,
)
from emulators.server import Server
from emulators.shoppers import play_day
from emulators.shoppers.order_stories import LISTENED
from tests.emulators.bigcommerce_shop import Receiver, bigcommerce, jump_through, listening, moving

MINUTE = 60_000
HOUR = 60 * MINUTE
STEPS = (HOUR, 24 * HOUR, 72 * HOUR)
H = TypeVar("H", bound=Happening)


class Day:
    """What was played, and what the store told of it."""

    def __init__(self, store: Store, ledger: Ledger, told: Sequence[tuple[str, object]]) -> None:
        self.store = store
        self.happenings = ledger.happenings
        self.told = [scope for scope, _ in told]
        self.carts = _by_cart(self.of(CartChanged))

    def of(self, kind: type[H]) -> list[H]:
        return [each for each in self.happenings if isinstance(each, kind)]

    def ended(self) -> set[str]:
        """Carts that are gone."""
        return {each.cart_id for each in self.of(CartConverted)} | {each.cart_id for each in self.of(CartGone)}


async def play(seed: int, **given: object) -> Day:
    clock, ledger = StandingClock(cdnow.END), Ledger()
    store = Store(clock)
    cdnow.fill(store)
    with listening(store) as told:
        day = play_day(store, clock, ledger, seed=seed, start=cdnow.END, **given)  # type: ignore[arg-type]
        await jump_through(clock, asyncio.create_task(day))
    return Day(store, ledger, told)


@cache
def a_day(seed: int = 7) -> Day:
    return asyncio.run(play(seed))


SEEDS = (1, 7, 20260)


@pytest.mark.parametrize("seed", SEEDS)
def test_at_least_two_thousand_deliveries_fire_and_three_hundred_carts_are_filled(seed: int) -> None:
    day = a_day(seed)
    assert sum(scope in LISTENED for scope in day.told) >= 2_000
    by_cart = defaultdict(list)
    for change in day.of(CartChanged):
        by_cart[change.cart_id].append(change)
    assert len(by_cart) == 300
    assert sum(changes[0].customer_id == 0 for changes in by_cart.values()) == 30
    assert sum(len(changes) > 1 for changes in by_cart.values()) > 270


async def test_a_quiet_day_is_topped_up_to_the_deliveries_demanded() -> None:
    quiet = await play(3, carts=20, buyers=5, deliveries_at_least=0)
    topped = await play(3, carts=20, buyers=5, deliveries_at_least=2_500)
    assert sum(scope in LISTENED for scope in quiet.told) < 1_500
    assert 2_500 <= sum(scope in LISTENED for scope in topped.told) < 2_700


async def test_the_same_seed_plays_the_same_day_and_another_one_another() -> None:
    again, other = await play(7), await play(8)
    assert again.happenings == a_day(7).happenings
    assert again.told == a_day(7).told
    assert other.happenings != again.happenings


@pytest.mark.parametrize("seed", SEEDS)
def test_everything_that_was_asked_for_happens(seed: int) -> None:
    day = a_day(seed)
    placed = day.of(OrderPlaced)
    for kind in (
        Registered,
        AddressChanged,
        EmailChanged,
        CustomerDeleted,
        CartGone,
        OrderStatusChanged,
        ProductEdited,
    ):
        assert len(day.of(kind)) >= 8, kind
    assert {order.currency: order.rate for order in placed} == {"USD": "1", "EUR": "0.92"}
    assert {order.status_id for order in placed} >= {0, 1, 7, 11}
    assert {change.new for change in day.of(OrderStatusChanged)} >= {2, 5, 6, 10, 11}
    kinds = {(order.customer_id == 0, order.cart_id is not None) for order in placed}
    assert kinds == {(True, True), (True, False), (False, True), (False, False)}
    refunded = {refund.order_id for refund in day.of(OrderRefunded)} & {order.order_id for order in placed}
    assert 0.03 <= len(refunded) / len(placed) <= 0.08
    assert {refund.new for refund in day.of(OrderRefunded)} == {4, 14}


@pytest.mark.parametrize("seed", SEEDS)
def test_guests_register_later_and_deleted_customers_had_orders_some_of_which_are_refunded(seed: int) -> None:
    day = a_day(seed)
    guests = {order.email: order.at for order in day.of(OrderPlaced) if not order.customer_id}
    assert any(each.at > guests.get(each.email, each.at) for each in day.of(Registered))
    gone = {each.customer_id: each.at for each in day.of(CustomerDeleted)}
    assert all(day.store.orders.of_customer(customer_id) for customer_id in gone)
    refunds = [(day.store.orders.get(each.order_id).customer_id, each.at) for each in day.of(OrderRefunded)]
    assert any(at > gone[customer_id] for customer_id, at in refunds if customer_id in gone)
    assert any(day.store.orders.of_customer(each.customer_id) for each in day.of(EmailChanged))


@pytest.mark.parametrize("seed", SEEDS)
def test_carts_are_bought_left_and_come_back_by_people_with_and_without_consent(seed: int) -> None:
    day = a_day(seed)
    last = {change.cart_id: change for change in day.of(CartChanged)}
    ended = day.ended()
    left = [change for cart_id, change in last.items() if cart_id not in ended]
    previous = defaultdict(list)
    for change in day.of(CartChanged):
        previous[change.cart_id].append(change.at)
    back = [each.cart_id for each in day.of(CartConverted) if _had_a_quiet_hour([*previous[each.cart_id], each.at])]
    assert (len(left) >= 60, len(back) >= 25, len(ended) >= 100) == (True, True, True)
    consents = [_consents(day.store, change.email) for change in left if change.email]
    assert sum("abandoned_cart" in each for each in consents) > len(consents) / 2
    assert any("abandoned_cart" not in each for each in consents)
    assert any(not change.email for change in left)
    assert {change.currency for change in left} == {"USD", "EUR"}


def _had_a_quiet_hour(moments: list[int]) -> bool:
    return any(later - earlier > HOUR for earlier, later in pairwise(moments))


def _consents(store: Store, email: str) -> tuple[str, ...]:
    record = store.subscribers.by_email(email)
    return () if record is None else record.consents


@pytest.mark.parametrize("seed", SEEDS)
def test_no_act_is_near_the_moment_at_which_a_cart_of_the_same_person_is_due(seed: int) -> None:
    day = a_day(seed)
    acts = defaultdict(list)
    for each in day.happenings:
        for person in _people(day, each):
            acts[person].append(each.at)
    seen = 0
    for cart_id, changes in day.carts.items():
        people = {person for change in changes for person in _people(day, change)}
        moments = sorted(set(acts[cart_id]))
        for due in _dues(moments, gone=cart_id not in day.store.carts.open):
            near = [at for person in people for at in acts[person] if abs(at - due) < 5 * MINUTE]
            assert not near, f"cart {cart_id} is due at {due}, and something happens at {near}"
            seen += 1
    assert seen > 300


def _dues(moments: list[int], *, gone: bool) -> list[int]:
    """Steps after each act on a cart that the next act does not clearly forestall; after the end of a cart none."""
    following: list[float] = [*moments[1:], math.inf]
    lasting = zip(moments, following, strict=True) if not gone else zip(moments[:-1], following, strict=False)
    return [at + step for at, later in lasting for step in STEPS if later >= at + step - 5 * MINUTE]


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_has_two_carts(seed: int) -> None:
    day = a_day(seed)
    carts = defaultdict(set)
    for change in day.of(CartChanged):
        if change.email:
            carts[change.email].add(change.cart_id)
    assert {len(each) for each in carts.values()} == {1}


def _by_cart(changes: list[CartChanged]) -> dict[str, list[CartChanged]]:
    found = defaultdict(list)
    for change in changes:
        found[change.cart_id].append(change)
    return found


def _people(day: Day, each: Happening) -> set[str]:
    """Whom a happening is about: the cart, and the e-mail that is known by then."""
    if isinstance(each, CartChanged | CartGone | CartConverted):
        changes = day.carts[each.cart_id]
        return {each.cart_id, *(change.email for change in changes if change.email)}
    if isinstance(each, OrderStatusChanged | OrderRefunded):
        return {day.store.orders.get(each.order_id).email}
    if isinstance(each, EmailChanged):
        return {each.old, each.new}
    if isinstance(each, AddressChanged):
        return {day.store.customers.get(each.customer_id).email}
    email = getattr(each, "email", "")
    return {email} if email else set()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_ledger_is_true_to_the_store(seed: int) -> None:
    day = a_day(seed)
    assert [each.at for each in day.happenings] == sorted(each.at for each in day.happenings)
    statuses: dict[int, int] = {}
    refunds: dict[int, Decimal] = defaultdict(Decimal)
    for each in day.happenings:
        if isinstance(each, OrderPlaced):
            order = day.store.orders.get(each.order_id)
            assert (str(order.total), order.currency, order.email) == (each.total, each.currency, each.email)
            statuses[each.order_id] = each.status_id
        elif isinstance(each, OrderStatusChanged):
            assert statuses[each.order_id] == each.old
            statuses[each.order_id] = each.new
        elif isinstance(each, OrderRefunded):
            statuses[each.order_id] = each.new
            refunds[each.order_id] += Decimal(each.amount)
    assert statuses == {order_id: day.store.orders.get(order_id).status_id for order_id in statuses}
    assert refunds == {each.id: each.refunded for each in day.store.orders.table if each.refunded}
    assert set(day.carts) - day.ended() == set(day.store.carts.open)
    told = {each.email: each for each in day.of(SubscriberChanged)}
    for email, each in told.items():
        assert _consents(day.store, email) == each.consents
        assert each.deleted == (day.store.subscribers.by_email(email) is None)


def test_too_few_customers_for_the_day_are_told() -> None:
    clock = StandingClock(cdnow.END)
    with pytest.raises(ValueError, match="0 customers are too few"):
        asyncio.run(play_day(Store(clock), clock, Ledger(), seed=1, start=cdnow.END))


async def test_what_is_delivered_of_a_day_is_what_the_store_told_in_spite_of_a_receiver_that_fails() -> None:
    clock, ledger = StandingClock(cdnow.END), Ledger()
    store = Store(clock)
    cdnow.fill(store)
    emulator = bigcommerce(store, clock, duplicates=0.01, reorder=0.05)
    receiver = Receiver(clock, lambda nth: 503 if nth % 50 == 7 else 200)
    day = {"hours": 4, "carts": 30, "buyers": 10, "deliveries_at_least": 300}
    async with Server(receiver) as url, emulator, moving(clock):
        for scope in sorted(LISTENED):
            emulator.hooks.create({"scope": scope, "destination": f"{url}/hook"})
        with listening(store) as told:
            await play_day(store, clock, ledger, seed=5, start=cdnow.END, **day)  # type: ignore[arg-type]
            await emulator.deliveries.settled()
    expected = sum(scope in LISTENED for scope, _ in told)
    counters = emulator.deliveries.counters
    hashes = {json.loads(arrival.body)["hash"] for arrival in receiver.arrivals}
    assert len(hashes) == expected >= 300
    assert (counters.retried > 0, counters.duplicates > 0, counters.reordered > 0) == (True, True, True)
    assert counters.delivered >= expected
    assert emulator.deliveries.pending == 0
    abandoned = [scope for scope, _ in told if scope == "store/cart/abandoned"]
    assert abandoned
