"""The watch over the webhooks: what is down is put right, and exactly what was missed is asked for."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connectors.bigcommerce.hooks import EXCEPTIONS, exceptions_path_of, path_of
from connectors.bigcommerce.hooks_admin import RETRIES_MS, SETTLES_MS
from emulators.bigcommerce.faults import Faults
from schemas import topics
from streams.enrich.watch import EVERY_MS
from tests.hooks.world import HASH, HOUR, MINUTE, World, world

pytestmark = pytest.mark.kafka


@pytest.fixture
async def here(kafka: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[World]:
    async with world(kafka, topic_prefix, tmp_path) as here:
        yield here


async def test_the_hooks_are_made_at_the_start_and_nothing_was_missed(here: World) -> None:
    assert {hook.scope for hook in here.shop.hooks.all()} == set(here.enricher_hooks())
    assert {hook.destination.partition("/webhooks")[2] for hook in here.shop.hooks.all()} == {
        path_of(HASH).removeprefix("/webhooks"),
        exceptions_path_of(HASH).removeprefix("/webhooks"),
    }
    order = here.place()
    await here.run(lambda: here.door.seen.total() > 0, "the order is delivered")
    await here.run_for(10 * MINUTE)
    assert str(order) in await here.facts(topics.ORDER)
    assert await here.reconciles() == []
    assert here.enricher.watch is not None
    assert here.enricher.watch.findings == []


async def test_an_inactive_hook_is_reactivated_and_what_was_missed_is_asked_for_with_its_resources(
    here: World,
) -> None:
    good = here.memory.good["store/order/created"]
    for scope in ("store/order/created", "store/order/updated"):
        here.shop.hooks.change(here.hook(scope), {"is_active": False})
    order = here.place()  # nobody is told
    await here.run(lambda: here.hook("store/order/created").is_active, "it is active again")
    back = here.clock.now()
    await here.run_for(SETTLES_MS + 10_000)
    (asked,) = await here.reconciles()
    assert asked.resources == ("orders",)
    assert asked.since == good
    assert back + SETTLES_MS <= asked.until <= back + SETTLES_MS + 2_000
    assert back - good <= EVERY_MS + 2_000
    assert (await here.facts(topics.ORDER))[str(order)]["origin"] == "reconcile"
    await here.run_for(HOUR)
    assert len(await here.reconciles()) == 1


async def test_a_hook_that_was_deleted_is_made_again(here: World) -> None:
    here.shop.hooks.delete(here.hook("store/customer/created"))
    here.shop.hooks.delete(here.hook("store/cart/created"))
    customer = here.store.customers.register(email="ida@example.com", first_name="Ida", last_name="Lund")
    await here.run_for(EVERY_MS + SETTLES_MS + 10_000)
    assert here.hook("store/customer/created").is_active
    (asked,) = await here.reconciles()
    assert asked.resources == ("customers", "carts")
    assert str(customer.id) in await here.facts(topics.CUSTOMER)


async def test_somebody_who_repairs_a_hook_between_two_looks_is_seen_by_its_time_of_change(here: World) -> None:
    good = here.memory.good["store/order/created"]
    await here.run_for(5_000)
    here.shop.hooks.change(here.hook("store/order/created"), {"is_active": False})
    order = here.place()
    await here.run_for(5_000)
    here.shop.hooks.change(here.hook("store/order/created"), {"is_active": True})
    back = here.clock.now()
    await here.run_for(EVERY_MS + SETTLES_MS)
    (asked,) = await here.reconciles()
    assert (asked.since, asked.resources) == (good, ("orders",))
    assert back + SETTLES_MS <= asked.until <= back + SETTLES_MS + 1_000
    assert (await here.facts(topics.ORDER))[str(order)]["origin"] == "reconcile"


async def test_a_gateway_that_was_away_for_two_days_costs_the_hook_and_nothing_else(here: World) -> None:
    """Twelve attempts within 48 hours fail, BigCommerce gives the hook up, the watch takes it back."""
    assert here.enricher.watch is not None
    every = here.enricher.watch.every_ms = HOUR  # as it is, two days would be 1,440 looks
    here.door.answer = 500
    first = here.place()
    began = here.clock.now()
    await here.run(lambda: here.shop.deliveries.counters.deactivated > 0, "BigCommerce gives the hook up", 120)
    given_up = here.clock.now()
    assert given_up - began > 48 * HOUR
    later = here.place()  # before anybody has looked again
    here.door.answer = None
    await here.run_for(every + SETTLES_MS + 10_000)
    assert here.hook("store/order/created").is_active
    found = await here.facts(topics.ORDER)
    assert {found[str(order)]["origin"] for order in (first, later)} == {"reconcile"}
    (asked,) = await here.reconciles()
    assert asked.resources == ("subscribers", "orders")  # each checkout makes a subscriber
    assert asked.since < began  # what had failed was still being repeated, and went with the hook
    assert asked.since >= given_up - every - RETRIES_MS - 2_000
    assert given_up + SETTLES_MS <= asked.until <= given_up + every + SETTLES_MS + 2_000


async def test_a_blocked_domain_is_reported_with_the_time_left_and_what_was_missed_is_asked_for(here: World) -> None:
    here.door.answer = 503
    began = here.clock.now()
    orders = [here.place() for _ in range(110)]
    await here.run(lambda: here.shop.deliveries.counters.blocks == 1, "the domain is blocked")
    blocked = here.clock.now()
    watch = here.enricher.watch
    assert watch is not None
    await here.run(lambda: any(one.kind == "blocked" for one in watch.findings), "it is seen")
    (sentence,) = [one.sentence for one in watch.findings if one.kind == "blocked"]
    assert "BigCommerce sends nothing there for another " in sentence
    assert "Non-200 response received (503) (" in sentence
    here.door.answer = None
    await here.run_for(10 * MINUTE)
    assert not any(one.kind == "blocked" for one in watch.findings)
    asked = await here.reconciles()
    assert any(each.since <= began and each.until >= blocked + 180_000 for each in asked)
    assert {resource for each in asked for resource in each.resources} == {
        "customers",
        "subscribers",
        "orders",
        "products",
        "categories",
        "carts",
    }
    assert {str(order) for order in orders} <= (await here.facts(topics.ORDER)).keys()
    # BigCommerce told of both on their own path, and it is remembered.
    assert {told.code for told in here.memory.told} == {90_001, 90_003}
    exceptions = {path for path, _ in here.door.seen if path.endswith("/exceptions")}
    assert exceptions == {exceptions_path_of(HASH)}
    told = [one.sentence for one in watch.findings if one.kind == "exception"]
    assert any("(90003, it sends nothing to this domain for three minutes): Domain temporarily" in one for one in told)
    assert any("(90001, it will try again): Non-200 response received (503), will retry" in one for one in told)


async def test_a_hook_about_hooks_that_fell_asleep_is_repaired_and_nothing_has_to_be_asked_for(here: World) -> None:
    here.shop.hooks.deactivate(here.hook(EXCEPTIONS))
    await here.run_for(EVERY_MS + SETTLES_MS + 10_000)
    assert here.hook(EXCEPTIONS).is_active
    assert await here.reconciles() == []
    assert here.memory.gaps == {}


async def test_while_bigcommerce_does_not_answer_the_watch_waits_and_looks_again(here: World) -> None:
    here.shop.faults.fail(503, 1_000, path="/v3/hooks")
    here.shop.hooks.deactivate(here.hook("store/order/created"))
    await here.run_for(5 * MINUTE)
    assert not here.hook("store/order/created").is_active
    here.shop.faults = here.shop.gate.faults = Faults()
    await here.run_for(2 * MINUTE)
    assert here.hook("store/order/created").is_active
