"""The request behind a retry: the enricher reads the entity and writes its fact, whether or not it has changed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from schemas import topics
from schemas.facts import Cause, StatusChange
from schemas.requests import Entity, FetchEntity
from tests.connectors.bigcommerce_shop import NOBODY, item
from tests.streams.enriching import Enriching, enriching

pytestmark = pytest.mark.kafka


@pytest.fixture
async def world(kafka: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Enriching]:
    async with enriching(kafka, topic_prefix, tmp_path, most_marks=2, parts=("orders", "carts")) as world:
        yield world


def wanted(world: Enriching, entity: Entity, id_: str, cause: Cause | None = None) -> FetchEntity:
    shop = world.shop
    causes = (cause,) if cause else ()
    changes = (StatusChange(cause.hash, cause.created_at, 1, 2),) if cause else ()
    at = shop.clock.now()
    return FetchEntity(
        store=shop.store.store_hash, entity=entity, id=id_, at=at, causes=causes, changes=changes, refunded=bool(cause)
    )


def sell(world: Enriching, cart_id: str | None = None) -> str:
    orders = world.shop.store.orders
    return str(orders.place([item()], email="ida@example.com", billing=NOBODY, cart_id=cart_id).id)


async def test_what_the_dead_record_knew_of_deliveries_is_in_the_new_fact(world: Enriching) -> None:
    order = sell(world)
    world.log[topics.WEBHOOK].clear()
    cause = Cause("store/order/statusUpdated", "h1", world.shop.clock.now())
    await world.ask(wanted(world, "order", order, cause))
    await world.quiet()
    (fact,) = await world.facts(topics.ORDER)
    assert fact.body is not None
    assert (
        [one["hash"] for one in fact.body["causes"]] == [one["hash"] for one in fact.body["status_changes"]] == ["h1"]
    )
    assert world.shop.requests.to(f"/v3/orders/{order}/payment_actions/refunds")


async def test_a_cart_that_an_order_took_is_told_again(world: Enriching) -> None:
    cart = world.shop.store.carts.create([item()])
    order = sell(world, cart.id)
    await world.feed()
    await world.quiet()
    before = await world.facts(topics.CART)
    await world.ask(wanted(world, "cart", cart.id))
    await world.quiet()
    (again,) = (await world.facts(topics.CART))[len(before) :]
    assert again.body is not None
    assert (again.body["kind"], str(again.body["order_id"]), again.body["origin"]) == ("converted", order, "request")


async def test_it_outlives_a_restart_and_is_not_lost_among_too_many_others(world: Enriching) -> None:
    old = sell(world)
    await world.feed()
    await world.quiet()
    known = len(await world.facts(topics.ORDER))
    others = [sell(world) for _ in range(4)]
    await world.ask(wanted(world, "order", old))
    marks = world.store.marks
    assert [marks.marked("order", one) for one in (old, *others)] == [True, False, False, False, False]
    await world.stop()
    await world.start()
    assert world.store.marks.marked("order", old)
    world.shop.emulator.faults.fail(503, times=1, path=f"/v2/orders/{old}")
    await world.read("order", old)
    fact = (await world.newest(topics.ORDER))[old]
    assert fact.body is not None
    assert fact.body["origin"] == "request"
    await world.quiet()
    assert len(await world.facts(topics.ORDER)) > known


async def test_what_cannot_be_fetched_is_a_dead_letter_with_the_reason(world: Enriching) -> None:
    await world.ask(wanted(world, "customer", "7"))
    await world.ask(wanted(world, "order", "7/../8"))
    reasons = [
        headers["__connect.errors.exception.message"]
        for _, headers in await world.facts_raw(topics.dead(topics.REQUEST))
    ]
    assert "its part of `sync` is off" in reasons[0]
    assert reasons[1] == "There can be no order with the id '7/../8'."
    assert world.shop.requests.to("/v2/orders/.*") == []
