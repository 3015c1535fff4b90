"""A retried fact: its entity is fetched again, and the newer fact supersedes the dead one."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from schemas import topics
from schemas.requests import FetchEntity
from tajo.components import Components
from tajo.dlq import deciding
from tajo.errors import DeadLetterError
from tests.connectors.bigcommerce_shop import NOBODY, item
from tests.dlq.desk import STORE, OrdersDesk, components, decisions, one, standings, states, written
from tests.streams.enriching import Enriching, enriching

pytestmark = pytest.mark.kafka


class World(NamedTuple):
    enriching: Enriching
    made: Components
    orders: OrdersDesk

    def sell(self) -> str:
        shop = self.enriching.shop.store
        return str(shop.orders.place([item()], email="ida@example.com", billing=NOBODY).id)

    async def read(self) -> None:
        await self.enriching.feed()
        await self.enriching.quiet()

    async def answer(self) -> list[FetchEntity]:
        """What was asked for reaches the enricher, which does it."""
        records = await written(self.made, topics.REQUEST)
        requests = [msgspec.json.decode(record.value, type=FetchEntity) for record in records]
        known = len(self.enriching.log[topics.REQUEST])
        for record in records[known:]:
            self.enriching.add(topics.REQUEST, record.value, record.key.decode())
        await self.read()
        return requests[known:]


@pytest.fixture
async def world(kafka: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[World]:
    made = await components(tmp_path, kafka, topic_prefix)
    async with enriching(kafka, topic_prefix, tmp_path, give_up_after=2) as here:
        orders = OrdersDesk(made, tmp_path / "orders")
        yield World(here, made, orders)
        await orders.stand.end()


async def test_the_entity_of_a_retried_fact_is_fetched_again_and_the_newer_one_supersedes_it(world: World) -> None:
    order = world.sell()
    await world.read()
    assert await world.orders.fold(strangers=True) == []
    (dead,) = await standings(world.made)
    assert (dead.state, dead.letter.told("stage")) == ("open", "fold")
    assert "not configured" in dead.letter.reason
    place = dead.letter.place
    assert str(place) == f"commerce.order:0:{place.offset}"

    outcome = await one(deciding.retry, world.made, str(place))
    assert (outcome.done, outcome.said) == (True, f"retried: order {order} of store {STORE} is fetched again")
    assert await states(world.made) == {str(place): "retried"}
    (decision,) = await decisions(world.made)
    assert (decision.letter, decision.decision, decision.by != "") == (str(place), "retried", True)
    assert await world.orders.fold() == [], "the dead record itself does not come back"

    reads = len(world.enriching.shop.requests.to(f"/v2/orders/{order}"))
    (request,) = await world.answer()
    assert [cause.scope for cause in request.causes] == ["store/order/created"]
    assert len(world.enriching.shop.requests.to(f"/v2/orders/{order}")) == reads + 1
    newest = (await world.enriching.newest(topics.ORDER))[order]
    assert newest.body is not None
    assert [cause["scope"] for cause in newest.body["causes"]] == ["store/order/created"]

    assert await states(world.made) == {str(place): "superseded"}
    assert await world.orders.fold() == [f"{STORE}/{order}".encode()]
    again = await one(deciding.retry, world.made, str(place))
    assert (again.done, "superseded: a newer fact of the same key" in again.said) == (False, True)


async def test_a_newer_fact_supersedes_without_any_retry_and_all_open_ones_of_a_topic_are_retried(world: World) -> None:
    first, second = world.sell(), world.sell()
    await world.read()
    await world.orders.fold(strangers=True)
    world.enriching.add_delivery("store/order/updated", {"type": "order", "id": int(first)})
    await world.read()
    assert sorted((await states(world.made)).values()) == ["open", "superseded"]

    (outcome,) = await deciding.retry_all(world.made, topics.ORDER)
    assert outcome.said == f"retried: order {second} of store {STORE} is fetched again"
    with pytest.raises(DeadLetterError, match=r"No dead letter of commerce\.order\.v1 is open"):
        await deciding.retry_all(world.made, topics.ORDER)
    await world.answer()
    assert list((await states(world.made)).values()) == ["superseded", "superseded"]
    assert await world.orders.fold() == sorted(f"{STORE}/{order}".encode() for order in (first, second))


async def test_an_entity_that_is_gone_by_then_supersedes_by_its_tombstone(world: World) -> None:
    order = world.sell()
    await world.read()
    await world.orders.fold(strangers=True)
    world.enriching.shop.store.orders.table.remove(int(order))
    (place,) = await states(world.made)
    await one(deciding.retry, world.made, place)
    await world.answer()
    assert (await world.enriching.newest(topics.ORDER))[order].body is None
    assert await states(world.made) == {place: "superseded"}


async def test_deliveries_whose_entity_could_not_be_read_are_read_again_with_all_that_they_told(world: World) -> None:
    shop = world.enriching.shop
    order = world.sell()
    shop.store.orders.change_status(int(order), 2)
    shop.emulator.faults.garble(times=1_000, path=f"/v2/orders/{order}")
    await world.read()
    (place,) = await states(world.made)
    assert place == "bigcommerce.webhook:0:0"
    shop.faults_over()
    outcome = await one(deciding.retry, world.made, place)
    assert outcome.said == f"retried: order {order} of store {STORE} is fetched again"
    (request,) = await world.answer()
    (change,) = request.changes
    assert (change.new, "store/order/statusUpdated" in [cause.scope for cause in request.causes]) == (2, True)
    fact = (await world.enriching.newest(topics.ORDER))[order]
    assert fact.body is not None
    assert [pair["new"] for pair in fact.body["status_changes"]] == [2]
    assert await states(world.made) == {place: "retried"}


async def test_a_delivery_that_nobody_understood_names_what_is_fetched(world: World) -> None:
    """It was for a store that this program did not know when it came."""
    order = world.sell()
    deliveries = world.enriching.log[topics.WEBHOOK]
    (sold,) = [record.value or b"" for record in deliveries if b"store/order/created" in (record.value or b"")]
    deliveries.clear()
    world.enriching.add(topics.WEBHOOK, sold, key="stranger")
    await world.read()
    assert await world.enriching.facts(topics.ORDER) == []
    (place,) = await states(world.made)
    outcome = await one(deciding.retry, world.made, place)
    assert outcome.said == f"retried: order {order} of store {STORE} is fetched again"
    await world.answer()
    assert list(await world.enriching.newest(topics.ORDER)) == [order]
