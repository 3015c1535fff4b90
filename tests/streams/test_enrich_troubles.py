"""Whatever BigCommerce answers, nothing is lost, nothing else is held up, and it is said what is wrong."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from schemas import topics
from schemas.requests import Resource, Sync
from tests.connectors.bigcommerce_shop import NOBODY, START, TOKEN, item
from tests.streams.enriching import Enriching, enriching

pytestmark = pytest.mark.kafka


@pytest.fixture
async def world(kafka: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Enriching]:
    async with enriching(kafka, topic_prefix, tmp_path, give_up_after=4) as world:
        yield world


def sell(world: Enriching, count: int = 1) -> list[str]:
    orders = [world.shop.store.orders.place([item()], email="ida@example.com", billing=NOBODY) for _ in range(count)]
    return [str(order.id) for order in orders]


async def test_a_wrong_token_disconnects_the_store_and_keeps_everything_until_it_is_right(world: Enriching) -> None:
    world.shop.emulator.gate.token = "another"
    world.shop.store.customers.register(email="ida@example.com", first_name="Ida", last_name="Lund")
    orders = sell(world, 3)
    await world.feed()
    await world.until(lambda: world.shop.clock.now() > START + 190_000, "some minutes go by")
    assert world.store.troubles.disconnected
    trouble = world.store.troubles.present["connection"]
    assert "does not accept the access token" in trouble.message
    assert trouble.since <= START + 2_000
    assert 3 <= len(world.shop.requests.seen) <= 5  # one try a minute, whatever waits
    await world.stop()
    await world.start()
    assert world.store.troubles.present["connection"].since == trouble.since
    world.shop.emulator.gate.token = TOKEN
    await world.quiet()
    assert world.store.troubles.present == {}
    assert set(await world.newest(topics.ORDER)) == set(orders)
    assert len(await world.newest(topics.CUSTOMER)) == 1


async def test_a_missing_scope_stops_one_resource_names_the_scope_and_is_tried_again(world: Enriching) -> None:
    world.shop.emulator.gate.missing.add("store_v2_customers")
    customer = world.shop.store.customers.register(email="ida@example.com", first_name="Ida", last_name="Lund")
    orders = sell(world)
    await world.feed()
    await world.read("order", orders[0])
    await world.until(lambda: "customer" in world.store.troubles.present, "the trouble is told")
    trouble = world.store.troubles.present["customer"]
    assert (trouble.kind, "store_v2_customers" in trouble.message) == ("scope", True)
    assert not world.store.troubles.disconnected
    world.shop.emulator.gate.missing.clear()
    await world.quiet()
    assert list(await world.newest(topics.CUSTOMER)) == [str(customer.id)]
    assert world.store.troubles.present == {}


async def test_an_import_goes_on_with_other_resources_while_one_lacks_its_scope(world: Enriching) -> None:
    sell(world, 2)
    world.log[topics.WEBHOOK].clear()
    world.shop.emulator.gate.missing.add("store_v2_products")
    resources: tuple[Resource, ...] = ("categories", "products", "orders")
    await world.ask(Sync(store=world.shop.store.store_hash, id="a", at=START, resources=resources))
    await world.until(lambda: world.store.importer.jobs[0].left == ["categories", "products"], "orders are imported")
    assert world.store.troubles.present["categories"].kind == "scope"
    world.shop.emulator.gate.missing.clear()
    await world.quiet()
    assert len(await world.newest(topics.PRODUCT)) == 3
    assert len(await world.newest(topics.CATEGORY)) == 2
    assert world.store.troubles.present == {}


async def test_without_the_scope_for_the_stores_settings_everything_else_goes_on(world: Enriching) -> None:
    world.shop.emulator.gate.missing.add("store_v2_information")
    orders = sell(world)
    await world.feed()
    await world.read("order", orders[0])
    assert world.store.troubles.present["store"].kind == "scope"
    world.shop.emulator.gate.missing.clear()
    await world.quiet()
    assert world.store.state.info.currency == "USD"


@pytest.mark.parametrize("fault", ["500", "429", "bare 429", "hang", "garbage"])
async def test_faults_lose_nothing(world: Enriching, fault: str) -> None:
    faults = world.shop.emulator.faults
    for n in range(20):
        world.shop.store.customers.register(email=f"c{n}@example.com", first_name="C", last_name=str(n))
    world.shop.store.subscribers.subscribe("c0@example.com", ("abandoned_cart",))
    cart = world.shop.store.carts.create([item()])
    orders = sell(world, 5)
    match fault:
        case "500":
            faults.fail(500, times=20)
        case "429":
            faults.limit(times=20)
        case "bare 429":
            faults.limit(times=5, headers=False)
        case "hang":
            faults.hang(times=8)
        case "garbage":
            faults.garble(times=14)
    await world.feed()
    await world.quiet()
    assert len(await world.newest(topics.CUSTOMER)) == 20
    assert set(await world.newest(topics.ORDER)) == set(orders)
    assert list(await world.newest(topics.CART)) == [cart.id]
    assert len(await world.newest(topics.SUBSCRIBER)) == 1 + 1  # the checkout of the orders left one too
    assert await world.facts_raw(topics.dead(topics.WEBHOOK)) == []
    assert world.store.troubles.present == {}
    assert world.shop.emulator.faults.met >= 5


async def test_one_part_of_the_api_that_is_down_holds_up_no_other(world: Enriching) -> None:
    world.shop.emulator.faults.fail(503, times=10_000, path="/v2/orders")
    orders = sell(world, 10)
    customer = world.shop.store.customers.register(email="ida@example.com", first_name="Ida", last_name="Lund")
    cart = world.shop.store.carts.create([item()])
    await world.feed()
    marks = world.store.marks
    await world.until(
        lambda: not marks.marked("customer", str(customer.id)) and not marks.marked("cart", cart.id), "the rest is read"
    )
    assert world.shop.clock.now() <= START + 12_000
    await world.until(lambda: world.shop.clock.now() > START + 600_000, "ten minutes go by")
    assert marks.count("order") == 10
    assert world.store.troubles.present["order"].kind == "unavailable"
    assert len(world.shop.requests.to("/v2/orders/.*")) < 60  # a lane in trouble does not use up the quota
    world.shop.faults_over()
    await world.quiet()
    assert set(await world.newest(topics.ORDER)) == set(orders)


async def test_an_entity_that_spoils_every_answer_ends_alone_in_the_dead_letters(world: Enriching) -> None:
    spoiled = world.shop.store.orders.place([item()], email="ida@example.com", billing=NOBODY)
    good = sell(world, 3)
    world.shop.emulator.faults.garble(times=10_000, path=f"/v2/orders/{spoiled.id}")
    await world.feed()
    await world.quiet()
    (dead,) = await world.facts_raw(topics.dead(topics.WEBHOOK))
    letter = msgspec.json.decode(dead[0] or b"")
    assert (letter["kind"], letter["id"]) == ("order", str(spoiled.id))
    assert [cause["scope"] for cause in letter["causes"]] == ["store/order/created"]
    assert dead[1]["__connect.errors.exception.class.name"] == "Garbage"
    assert world.store.lanes.counts.given_up == 1
    assert set(await world.newest(topics.ORDER)) == set(good)


async def test_the_quota_is_kept_and_marks_go_on_coalescing_while_it_is_used_up(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with enriching(kafka, topic_prefix, tmp_path, quota=12) as world:
        orders = sell(world, 60)
        customer = world.shop.store.customers.register(email="ida@example.com", first_name="Ida", last_name="Lund")
        await world.feed()
        await world.until(lambda: len(world.shop.requests.seen) >= 11, "the quota of the window is used up")
        for n in range(20):
            world.shop.store.customers.change_profile(customer.id, first_name=f"Ida {n}")
            await world.feed()
        await world.quiet()
        assert world.shop.emulator.quota.refused == 0
        assert set(await world.newest(topics.ORDER)) == set(orders)
        assert len(world.shop.requests.to("/v3/customers")) <= 2
        assert world.shop.clock.now() <= START + 7 * 30_000


async def test_the_uninstalled_app_is_told(world: Enriching) -> None:
    world.add_delivery("store/app/uninstalled", {"type": "store"})
    await world.feed()
    assert world.store.troubles.present["connection"].kind == "uninstalled"


async def test_an_owner_that_stops_in_order_leaves_nothing_behind(world: Enriching) -> None:
    world.shop.emulator.faults.hang(times=10, path="/v2/orders")
    orders = sell(world, 3)
    await world.feed()
    await world.until(lambda: world.shop.emulator.faults.met >= 2, "orders are being read")
    owner = world.owner
    assert owner is not None
    await world.stop()
    left = [task.get_name() for task in asyncio.all_tasks() if "enrich.changelog" in task.get_name()]
    assert left == []
    world.shop.faults_over()
    await world.start()
    await world.quiet()
    assert set(await world.newest(topics.ORDER)) == set(orders)
