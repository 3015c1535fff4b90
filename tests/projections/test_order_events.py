"""The fold `orders`: the events of the contract with Brevo that concern orders, one example for each rule."""

from typing import Any

from projections.fold import Input, Output
from projections.orders import OrdersFold
from schemas.inner import OrderPart
from tests.projections.orders_made import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    billing,
    events,
    ids,
    order,
    order_fact,
    settings,
    to_customers,
)
from tests.projections.running import Ran, run

PLACED = "order_placed:shop:100"
CHANGED = "order_status_changed:shop:100"
WITHOUT_UPDATES = settings(events={})


def folded(*records: Input, account: dict[str, Any] | None = None, **store: Any) -> Ran:
    return run(OrdersFold(settings(account, **store)), records)


def parts(outputs: list[Output]) -> list[tuple[str, OrderPart]]:
    return [(key, message) for key, message in to_customers(outputs) if isinstance(message, OrderPart)]


# --- order_placed -----------------------------------------------------------------------------------------------------


def test_an_order_first_seen_counted_is_placed_when_it_was_created() -> None:
    [event] = events(folded(order_fact(order(), fetched=NOON + HOUR)).outputs)
    assert (event.id, event.name, event.at, event.email) == (PLACED, "order_placed", NOON, "")
    assert (event.in_doubt, event.expires_at, event.may_reach_blocklisted) == ("resend", None, True)
    assert event.properties == {
        "tajo_id": PLACED,
        "store": "shop",
        "channel": "1",
        "order_id": "100",
        "status": "Awaiting Fulfillment",
        "status_id": "11",
        "total": 69.84,
        "currency": "USD",
        "total_reporting": 69.84,
        "created_at": "2026-08-11T11:30:00Z",
        "items": [
            {
                "product_id": "12",
                "variant_id": "77",
                "sku": "CUP",
                "name": "Cup",
                "quantity": 2,
                "price": 34.92,
                "url": "",
                "image": "",
            }
        ],
    }


def test_it_has_the_name_listed_for_it_and_the_channels_name() -> None:
    renamed = {"store/order/created": "purchase", "store/order/statusUpdated": "order_moved"}
    fact = order_fact(order(2), pairs=[("a", NOON + 1000, 11, 2)])
    told = events(folded(fact, events=renamed, channels={"1": "outlet"}).outputs)
    assert [(event.name, event.properties["channel"]) for event in told] == [
        ("purchase", "outlet"),
        ("order_moved", "outlet"),
    ]


def test_a_known_order_is_placed_by_its_pair_which_is_no_status_change() -> None:
    paid = order_fact(
        order(11, modified=NOON + HOUR), fetched=NOON + HOUR + 3000, pairs=[("a", NOON + HOUR + 1000, 7, 11)]
    )
    told = events(folded(order_fact(order(7)), paid).outputs)
    assert [(event.id, event.at) for event in told] == [(PLACED, NOON + HOUR + 1000)]


def test_a_known_order_found_counted_without_a_pair_is_placed_when_it_was_modified() -> None:
    paid = order_fact(order(11, modified=NOON + HOUR), fetched=NOON + 2 * HOUR)
    told = events(folded(order_fact(order(7)), paid).outputs)
    assert [(event.id, event.at) for event in told] == [(PLACED, NOON + HOUR)]


def test_the_pair_that_placed_it_may_come_late_and_is_no_status_change() -> None:
    seen = order_fact(order(11), fetched=NOON + MINUTE)
    late = order_fact(order(11), fetched=NOON + 2 * MINUTE, pairs=[("a", NOON + 1000, 0, 11)])
    assert ids(folded(seen, late).outputs) == [PLACED]


def test_a_status_told_by_placement_long_after_it_was_reached_is_not_told_by_its_late_pair() -> None:
    seen = order_fact(order(2, modified=NOON + MINUTE), fetched=NOON + HOUR)
    late = order_fact(order(2), fetched=NOON + 2 * HOUR, pairs=[("a", NOON + MINUTE, 11, 2)])
    assert ids(folded(seen, late).outputs) == [PLACED]
    soon = order_fact(order(2, modified=NOON + MINUTE), fetched=NOON + 2 * MINUTE)
    assert ids(folded(soon, late).outputs) == [PLACED, f"{CHANGED}:a"]


def test_an_order_that_passed_through_a_counted_status_was_placed() -> None:
    pairs = [("b", NOON + 2 * MINUTE, 11, 5), ("a", NOON + MINUTE, 7, 11)]
    told = events(folded(order_fact(order(5), fetched=NOON + 3 * MINUTE, pairs=pairs)).outputs)
    assert [(event.id, event.at) for event in told] == [(PLACED, NOON + MINUTE), (f"{CHANGED}:b", NOON + 2 * MINUTE)]
    assert told[1].properties["previous_status"] == "Awaiting Fulfillment"
    assert told[1].properties["status"] == "Cancelled"


def test_a_pair_out_of_a_counted_status_shows_that_it_was_placed() -> None:
    told = events(folded(order_fact(order(5), fetched=NOON + HOUR, pairs=[("b", NOON + MINUTE, 11, 5)])).outputs)
    assert [(event.id, event.at) for event in told] == [(PLACED, NOON), (f"{CHANGED}:b", NOON + MINUTE)]


def test_an_order_is_placed_once_whatever_becomes_of_it() -> None:
    history = [
        order_fact(order(status, modified=NOON + n * HOUR), fetched=NOON + n * HOUR)
        for n, status in enumerate((11, 5, 7, 11, 4))
    ]
    assert ids(folded(*history).outputs).count(PLACED) == 1


def test_what_happened_before_the_store_went_live_is_not_told() -> None:
    assert ids(folded(order_fact(order(), live=None)).outputs) == []
    assert ids(folded(order_fact(order(), live=NOON + 1)).outputs) == []
    later = order_fact(order(2), live=NOON + MINUTE, fetched=NOON + HOUR, pairs=[("a", NOON + 2 * MINUTE, 11, 2)])
    assert ids(folded(order_fact(order(), live=None), later).outputs) == [f"{CHANGED}:a"]


def test_what_was_fetched_more_than_a_day_late_is_not_told() -> None:
    assert ids(folded(order_fact(order(), fetched=NOON + DAY)).outputs) == [PLACED]
    assert ids(folded(order_fact(order(), fetched=NOON + DAY + 1)).outputs) == []


def test_an_invoice_paid_after_weeks_is_placed_then() -> None:
    weeks = NOON + 20 * DAY
    waiting = order_fact(order(7, modified=weeks), fetched=weeks)
    paid = order_fact(order(11, modified=weeks + HOUR), fetched=weeks + HOUR, pairs=[("a", weeks + HOUR, 7, 11)])
    assert [(event.id, event.at) for event in events(folded(waiting, paid).outputs)] == [(PLACED, weeks + HOUR)]


def test_an_old_order_that_had_ended_is_not_placed_again() -> None:
    weeks = NOON + 20 * DAY
    cancelled = order_fact(order(5, modified=weeks), fetched=weeks)
    revived = order_fact(order(11, modified=weeks + HOUR), fetched=weeks + HOUR, pairs=[("a", weeks + HOUR, 5, 11)])
    assert ids(folded(cancelled, revived).outputs) == [f"{CHANGED}:a"]
    assert ids(folded(revived).outputs) == [f"{CHANGED}:a"]


def test_statuses_that_count_can_be_configured() -> None:
    assert ids(folded(order_fact(order(7)), counted_statuses=(7,)).outputs) == [PLACED]
    assert ids(folded(order_fact(order(11)), counted_statuses=(7,)).outputs) == []


# --- order_status_changed ---------------------------------------------------------------------------------------------


def test_status_changes_are_told_once_per_delivery_in_their_order() -> None:
    pairs = [("c", NOON + 3000, 9, 2), ("a", NOON + 1000, 11, 3), ("b", NOON + 2000, 3, 9)]
    fact = order_fact(order(2), pairs=pairs)
    again = order_fact(order(2), fetched=NOON + HOUR, pairs=pairs[:1])
    told = events(folded(order_fact(order(), fetched=NOON + 1), fact, again).outputs)
    assert [event.id for event in told[1:]] == [f"{CHANGED}:{name}" for name in "abc"]
    assert [event.at for event in told[1:]] == [NOON + 1000, NOON + 2000, NOON + 3000]
    assert told[1].properties["previous_status_id"] == "11"


def test_changes_of_one_second_are_told_as_a_chain() -> None:
    pairs = [("a", NOON + 1000, 9, 2), ("b", NOON + 1000, 3, 9), ("c", NOON + 1000, 11, 3)]
    ran = folded(order_fact(order(), fetched=NOON + 1), order_fact(order(2), pairs=pairs))
    assert ids(ran.outputs)[1:] == [f"{CHANGED}:{name}" for name in "cba"]


def test_the_4_or_14_of_a_refund_is_told_as_the_refund_only() -> None:
    pairs = [("a", NOON + MINUTE, 11, 14)]
    refunded = order_fact(order(14), fetched=NOON + HOUR, pairs=pairs, refunds=[(3, NOON + MINUTE, "20.00")])
    ran = folded(order_fact(order()), refunded)
    assert ids(ran.outputs) == [PLACED, "order_refunded:shop:100:3"]
    by_hand = order_fact(order(4), fetched=NOON + HOUR, pairs=[("b", NOON + MINUTE, 11, 4)])
    assert ids(folded(order_fact(order()), by_hand).outputs) == [PLACED, f"{CHANGED}:b"]


def test_a_refund_whose_status_no_pair_explains_is_no_jump() -> None:
    refunded = order_fact(order(14, modified=NOON + MINUTE), fetched=NOON + HOUR, refunds=[(3, NOON + MINUTE, "20.00")])
    assert ids(folded(order_fact(order()), refunded).outputs) == [PLACED, "order_refunded:shop:100:3"]


def test_a_status_that_no_pair_explains_is_told_as_one_jump_after_a_while() -> None:
    changed = order(10, modified=NOON + HOUR)
    soon = order_fact(changed, fetched=NOON + HOUR + 14 * MINUTE)
    later = order_fact(changed, fetched=NOON + HOUR + 15 * MINUTE)
    assert ids(folded(order_fact(order()), soon).outputs) == [PLACED]
    told = events(folded(order_fact(order()), soon, later).outputs)
    assert [event.id for event in told] == [PLACED, f"{CHANGED}:11-10@{NOON + HOUR}"]
    assert (told[1].at, told[1].properties["previous_status"]) == (NOON + HOUR, "Awaiting Fulfillment")


def test_pairs_from_before_a_jump_are_told_no_more_and_later_ones_are() -> None:
    jumped = order_fact(order(10, modified=NOON + HOUR), fetched=NOON + 2 * HOUR)
    late = order_fact(order(10), fetched=NOON + 3 * HOUR, pairs=[("a", NOON + HOUR + 2000, 11, 10)])
    next_one = order_fact(order(13), fetched=NOON + 4 * HOUR, pairs=[("b", NOON + 4 * HOUR, 10, 13)])
    ran = folded(order_fact(order()), jumped, late, next_one)
    assert ids(ran.outputs) == [PLACED, f"{CHANGED}:11-10@{NOON + HOUR}", f"{CHANGED}:b"]


def test_a_pair_that_comes_late_explains_no_jump_back() -> None:
    shipped = order_fact(order(10), fetched=NOON + HOUR, pairs=[("b", NOON + 2 * MINUTE, 2, 10)])
    late = order_fact(order(10), fetched=NOON + 2 * HOUR, pairs=[("a", NOON + MINUTE, 11, 2)])
    again = order_fact(order(10), fetched=NOON + 3 * HOUR)
    ran = folded(order_fact(order(), fetched=NOON + 1), shipped, late, again)
    assert ids(ran.outputs) == [PLACED, f"{CHANGED}:b", f"{CHANGED}:a"]


def test_changes_before_placement_are_not_told() -> None:
    declined = order_fact(order(6), fetched=NOON + HOUR, pairs=[("a", NOON + MINUTE, 7, 6)])
    assert ids(folded(order_fact(order(7)), declined).outputs) == []


# --- order_refunded, order_updated ------------------------------------------------------------------------------------


def test_each_refund_is_told_once_with_what_remains_after_it() -> None:
    first, second = (3, NOON + MINUTE, "20.00"), (4, NOON + HOUR, "49.84")
    ran = folded(
        order_fact(order(), fetched=NOON + 1),
        order_fact(order(14), fetched=NOON + MINUTE, refunds=[first]),
        order_fact(order(4), fetched=NOON + HOUR, refunds=[second, first]),
    )
    told = [event for event in events(ran.outputs) if event.name == "order_refunded"]
    assert [(event.id, event.at) for event in told] == [
        ("order_refunded:shop:100:3", NOON + MINUTE),
        ("order_refunded:shop:100:4", NOON + HOUR),
    ]
    amounts = ("refund_id", "refund_amount", "total_remaining", "total")
    assert [tuple(event.properties[name] for name in amounts) for event in told] == [
        ("3", 20, 49.84, 69.84),
        ("4", 49.84, 0, 69.84),
    ]


def test_a_fetched_change_that_is_nothing_else_is_an_update_if_listed() -> None:
    moved = order(billing_address=billing(city="Dallas"), modified=NOON + HOUR)
    history = [order_fact(order()), order_fact(moved, fetched=NOON + HOUR)]
    told = events(folded(*history).outputs)
    assert [(event.name, event.at) for event in told] == [("order_placed", NOON), ("order_updated", NOON + HOUR)]
    assert told[1].id.startswith("order_updated:shop:100:")
    assert ids(run(OrdersFold(WITHOUT_UPDATES), history).outputs) == [PLACED]


def test_an_update_is_told_again_when_the_order_becomes_what_it_was() -> None:
    cities = ["Austin", "Dallas", "Austin"]
    history = [
        order_fact(order(billing_address=billing(city=city), modified=NOON + n * HOUR), fetched=NOON + n * HOUR + 1)
        for n, city in enumerate(cities)
    ]
    assert len(set(ids(folded(*history).outputs))) == 3


def test_a_new_status_alone_is_no_update() -> None:
    shipped = order_fact(order(2, modified=NOON + HOUR), fetched=NOON + HOUR, pairs=[("a", NOON + HOUR, 11, 2)])
    assert ids(folded(order_fact(order()), shipped).outputs) == [PLACED, f"{CHANGED}:a"]


def test_an_order_that_was_nobodys_for_long_is_not_announced_when_it_becomes_somebodys() -> None:
    nobodys = order(customer=0, created=NOON - 13 * DAY, billing_address=billing(email="none"))
    somebodys = order(customer=7, created=NOON - 13 * DAY, modified=NOON)
    ran = folded(order_fact(nobodys, fetched=NOON - HOUR), order_fact(somebodys, fetched=NOON + MINUTE))
    assert ids(ran.outputs) == []
    new = order(customer=0, created=NOON - HOUR, billing_address=billing(email="none"))
    ran = folded(order_fact(new, fetched=NOON - HOUR), order_fact(order(customer=7, modified=NOON)))
    assert ids(ran.outputs) == ["order_placed:shop:100"]
