"""An enricher is killed again and again in the middle of an import and of live traffic: nothing is lost."""

from functools import partial
from pathlib import Path

import msgspec
import pytest

from connectors.clock import SystemClock
from schemas import topics
from schemas.requests import Sync
from streams.enrich.owner import INPUTS
from streams.names import Names
from tests.connectors.bigcommerce_shop import NOBODY, TOKEN, Shop, emulated_shop, item
from tests.streams import logs
from tests.streams.enriching import OUTPUTS
from tests.streams.worker_process import WorkerProcess

pytestmark = pytest.mark.kafka
ORDERS = 1_600


async def requests_to(shop: Shop, path: str, count: int) -> bool:
    return len(shop.requests.to(path)) >= count


async def names_all(kafka: str, topic: str, expected: set[str]) -> bool:
    records = await logs.read(kafka, topic, partitions=1)
    return {record.key.decode().partition("/")[2] for record in records} >= expected


async def test_a_killed_enricher_goes_on_where_it_was_and_loses_no_delivery(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    names = Names(prefix=topic_prefix)
    changelog = names.changelog("enrich", versioned=False)
    await logs.create(kafka, [*map(names.topic, (*INPUTS, *OUTPUTS)), changelog], partitions=1)
    async with emulated_shop(quota=1_000_000) as shop:
        store = shop.store.store_hash
        for _ in range(ORDERS):
            shop.store.orders.place([item()], email="ida@example.com", billing=NOBODY)
        customers = [
            shop.store.customers.register(email=f"c{n}@example.com", first_name="C", last_name=str(n)).id
            for n in range(30)
        ]
        job = Sync(store=store, id="first", at=SystemClock().now(), resources=("orders",))
        deliveries = [
            {"scope": "store/customer/created", "hash": str(id_), "created_at": 1, "data": {"id": id_}}
            for id_ in customers
        ]
        key = store.encode()
        await logs.write(kafka, names.topic(topics.REQUEST), [(key, msgspec.json.encode(job))])
        arguments = (kafka, topic_prefix, shop.url, store, TOKEN)
        worker = WorkerProcess("tests.streams.enrich_worker", *arguments, str(tmp_path / "0"), log=tmp_path / "log")
        try:
            await logs.until(partial(requests_to, shop, "/v2/orders", 3), "the import is under way")
            worker.kill()
            await logs.write(
                kafka, names.topic(topics.WEBHOOK), [(key, msgspec.json.encode(each)) for each in deliveries]
            )
            # The local store is lost too: all that is known comes from the changelog.
            worker = WorkerProcess("tests.streams.enrich_worker", *arguments, str(tmp_path / "1"), log=tmp_path / "log")
            await logs.until(partial(requests_to, shop, "/v3/customers", 1), "the deliveries are being read")
            worker.kill()
            worker.start()
            expected = {str(id_) for id_ in customers}
            await logs.until(
                partial(names_all, kafka, names.topic(topics.CUSTOMER), expected), "all customers are there"
            )
            everything = {str(order.id) for order in shop.store.orders.table}
            await logs.until(partial(names_all, kafka, names.topic(topics.ORDER), everything), "all orders are there")
            assert worker.stop() == 0
        finally:
            worker.end()
        orders = await logs.read(kafka, names.topic(topics.ORDER), partitions=1)
        assert len(orders) == ORDERS  # pages that were committed were not written again
        began = [query for query in shop.requests.to("/v2/orders") if query["min_id"] == "0"]
        assert len(began) == 1
