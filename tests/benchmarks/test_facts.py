"""The facts of the benchmarks are those of a shop: mixed as told, as large as the enricher's, and all are folded."""

from collections import Counter
from pathlib import Path
from statistics import mean

import msgspec
import pytest

from benchmarks.facts import DAY, SPAN, Traffic
from benchmarks.folds_alone import Alone
from benchmarks.shop import components
from projections.fold import Output
from schemas import topics
from schemas.facts import CartFact, CustomerFact, OrderFact, ProductFact
from streams import topology
from streams.access import Kafka

END = 1_788_264_000_000
COUNT = 4_000
KINDS: dict[str, type] = {
    topics.CART: CartFact,
    topics.ORDER: OrderFact,
    topics.CUSTOMER: CustomerFact,
    topics.PRODUCT: ProductFact,
}


@pytest.fixture(scope="module")
def facts() -> list[Output]:
    return list(Traffic(END).facts(COUNT))


def carts(facts: list[Output]) -> list[CartFact]:
    return [msgspec.json.decode(fact.value or b"", type=CartFact) for fact in facts if fact.topic == topics.CART]


def test_seventy_of_a_hundred_are_carts_twenty_orders_and_the_rest_customers_and_products(facts: list[Output]) -> None:
    expected = {topics.CART: 14, topics.ORDER: 4, topics.CUSTOMER: 1, topics.PRODUCT: 1}
    for start in range(0, COUNT, 1_000):
        found = Counter(fact.topic for fact in facts[start : start + 1_000])
        assert found == {topic: 50 * count for topic, count in expected.items()}


def test_the_same_seed_gives_the_same_facts_and_another_does_not(facts: list[Output]) -> None:
    assert list(Traffic(END).facts(COUNT)) == facts
    assert list(Traffic(END, seed=2).facts(COUNT)) != facts


def test_entities_are_whole(facts: list[Output]) -> None:
    sizes = {kind: mean(len(fact.value or b"") for fact in facts if fact.topic == kind) for kind in KINDS}
    assert 1_500 < sizes[topics.CART] < 3_000
    assert 6_000 < sizes[topics.ORDER] < 8_000
    assert sizes[topics.CUSTOMER] > 1_000
    assert sizes[topics.PRODUCT] > 3_000


def test_everything_happens_in_forty_minutes_of_a_store_that_is_live(facts: list[Output]) -> None:
    for fact in facts:
        seen = msgspec.json.decode(fact.value or b"", type=KINDS[fact.topic])
        assert END - SPAN <= seen.fetched_at <= END + 1_000
        assert seen.live_since == END - 30 * DAY
        assert seen.causes


def test_three_of_four_carts_belong_to_nobody_and_some_find_their_owner_later(facts: list[Output]) -> None:
    owned = Counter[bool]()
    looks: dict[str, list[bool]] = {}
    for fact in carts(facts):
        if fact.entity:
            known = bool(fact.entity.customer_id or fact.entity.email)
            owned[known] += 1
            looks.setdefault(fact.id, []).append(known)
    assert 0.68 < owned[False] / owned.total() < 0.85
    assert sum(1 for seen in looks.values() if seen[-1] and not seen[0]) > 30


def test_carts_change_several_times_and_some_are_converted_or_deleted(facts: list[Output]) -> None:
    found = carts(facts)
    assert 3 < len(found) / len({fact.id for fact in found}) < 6
    kinds = Counter(fact.kind for fact in found)
    assert kinds["converted"] > 50
    assert kinds["deleted"] > 30


def test_orders_go_through_their_statuses_by_pairs_that_meet(facts: list[Output]) -> None:
    status: dict[str, int] = {}
    for fact in facts:
        if fact.topic == topics.ORDER:
            order = msgspec.json.decode(fact.value or b"", type=OrderFact)
            (pair,) = order.status_changes
            assert pair.previous == status.get(order.id, 0)
            assert pair.new == order.entity.status_id
            status[order.id] = pair.new
    assert len(status) < 0.5 * sum(fact.topic == topics.ORDER for fact in facts)


def test_a_few_customers_buy_most(facts: list[Output]) -> None:
    orders = [msgspec.json.decode(f.value or b"", type=OrderFact).entity for f in facts if f.topic == topics.ORDER]
    counts = Counter(order.customer_id for order in orders if order.customer_id)
    assert sum(count for _, count in counts.most_common(len(counts) // 4)) > 0.5 * counts.total()


def test_headers_are_those_of_the_enricher(facts: list[Output]) -> None:
    cart = next(fact for fact in facts if fact.topic == topics.CART)
    headers = dict(cart.headers)
    assert headers["ce_type"] == b"commerce.cart.fetched"
    assert headers["content-type"] == b"application/json"
    assert headers["ce_time"].startswith(b"2026-09-01T")


def test_every_fact_is_folded_and_each_order_is_told_with_its_events(facts: list[Output], tmp_path: Path) -> None:
    alone = Alone(topology.folds(components(Kafka("none:1"), "t-", tmp_path).fold_settings()))
    told = alone.run(facts)  # raises BadRecord for what cannot be folded
    kinds = Counter(msgspec.json.decode(command.value or b"", type=dict)["kind"] for command in told)
    assert kinds["order"] == sum(fact.topic == topics.ORDER for fact in facts)
    assert kinds["event"] > 0.8 * kinds["order"]
    assert kinds["product"] > 0.05 * COUNT
    assert kinds["contact"] >= len({key for key, value in alone.tables["contacts"].items() if value}) > 100
