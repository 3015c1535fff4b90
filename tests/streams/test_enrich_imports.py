"""Imports and reconciles: complete, resumed where they were, never over something newer."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from schemas import topics
from schemas.requests import Reconcile, Sync
from tests.connectors.bigcommerce_shop import NOBODY, START, item
from tests.streams.enriching import Enriching, enriching

pytestmark = pytest.mark.kafka


@pytest.fixture
async def world(kafka: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Enriching]:
    async with enriching(kafka, topic_prefix, tmp_path) as world:
        yield world


def populate(world: Enriching, people: int) -> None:
    """Customers, subscribers and an order each, of which no delivery tells."""
    shop = world.shop.store
    for n in range(people):
        email = f"c{n}@example.com"
        customer = shop.customers.register(email=email, first_name="C", last_name=str(n))
        order = shop.orders.place([item()], email=email, billing=NOBODY, customer_id=customer.id)
        if n % 20 == 0:
            shop.orders.refund(order.id, order.total)
            shop.orders.change_status(order.id, 10)
    world.log[topics.WEBHOOK].clear()


def sync(world: Enriching, name: str = "first", **more: object) -> Sync:
    return Sync(store=world.shop.store.store_hash, id=name, at=world.shop.clock.now(), **more)  # type: ignore[arg-type]


async def test_an_import_brings_everything_in_its_order_with_refunds_and_says_how_far_it_is(world: Enriching) -> None:
    populate(world, 300)
    await world.ask(sync(world))
    await world.quiet()
    for topic, expected in (
        (topics.CUSTOMER, 300),
        (topics.SUBSCRIBER, 300),
        (topics.ORDER, 300),
        (topics.PRODUCT, 3),
        (topics.CATEGORY, 2),
    ):
        facts = await world.facts(topic)
        assert (topic, len(facts), len({fact.key for fact in facts})) == (topic, expected, expected)
        assert {fact.body["origin"] for fact in facts if fact.body} == {"import"}
        assert {fact.body["live_since"] for fact in facts if fact.body} == {START}
        assert all("causes" not in fact.body for fact in facts if fact.body)
    refunded = [fact.body for fact in await world.facts(topics.ORDER) if fact.body and fact.body.get("refunds")]
    assert len(refunded) == 15
    assert world.owner is not None
    progress = {name.partition("/")[2]: each for name, each in world.owner.progress.items()}
    assert list(progress) == ["subscribers", "customers", "categories", "products", "orders"]
    assert (progress["orders"].count, progress["orders"].total, progress["orders"].requests) == (300, 300, 5)
    assert (progress["customers"].count, progress["customers"].total) == (300, 300)
    assert all(each.finished_at is not None for each in progress.values())
    paths = [path for _, path, _ in world.shop.requests.seen]
    assert paths.index("/v3/customers/subscribers") < paths.index("/v3/customers") < paths.index("/v2/orders")


async def test_the_same_job_twice_is_one_job_and_another_one_is_another(world: Enriching) -> None:
    populate(world, 3)
    for name in ("one", "one", "two"):
        await world.ask(sync(world, name, resources=("customers",)))
        await world.quiet()
    assert len(world.shop.requests.to("/v3/customers")) == 2
    facts = [fact.body for fact in await world.facts(topics.CUSTOMER) if fact.body]
    assert {body["live_since"] for body in facts} == {START}  # the first job's


async def test_what_is_marked_after_its_page_was_asked_for_is_not_written_from_the_page(world: Enriching) -> None:
    populate(world, 3)
    world.shop.emulator.faults.hang(path="/v2/customer_groups")
    world.shop.store.customers.get(1).customer_group_id = 1
    await world.ask(sync(world, resources=("customers",)))
    await world.until(lambda: world.shop.emulator.faults.met == 1, "the page is here, its groups are not")
    world.shop.store.customers.change_profile(2, first_name="Newer")
    await world.feed()
    await world.quiet()
    facts = [fact.body for fact in await world.facts(topics.CUSTOMER) if fact.body]
    assert [(body["entity"]["first_name"], body.get("origin", "webhook")) for body in facts if body["id"] == "2"] == [
        ("Newer", "webhook")
    ]
    assert len(facts) == 3


async def test_a_reconcile_brings_what_was_modified_in_its_window_and_only_that(world: Enriching) -> None:
    shop, clock = world.shop.store, world.shop.clock
    populate(world, 3)
    clock.advance(START + 3_600_000)
    shop.customers.change_form_field(2, "size", "L")  # fires no webhook
    shop.orders.change_status(shop.orders.of_customer(2)[0], 2)
    shop.catalogue.add_image(11, "front.jpg")
    world.log[topics.WEBHOOK].clear()
    clock.advance(START + 3_700_000)
    await world.ask(Reconcile(store=shop.store_hash, at=clock.now(), since=START + 3_500_000, until=clock.now()))
    await world.quiet()
    assert list(await world.newest(topics.CUSTOMER)) == ["2"]
    assert list(await world.newest(topics.PRODUCT)) == ["11"]
    (order,) = await world.facts(topics.ORDER)
    assert order.body is not None
    assert (order.body["origin"], order.body["entity"]["status_id"]) == ("reconcile", 2)


async def test_a_sync_of_carts_looks_at_the_open_ones_again(world: Enriching) -> None:
    carts = [world.shop.store.carts.create([item()]) for _ in range(3)]
    await world.feed()
    await world.quiet()
    world.shop.store.carts.delete(carts[1].id)
    world.log[topics.WEBHOOK].pop()  # and nobody told
    await world.ask(sync(world, resources=("carts",)))
    await world.quiet()
    kinds = {id_: fact.body["kind"] for id_, fact in (await world.newest(topics.CART)).items() if fact.body}
    assert kinds == {carts[0].id: "cart", carts[1].id: "deleted", carts[2].id: "cart"}


async def test_a_flood_of_marks_becomes_a_reconcile_and_loses_no_deletion(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with enriching(kafka, topic_prefix, tmp_path, most_marks=50) as world:
        shop = world.shop.store
        for n in range(80):
            shop.customers.register(email=f"c{n}@example.com", first_name="C", last_name=str(n))
        shop.customers.delete(7)
        await world.feed()
        assert [job.left for job in world.store.importer.jobs] == [["customers"]]
        assert world.store.backlog()["customer"] == 1
        await world.quiet()
        newest = await world.newest(topics.CUSTOMER)
        assert len(newest) == 80
        assert newest["7"].body is None


async def test_live_reads_go_on_while_an_import_has_used_up_its_part_of_the_quota(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with enriching(kafka, topic_prefix, tmp_path, quota=15) as world:  # 3 of them are left to live reads
        populate(world, 1_000)
        await world.ask(sync(world, resources=("customers", "orders")))  # 17 requests with the store's own
        order = world.shop.store.orders.place([item()], email="ida@example.com", billing=NOBODY)
        await world.feed()
        await world.quiet()
        facts = await world.facts(topics.ORDER)
        assert len({fact.key for fact in facts}) == 1_001
        live = next(fact.body for fact in facts if fact.body and fact.body["id"] == str(order.id))
        assert live["fetched_at"] == START + 2_000  # in the first window
        assert world.shop.clock.now() >= START + 30_000  # the import went on in the next
        assert world.shop.emulator.quota.refused == 0


async def test_a_change_of_which_no_delivery_tells_is_found_by_the_next_regular_reconcile(world: Enriching) -> None:
    populate(world, 3)
    await world.ask(sync(world))
    await world.quiet()
    order = world.shop.store.orders.place([item()], email="c1@example.com", billing=NOBODY, customer_id=2)
    world.log[topics.WEBHOOK].clear()
    seen = len(await world.facts(topics.ORDER))
    asked = len(world.shop.requests.to("/v2/orders"))
    await world.until(lambda: len(world.shop.requests.to("/v2/orders")) > asked, "it is asked")
    await world.quiet()
    assert world.shop.clock.now() >= START + 3_600_000
    found = [fact.body for fact in (await world.facts(topics.ORDER))[seen:] if fact.body]
    assert [body["origin"] for body in found if body["id"] == str(order.id)] == ["reconcile"]


async def test_reconciles_leave_no_gap_over_a_restart(world: Enriching) -> None:
    populate(world, 3)
    await world.ask(sync(world))
    await world.quiet()
    await world.stop()
    world.shop.clock.advance(world.shop.clock.now() + 7 * 3_600_000)
    order = world.shop.store.orders.place([item()], email="c1@example.com", billing=NOBODY, customer_id=2)
    world.log[topics.WEBHOOK].clear()
    world.shop.clock.advance(world.shop.clock.now() + 3 * 3_600_000)
    asked = len(world.shop.requests.to("/v2/orders"))
    await world.start()
    await world.until(lambda: len(world.shop.requests.to("/v2/orders")) > asked, "it is asked")
    await world.quiet()
    found = [fact.body for fact in await world.facts(topics.ORDER) if fact.body]
    assert str(order.id) in {body["id"] for body in found}
