"""python fold.py BOOTSTRAP PREFIX DATA INPUT: the fold of benchmarks/fold.py on Quix Streams, at-least-once.

Raw records, orjson, states as bytes without a serializer, large producer batches.
"""

import sys
from typing import Any

import orjson
from quixstreams import Application
from quixstreams.models import TopicConfig

BOOTSTRAP, PREFIX, DATA, INPUT = sys.argv[1:5]
LARGE = {"queue.buffering.max.messages": 1_000_000, "linger.ms": 20, "batch.size": 1 << 20}


def fold(value: bytes, state: Any) -> bytes:
    order = orjson.loads(value)
    stored = state.get_bytes(b"s")
    count, amount, _ = orjson.loads(stored) if stored else (0, 0, 0)
    new = b"[%d,%d,%d]" % (count + 1, amount + int(order["total_inc_tax"].replace(".", "")), order["id"])
    state.set_bytes(b"s", new)
    return new


def main() -> None:
    app = Application(
        broker_address=BOOTSTRAP,
        consumer_group=f"{PREFIX}quix",
        auto_offset_reset="earliest",
        state_dir=DATA,
        commit_interval=1.0,
        producer_extra_config=LARGE,
        loglevel="WARNING",
    )
    config = TopicConfig(num_partitions=4, replication_factor=1)
    orders = app.topic(INPUT, key_deserializer="bytes", value_deserializer="bytes", config=config)
    out = app.topic(f"{PREFIX}out", key_serializer="bytes", value_serializer="bytes", config=config)
    app.dataframe(orders).apply(fold, stateful=True).to_topic(out)
    app.run()


if __name__ == "__main__":
    main()
