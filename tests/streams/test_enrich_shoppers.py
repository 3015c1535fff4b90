"""Opt-outs found lost, and fresh looks at carts."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from schemas import topics
from schemas.requests import LookAgain, Sync
from tests.connectors.bigcommerce_shop import NOBODY, START, item
from tests.streams.enriching import Enriching, enriching

pytestmark = pytest.mark.kafka
NEWSLETTER, CART = "marketing_newsletter", "abandoned_cart"
EMAIL = "ida@example.com"


@pytest.fixture
async def world(kafka: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Enriching]:
    async with enriching(kafka, topic_prefix, tmp_path) as world:
        yield world


async def told(world: Enriching) -> None:
    await world.feed()
    await world.quiet()


async def last(world: Enriching, topic: str) -> dict[str, Any]:
    fact = (await world.facts(topic))[-1]
    assert fact.body is not None
    return fact.body


def due(world: Enriching, cart_id: str, when: int) -> LookAgain:
    return LookAgain(store=world.shop.store.store_hash, cart_id=cart_id, due=when, at=when)


# --- opt-outs -------------------------------------------------------------------------------------------------------


async def test_a_first_record_without_consents_says_nothing(world: Enriching) -> None:
    world.shop.store.subscribers.subscribe(EMAIL, ())
    await told(world)
    assert "withdrawn_at" not in await last(world, topics.SUBSCRIBER)


async def test_lost_consents_are_an_opt_out_of_the_records_date_until_somebody_opts_in_again(world: Enriching) -> None:
    subscribers = world.shop.store.subscribers
    subscribers.subscribe(EMAIL, (NEWSLETTER, CART))
    await told(world)
    world.shop.clock.advance(START + 100_000)
    subscribers.unsubscribe(EMAIL)
    await told(world)
    assert (await last(world, topics.SUBSCRIBER))["withdrawn_at"] == START + 100_000
    world.shop.clock.advance(START + 200_000)
    world.add_delivery("store/subscriber/updated", {"type": "subscriber", "id": 1})
    await told(world)
    assert (await last(world, topics.SUBSCRIBER))["withdrawn_at"] == START + 100_000
    subscribers.subscribe(EMAIL, (CART,))
    await told(world)
    assert "withdrawn_at" not in await last(world, topics.SUBSCRIBER)


async def test_an_edit_that_leaves_the_consents_does_not_move_the_time_of_the_opt_in(world: Enriching) -> None:
    shop = world.shop.store
    record = shop.subscribers.subscribe(EMAIL, (NEWSLETTER,))
    await told(world)
    world.shop.clock.advance(START + 100_000)
    shop.subscribers.table.touch(record, START + 100_000)  # a name was changed
    world.add_delivery("store/subscriber/updated", {"type": "subscriber", "id": record.id})
    await told(world)
    assert (await last(world, topics.SUBSCRIBER))["opted_in_at"] == START
    cart = shop.carts.create([item()], email=EMAIL)
    await world.ask(due(world, cart.id, START + 100_000))
    await world.quiet()
    body = await last(world, topics.CART)
    assert (body["subscriber_at"], body["url"]) == (START, f"https://{shop.domain}")
    world.shop.clock.advance(START + 200_000)
    shop.subscribers.subscribe(EMAIL, (NEWSLETTER, CART))
    await told(world)
    assert (await last(world, topics.SUBSCRIBER))["opted_in_at"] == START + 200_000


async def test_one_of_two_consents_lost_is_an_opt_out_too(world: Enriching) -> None:
    world.shop.store.subscribers.subscribe(EMAIL, (NEWSLETTER, CART))
    await told(world)
    world.shop.store.subscribers.subscribe(EMAIL, (CART,))
    await told(world)
    body = await last(world, topics.SUBSCRIBER)
    assert (body["entity"]["consents"], body["withdrawn_at"] > 0) == ([CART], True)


async def test_a_deleted_record_keeps_its_e_mail_and_the_opt_out_also_after_a_restart(world: Enriching) -> None:
    world.shop.store.subscribers.subscribe(EMAIL, (NEWSLETTER,))
    await told(world)
    await world.stop()
    await world.start()
    world.shop.store.subscribers.delete(EMAIL)
    await told(world)
    first = await last(world, topics.SUBSCRIBER)
    assert (first["deleted"], first["entity"]["email"], first["entity"]["consents"]) == (True, EMAIL, [])
    assert first["withdrawn_at"] == first["fetched_at"]
    world.add_delivery("store/subscriber/deleted", {"type": "subscriber", "id": 1})
    await told(world)
    again = await last(world, topics.SUBSCRIBER)
    assert (again["withdrawn_at"], again["entity"]["email"]) == (first["withdrawn_at"], EMAIL)


async def test_a_deleted_record_that_nobody_knew_is_a_tombstone(world: Enriching) -> None:
    world.add_delivery("store/subscriber/deleted", {"type": "subscriber", "id": 12})
    await told(world)
    (fact,) = await world.facts(topics.SUBSCRIBER)
    assert fact.body is None


async def test_consents_of_an_import_are_known_when_they_are_lost_later(world: Enriching) -> None:
    world.shop.store.subscribers.subscribe(EMAIL, (NEWSLETTER,))
    world.log[topics.WEBHOOK].clear()
    await world.ask(Sync(store=world.shop.store.store_hash, id="first", at=START, resources=("subscribers",)))
    await world.quiet()
    world.shop.store.subscribers.unsubscribe(EMAIL)
    await told(world)
    assert (await last(world, topics.SUBSCRIBER))["withdrawn_at"] > 0


# --- fresh looks ----------------------------------------------------------------------------------------------------


async def test_a_fresh_look_answers_at_once_with_cart_and_subscriber(world: Enriching) -> None:
    shop = world.shop.store
    cart = shop.carts.create([item()], email=EMAIL)
    await told(world)
    shop.subscribers.subscribe(EMAIL, (CART,))
    world.shop.clock.advance(START + 3_600_000)
    await world.ask(due(world, cart.id, START + 3_600_000))
    await world.read("cart", cart.id)
    body = await last(world, topics.CART)
    assert (body["kind"], body["requested_due"], body["origin"]) == ("cart", START + 3_600_000, "request")
    assert body["subscriber"]["consents"] == [CART]
    assert body["fetched_at"] == START + 3_600_000  # no window of coalescing


async def test_without_a_subscriber_record_the_answer_has_none(world: Enriching) -> None:
    cart = world.shop.store.carts.create([item()], email=EMAIL)
    await world.ask(due(world, cart.id, START))
    await world.quiet()
    body = await last(world, topics.CART)
    assert body["requested_due"] == START
    assert "subscriber" not in body


async def test_a_logged_in_shopper_without_an_e_mail_in_the_cart_is_looked_up(world: Enriching) -> None:
    shop = world.shop.store
    customer = shop.customers.register(email=EMAIL, first_name="Ida", last_name="Lund")
    shop.subscribers.subscribe(EMAIL, (NEWSLETTER,))
    cart = shop.carts.create([item()], customer_id=customer.id)
    await world.ask(due(world, cart.id, START))
    await world.quiet()
    bodies = [fact.body for fact in await world.facts(topics.CART) if fact.body and "requested_due" in fact.body]
    assert [body["subscriber"]["email"] for body in bodies] == [EMAIL]


async def test_a_question_about_a_later_time_is_answered_then(world: Enriching) -> None:
    cart = world.shop.store.carts.create([item()], email=EMAIL)
    await world.ask(due(world, cart.id, START + 500_000))
    await world.quiet()
    body = [fact.body for fact in await world.facts(topics.CART) if fact.body and "requested_due" in fact.body][-1]
    assert body["fetched_at"] >= START + 500_000


async def test_a_cart_that_an_order_took_is_answered_as_converted_without_being_read(world: Enriching) -> None:
    shop = world.shop.store
    cart = shop.carts.create([item()], email=EMAIL)
    order = shop.orders.place(email=EMAIL, billing=NOBODY, cart_id=cart.id)
    await told(world)
    await world.ask(due(world, cart.id, START + 9_000))
    await world.quiet()
    body = await last(world, topics.CART)
    assert (body["kind"], body["order_id"], body["requested_due"]) == ("converted", order.id, START + 9_000)
    assert world.shop.requests.to("/v3/carts/.*") == []


async def test_a_cart_that_is_gone_is_answered_as_deleted(world: Enriching) -> None:
    cart = world.shop.store.carts.create([item()], email=EMAIL)
    world.shop.store.carts.delete(cart.id)
    world.log[topics.WEBHOOK].clear()
    await world.ask(due(world, cart.id, START))
    await world.quiet()
    body = await last(world, topics.CART)
    assert (body["kind"], body["requested_due"]) == ("deleted", START)


async def test_an_order_that_comes_while_the_cart_is_read_is_not_overwritten(world: Enriching) -> None:
    shop = world.shop.store
    cart = shop.carts.create([item()], email=EMAIL)
    await told(world)
    world.shop.emulator.faults.hang(path="/v3/customers/subscribers")
    await world.ask(due(world, cart.id, START))
    await world.until(lambda: world.shop.emulator.faults.met == 1, "cart read, subscriber not yet")
    order = shop.orders.place(email=EMAIL, billing=NOBODY, cart_id=cart.id)
    await told(world)
    body = await last(world, topics.CART)
    assert (body["kind"], body["order_id"], body["requested_due"]) == ("converted", order.id, START)
    kinds = [fact.body["kind"] for fact in await world.facts(topics.CART) if fact.body]
    assert kinds.count("cart") == 1  # the one from before; the answer that was under way is not written
