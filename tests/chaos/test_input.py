"""The input of the chaos run is fit for an exact comparison, and has in it what the comparison is about."""

import pytest

from schemas import topics
from tests.chaos.history import INPUTS, PARTITIONS, history
from tests.chaos.memory import folded
from tests.chaos.outcome import differences

PEOPLE = 100


@pytest.mark.parametrize("seed", [1, 2])
def test_partitions_of_a_day_may_be_folded_in_any_order(seed: int) -> None:
    days = history(seed, people=PEOPLE)
    assert differences(folded(days, 1), folded(days, 2)) == []


def test_a_seed_gives_the_same_input_each_time() -> None:
    assert history(3, people=20) == history(3, people=20)
    assert history(3, people=20) != history(4, people=20)


def test_everything_that_may_be_told_is_told() -> None:
    found = folded(history(1, people=PEOPLE), 1)
    assert {id_.partition(":")[0] for id_ in found.once} == {
        "customer_created",
        "customer_updated",
        "order_placed",
        "order_status_changed",
        "order_refunded",
        "order_updated",
        "cart_created",
        "cart_updated",
        "cart_abandoned",
        "cart_recovered",
        "rename",
        "delete",
    }
    assert {id_.partition(":")[0] for id_ in found.upserts} == {"contact", "order", "product", "category"}
    assert all(found.tables[name] for name in ("orders", "carts", "customers", "subscribers", "contacts"))
    assert found.counted[topics.CART_LIFECYCLE]
    assert found.counted[topics.REQUEST]
    assert found.counted[topics.dead(topics.ORDER)]
    assert found.counted[topics.dead(topics.CART)]


def test_all_topics_and_partitions_have_their_share_and_keys_come_again_after_their_tombstones() -> None:
    writes = [write for day in history(1, people=PEOPLE) for write in day]
    assert {write.topic for write in writes} == set(INPUTS)
    assert {(write.topic, write.partition) for write in writes if write.topic == topics.ORDER} == {
        (topics.ORDER, partition) for partition in range(PARTITIONS)
    }
    gone, again = set(), set()
    for write in writes:
        key = write.topic, write.key
        if write.value is None:
            gone.add(key)
        elif key in gone:
            again.add(key)
    assert {topic for topic, _ in again} >= {
        topics.CUSTOMER,
        topics.ORDER,
        topics.CART,
        topics.SUBSCRIBER,
        topics.PRODUCT,
    }
