"""python fold.py BOOTSTRAP PREFIX DATA INPUT: the fold of benchmarks/fold.py on Faust as it comes, at-least-once.

Tuned as Faust's documentation and its users' reports have it: raw records and msgspec, large buffers and fetches, a
producer that fills its batches, no standby copies, RocksDB by rocksdict, uvloop.
"""

import logging
import sys
from typing import Any

from mode.loop import use

use("uvloop")  # before Faust is imported

import faust  # noqa: E402
import msgspec  # noqa: E402
from faust.transport.producer import ProducerBuffer  # noqa: E402

BOOTSTRAP, PREFIX, DATA, INPUT = sys.argv[1:5]
PARTITIONS = 4


class Order(msgspec.Struct):
    id: int
    total_inc_tax: str


decode_order, decode_state = msgspec.json.Decoder(Order).decode, msgspec.json.Decoder(tuple[int, int, int]).decode

app = faust.App(
    f"{PREFIX}faust",
    broker=f"kafka://{BOOTSTRAP}",
    store="rocksdb://",
    datadir=DATA,
    topic_partitions=PARTITIONS,
    topic_disable_leader=True,
    key_serializer="raw",
    value_serializer="raw",
    web_enabled=False,
    stream_buffer_maxsize=16_384,
    stream_wait_empty=False,
    table_standby_replicas=0,
    broker_max_poll_records=4_000,
    consumer_max_fetch_size=4 << 20,
    producer_linger=0.01,
    producer_max_batch_size=1 << 20,
)
orders = app.topic(INPUT, key_type=bytes, value_type=bytes)
out = app.topic(f"{PREFIX}out", key_type=bytes, value_type=bytes)
customers = app.Table("customers", key_type=bytes, value_type=bytes, partitions=PARTITIONS)


@app.agent(orders)
async def fold(stream: Any) -> None:
    async for key, value in stream.items():
        order = decode_order(value)
        stored = customers.get(key)
        count, amount, _ = decode_state(stored) if stored else (0, 0, 0)
        state = b"[%d,%d,%d]" % (count + 1, amount + int(order.total_inc_tax.replace(".", "")), order.id)
        customers[key] = state
        await out.send(key=key, value=state)


if __name__ == "__main__":
    logging.disable(logging.INFO)  # Faust makes a record per message, whatever the level
    ProducerBuffer.max_messages = 5_000  # 100 by default, beyond which the consumer stalls
    sys.argv[1:] = ["worker", "--without-web", "--loglevel", "warn"]
    app.main()
