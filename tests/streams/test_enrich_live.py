"""Deliveries become facts: coalesced, batched, with their causes, whatever goes away meanwhile."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from schemas import topics
from schemas.facts import CartFact, CustomerFact, OrderFact, ProductFact, SubscriberFact
from tests.connectors.bigcommerce_shop import NOBODY, START, item
from tests.streams.enriching import Enriching, Rec, enriching

pytestmark = pytest.mark.kafka
BOTH = ("marketing_newsletter", "abandoned_cart")


@pytest.fixture
async def world(kafka: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Enriching]:
    async with enriching(kafka, topic_prefix, tmp_path) as world:
        yield world


async def test_deliveries_in_a_row_cost_one_read_and_are_all_named_as_causes(world: Enriching) -> None:
    customer = world.shop.store.customers.register(email="ida@example.com", first_name="Ida", last_name="Lund")
    for n in range(59):
        world.shop.store.customers.change_profile(customer.id, first_name=f"Ida {n}")
    await world.feed()
    await world.quiet()
    assert len(world.shop.requests.to("/v3/customers")) == 1
    (fact,) = await world.facts(topics.CUSTOMER)
    assert fact.body is not None
    assert fact.body["entity"]["first_name"] == "Ida 58"
    assert fact.body["causes_count"] == 60
    assert len(fact.body["causes"]) == 50
    assert fact.body["causes"][0]["scope"] == "store/customer/created"
    assert fact.body["fetched_at"] == START + 2_000  # the window begins with the first delivery
    assert fact.body["store_currency"] == "USD"
    assert fact.body["store_country"] == "US"


async def test_the_same_delivery_twice_is_one_cause(world: Enriching) -> None:
    customer = world.shop.store.customers.register(email="ida@example.com", first_name="Ida", last_name="Lund")
    world.log[topics.WEBHOOK].clear()
    world.add_delivery("store/customer/created", {"type": "customer", "id": customer.id}, copies=3)
    await world.feed()
    await world.quiet()
    (fact,) = await world.facts(topics.CUSTOMER)
    assert fact.body is not None
    assert (fact.body["causes_count"], len(fact.body["causes"])) == (1, 1)


async def test_facts_are_cloud_events_and_fit_their_schemas(world: Enriching) -> None:
    shop = world.shop.store
    customer = shop.customers.register(email="ida@example.com", first_name="Ida", last_name="Lund", address=NOBODY)
    shop.customers.get(customer.id).customer_group_id = 2
    shop.subscribers.subscribe("ida@example.com", BOTH)
    order = shop.orders.place([item()], email="ida@example.com", billing=NOBODY, customer_id=customer.id)
    cart = shop.carts.create([item(11)], customer_id=customer.id)
    shop.catalogue.set_stock(10, 100, 0)
    shop.catalogue.edit_product(12, name="Renamed")
    shop.catalogue.rename_category(2, "Cassette")
    await world.feed()
    await world.quiet()
    told = {
        topic: (await world.facts(topic))[0]
        for topic in (topics.CUSTOMER, topics.SUBSCRIBER, topics.ORDER, topics.CART, topics.PRODUCT, topics.CATEGORY)
    }
    for topic, fact in told.items():
        kind = topic.split(".")[1]
        assert fact.headers["ce_type"] == f"commerce.{kind}.fetched"
        assert fact.headers["ce_source"] == f"stores/{shop.store_hash}"
        assert fact.headers["ce_time"] == "2026-02-25T06:13:22.000Z"
        assert fact.key.startswith(shop.store_hash + "/")
    raw = {topic: msgspec.json.encode(fact.body) for topic, fact in told.items()}
    assert msgspec.json.decode(raw[topics.ORDER], type=OrderFact).entity.id == order.id
    assert msgspec.json.decode(raw[topics.SUBSCRIBER], type=SubscriberFact).entity.consents == list(BOTH)
    cart_fact = msgspec.json.decode(raw[topics.CART], type=CartFact)
    assert (cart_fact.kind, cart_fact.entity and cart_fact.entity.id) == ("cart", cart.id)
    assert msgspec.json.decode(raw[topics.PRODUCT], type=ProductFact).url == f"https://{shop.domain}"
    entity = msgspec.json.decode(msgspec.json.decode(raw[topics.CUSTOMER], type=CustomerFact).entity)
    assert entity["customer_group"] == {"id": 2, "name": "Wholesale"}
    assert entity["addresses"][0]["city"] == "Springfield"


async def test_many_customers_are_read_in_batches_of_250(world: Enriching) -> None:
    for n in range(260):
        world.shop.store.customers.register(email=f"c{n}@example.com", first_name="C", last_name=str(n))
    await world.feed()
    await world.quiet()
    sizes = [len(query["id:in"].split(",")) for query in world.shop.requests.to("/v3/customers")]
    assert sizes == [250, 10]
    assert len(await world.newest(topics.CUSTOMER)) == 260


async def test_what_is_gone_is_a_tombstone(world: Enriching) -> None:
    shop = world.shop.store
    customer = shop.customers.register(email="ida@example.com", first_name="Ida", last_name="Lund")
    shop.customers.delete(customer.id)
    shop.catalogue.delete_product(11)
    world.add_delivery("store/category/deleted", {"type": "category", "id": 77})
    world.add_delivery("store/order/updated", {"type": "order", "id": 999})
    await world.feed()
    await world.quiet()
    for topic, id_ in (
        (topics.CUSTOMER, str(customer.id)),
        (topics.PRODUCT, "11"),
        (topics.CATEGORY, "77"),
        (topics.ORDER, "999"),
    ):
        fact = (await world.newest(topic))[id_]
        assert fact.body is None
        assert fact.headers["ce_type"].endswith(".deleted")
        assert fact.headers["ce_time"] == "2026-02-25T06:13:22.000Z"


async def test_what_is_marked_again_while_it_is_read_is_read_again(world: Enriching) -> None:
    customer = world.shop.store.customers.register(email="ida@example.com", first_name="Ida", last_name="Lund")
    await world.feed()
    await world.read("store", "")
    world.shop.emulator.faults.hang(path="/v3/customers")
    await world.until(lambda: world.shop.emulator.faults.met == 1, "the customer is being read")
    world.shop.store.customers.change_profile(customer.id, first_name="Later")
    await world.feed()
    await world.quiet()
    facts = await world.facts(topics.CUSTOMER)
    told = [(fact.body["entity"]["first_name"], fact.body["causes_count"]) for fact in facts if fact.body]
    assert told == [("Later", 1), ("Later", 1)]  # the first answer came after the change, but was asked for before it
    assert facts[1].body is not None
    assert facts[1].body["causes"][0]["scope"] == "store/customer/updated"


async def test_refunds_come_with_an_order_and_still_do_when_its_status_moves_on(world: Enriching) -> None:
    shop = world.shop.store
    order = shop.orders.place([item()], email="ida@example.com", billing=NOBODY)
    await world.feed()
    await world.quiet()
    shop.orders.refund(order.id, order.total / 2)
    await world.feed()
    await world.quiet()
    shop.orders.change_status(order.id, 10)
    await world.feed()
    await world.quiet()
    facts = await world.facts(topics.ORDER)
    told = [(fact.body["entity"]["status_id"], len(fact.body.get("refunds", []))) for fact in facts if fact.body]
    assert told == [(11, 0), (14, 1), (10, 1)]
    assert len(world.shop.requests.to(r"/v3/orders/\d+/payment_actions/refunds")) == 2


async def test_status_changes_are_kept_in_their_order_apart_from_causes(world: Enriching) -> None:
    shop = world.shop.store
    order = shop.orders.place([item()], email="ida@example.com", billing=NOBODY)
    for status in (9, 2, 10):
        shop.orders.change_status(order.id, status)
    await world.feed()
    await world.quiet()
    (fact,) = await world.facts(topics.ORDER)
    assert fact.body is not None
    assert [(change["previous"], change["new"]) for change in fact.body["status_changes"]] == [(11, 9), (9, 2), (2, 10)]


async def test_an_order_ends_its_cart_once_and_the_cart_is_not_read(world: Enriching) -> None:
    shop = world.shop.store
    cart = shop.carts.create([item()], email="ida@example.com")
    order = shop.orders.place(email="ida@example.com", billing=NOBODY, cart_id=cart.id)
    await world.feed()
    await world.quiet()
    shop.orders.change_status(order.id, 10)
    await world.feed()
    await world.quiet()
    (fact,) = await world.facts(topics.CART)
    assert fact.body is not None
    assert (fact.body["kind"], fact.body["order_id"]) == ("converted", order.id)
    assert world.shop.requests.to("/v3/carts/.*") == []


async def test_an_order_whose_conversion_was_never_delivered_ends_its_cart_too(world: Enriching) -> None:
    shop = world.shop.store
    cart = shop.carts.create([item()], email="ida@example.com")
    shop.orders.place(email="ida@example.com", billing=NOBODY, cart_id=cart.id)
    world.log[topics.WEBHOOK] = [
        Rec(offset, record.timestamp, record.key, record.value)
        for offset, record in enumerate(
            r for r in world.log[topics.WEBHOOK] if b"store/order/created" in (r.value or b"")
        )
    ]
    await world.feed()
    await world.quiet()
    fact = (await world.newest(topics.CART))[cart.id]
    assert fact.body is not None
    assert fact.body["kind"] == "converted"


async def test_an_incomplete_order_does_not_end_the_cart(world: Enriching) -> None:
    shop = world.shop.store
    order = shop.orders.place([item()], email="ida@example.com", billing=NOBODY, status_id=0)
    shop.orders.get(order.id).cart_id = "0b3c1a4e-0000-4000-8000-000000000000"
    await world.feed()
    await world.quiet()
    assert await world.facts(topics.CART) == []
    assert len(await world.facts(topics.ORDER)) == 1


async def test_an_emptied_cart_is_deleted(world: Enriching) -> None:
    cart = world.shop.store.carts.create([item()])
    await world.feed()
    await world.quiet()
    world.shop.store.carts.empty(cart.id)
    await world.feed()
    await world.quiet()
    kinds = [fact.body["kind"] for fact in await world.facts(topics.CART) if fact.body]
    assert kinds == ["cart", "deleted"]


async def test_parts_that_are_off_are_ignored_and_counted(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with enriching(kafka, topic_prefix, tmp_path, parts=["orders"]) as world:
        world.shop.store.customers.register(email="ida@example.com", first_name="Ida", last_name="Lund")
        await world.feed()
        await world.quiet()
        assert world.store.deliveries.ignored == 1
        assert await world.facts(topics.CUSTOMER) == []


async def test_deliveries_that_cannot_be_understood_go_to_the_dead_letters_and_hold_up_nobody(world: Enriching) -> None:
    world.add(topics.WEBHOOK, b"{not json")
    world.add(topics.WEBHOOK, b'{"scope":"store/moon/full","hash":"h","created_at":1,"data":{}}')
    world.add(topics.WEBHOOK, b'{"scope":"store/order/created","hash":"h","created_at":1,"data":{"id":"x"}}')
    world.add(topics.WEBHOOK, b'{"scope":"store/order/created","hash":"h","created_at":1}', key="stranger")
    world.add(topics.REQUEST, b'{"kind":"dance"}')
    order = world.shop.store.orders.place([item()], email="ida@example.com", billing=NOBODY)
    await world.feed()
    await world.quiet()
    dead = await world.facts_raw(topics.dead(topics.WEBHOOK))
    assert [value for value, _ in dead] == [record.value for record in world.log[topics.WEBHOOK][:4]]
    assert "no store 'stranger'" in dead[3][1]["__connect.errors.exception.message"]
    assert len(await world.facts_raw(topics.dead(topics.REQUEST))) == 1
    assert list(await world.newest(topics.ORDER)) == [str(order.id)]
