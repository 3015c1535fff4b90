"""Several folds of one process read the same topic: each has all of it, once, whenever it joined."""

import json
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from projections.fold import Input, Output
from schemas import topics
from streams.access import Kafka
from streams.engine import Engine
from streams.flow import Flow
from streams.folds import FoldOwner
from streams.names import Names
from streams.role import Role
from tests.streams import logs
from tests.streams.counting import Entries
from tests.streams.test_engine import changes, expected


class Changes:
    """`commerce.order.v1` -> `brevo.command.v1`: how often an entity changed."""

    name = "changes"
    inputs = (topics.ORDER,)
    outputs = (topics.COMMAND,)

    def load(self, key: bytes, stored: bytes | None) -> int:
        return int(stored or 0)

    def dump(self, state: int) -> bytes | None:
        return b"%d" % state

    def fold(self, state: int, record: Input) -> tuple[int, list[Output]]:
        return state + 1, [Output(topics.COMMAND, record.key, b"%d" % (state + 1))]

    def due(self, state: int) -> int | None:
        return None


def engine(kafka: str, names: Names, data: Path, *folds: Any, flow: Flow | None = None) -> Engine:
    roles = [Role(fold.name, fold.inputs, lambda parts, fold=fold: FoldOwner(parts, fold, None)) for fold in folds]
    group = names.group()
    return Engine(group, roles, kafka=Kafka(kafka), names=names, partitions=4, data_dir=data, limit=50, flow=flow)


async def prepared(kafka: str, prefix: str) -> Names:
    names = Names(prefix=prefix)
    tables = [names.changelog("entries"), names.changelog("changes")]
    read = [names.topic(topic) for topic in (topics.ORDER, "customers", topics.COMMAND, topics.dead(topics.ORDER))]
    await logs.create(kafka, [*read, *tables])
    return names


async def count(kafka: str, names: Names, topic: str) -> int:
    return len(await logs.read(kafka, names.topic(topic)))


async def counted(kafka: str, names: Names, topic: str, expected: int) -> bool:
    return await count(kafka, names, topic) == expected


async def test_two_folds_of_one_topic_each_have_all_of_it(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    names, flow = await prepared(kafka, topic_prefix), Flow()
    records = changes(1000, seed=3)
    folding = engine(kafka, names, tmp_path, Entries(), Changes(), flow=flow)
    await folding.start()
    try:
        await logs.write(kafka, names.topic(topics.ORDER), records)
        flow.written(topics.ORDER, len(records))
        await logs.until(partial(counted, kafka, names, topics.COMMAND, len(records)), "the second has told all")
        await logs.until(partial(settled, flow), "both have folded all that was written")
    finally:
        await folding.stop()
    assert await sums_told(kafka, names) == expected(records)


async def sums_told(kafka: str, names: Names) -> Counter[str]:
    """Of the first fold's differences, by group."""
    sums: Counter[str] = Counter()
    for record in await logs.read(kafka, names.topic("customers")):
        sums[record.key.decode()] += json.loads(record.value)[1]
    return +sums


async def settled(flow: Flow) -> bool:
    return flow.lag() == 0


async def test_a_fold_that_joins_later_begins_at_the_beginning_and_the_first_one_tells_nothing_again(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    names = await prepared(kafka, topic_prefix)
    records = changes(1500, seed=4)
    early, late = records[:1000], records[1000:]
    await logs.write(kafka, names.topic(topics.ORDER), early)
    whole = engine(kafka, names, tmp_path / "alone", Entries())
    await whole.start()
    try:
        await logs.until(partial(positioned, whole, kafka, names), "the first has folded what there is")
    finally:
        await whole.stop()
    told = await count(kafka, names, "customers")
    both = engine(kafka, names, tmp_path / "both", Entries(), Changes())
    await both.start()
    try:
        await logs.until(partial(counted, kafka, names, topics.COMMAND, len(early)), "the second has caught up")
        assert await count(kafka, names, "customers") == told
        await logs.write(kafka, names.topic(topics.ORDER), late)
        await logs.until(partial(positioned, both, kafka, names), "both have folded the rest")
    finally:
        await both.stop()
    assert await counted(kafka, names, topics.COMMAND, len(records))
    assert await sums_told(kafka, names) == expected(records)


async def positioned(folding: Engine, kafka: str, names: Names) -> bool:
    """Every owner is at the end of its partition."""
    lengths = [len(await logs.read(kafka, names.topic(topics.ORDER), [partition])) for partition in range(4)]
    owners = [owner for owner in folding.owners() if topics.ORDER in owner.inputs.values()]
    return bool(owners) and all(owner.position.get(topics.ORDER, 0) == lengths[owner.partition] for owner in owners)
