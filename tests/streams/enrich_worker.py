"""An enricher as its own process: python -m tests.streams.enrich_worker BOOTSTRAP PREFIX URL STORE TOKEN FOLDER.

Runs on the real clock, reads its inputs from Kafka, and stops in order when standard input closes.
"""

import asyncio
import sys
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition

from connectors.clock import SystemClock
from streams.access import Kafka
from streams.enrich import EnrichOwner, EnrichSettings, StoreConnection
from streams.enrich.owner import INPUTS
from streams.flow import Flow
from streams.names import Names
from streams.owner import Parts
from streams.store import open_store


async def main(bootstrap: str, prefix: str, url: str, store: str, token: str, folder: str) -> None:
    names = Names(prefix=prefix)
    parts = Parts(
        name="enrich",
        partition=0,
        inputs=INPUTS,
        changelog=names.changelog("enrich", versioned=False),
        store=open_store(str(Path(folder))),
        kafka=Kafka(bootstrap),
        names=names,
        partitions=lambda name: 1,
        flow=Flow(),
    )
    owner = EnrichOwner(parts, EnrichSettings({store: StoreConnection(store, token, url)}), SystemClock())
    await owner.start()
    await owner.restore()
    position = {topic: owner.stored_position().get(topic, 0) for topic in INPUTS}
    owner.begin(position)
    await owner.ready()
    feeding = asyncio.create_task(feed(owner, bootstrap, names, position))
    await asyncio.to_thread(sys.stdin.read)
    feeding.cancel()
    await asyncio.gather(feeding, return_exceptions=True)
    await owner.stop()


async def feed(owner: EnrichOwner, bootstrap: str, names: Names, position: dict[str, int]) -> None:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        tps = {TopicPartition(names.topic(topic), 0): topic for topic in INPUTS}
        consumer.assign(list(tps))
        for tp, topic in tps.items():
            consumer.seek(tp, position[topic])
        while True:
            for tp, records in (await consumer.getmany(timeout_ms=200)).items():
                owner.feed(tps[tp], records)
                await owner.run()
    finally:
        await consumer.stop()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
