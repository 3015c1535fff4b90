"""Faust drives owners: what was fed is folded once, whatever stops in between."""

import json
import random
from collections import Counter
from functools import partial
from pathlib import Path

from schemas import topics
from streams.names import Names
from tests.streams import logs
from tests.streams.counting_worker import new_engine


async def prepare(bootstrap: str, prefix: str) -> Names:
    names = Names(prefix=prefix)
    logical = (topics.ORDER, "customers", topics.COMMAND, topics.dead(topics.ORDER))
    await logs.create(
        bootstrap, [names.topic(name) for name in logical] + [names.changelog(t) for t in ("entries", "sums")]
    )
    return names


def changes(count: int, seed: int) -> list[tuple[bytes, bytes | None]]:
    """Entities that change, move between groups, vanish and come again."""
    chance = random.Random(seed)
    made = []
    for _ in range(count):
        key = b"%d" % chance.randrange(count // 3)
        gone = chance.random() < 0.05
        made.append(
            (
                key,
                None
                if gone
                else json.dumps({"group": f"g{chance.randrange(50)}", "amount": chance.randrange(100)}).encode(),
            )
        )
    return made


def expected(records: list[tuple[bytes, bytes | None]]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for value in dict(records).values():
        if value:
            entry = json.loads(value)
            sums[entry["group"]] += entry["amount"]
    return +sums


async def sums(bootstrap: str, names: Names) -> Counter[str]:
    last = {
        record.key.decode(): json.loads(record.value)[0]
        for record in await logs.read(bootstrap, names.topic(topics.COMMAND))
    }
    return +Counter(last)


async def counts_never_repeat(bootstrap: str, names: Names) -> bool:
    """Every difference was folded once: each group's counter goes up by one from line to line."""
    seen: Counter[str] = Counter()
    for record in await logs.read(bootstrap, names.topic(topics.COMMAND)):
        seen[record.key] += 1
        if json.loads(record.value)[1] != seen[record.key]:
            return False
    return True


async def test_two_folds_with_re_keying_reach_the_sums_of_a_plain_loop(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    names = await prepare(kafka, topic_prefix)
    records = changes(3000, seed=1)
    await logs.write(kafka, names.topic(topics.ORDER), records)
    engine = new_engine(kafka, topic_prefix, tmp_path)
    await engine.start()
    try:
        await logs.until(lambda: equal(kafka, names, records), "all sums are there")
    finally:
        await engine.stop()
    assert await counts_never_repeat(kafka, names)


async def equal(kafka: str, names: Names, records: list[tuple[bytes, bytes | None]]) -> bool:
    return await sums(kafka, names) == expected(records)


async def test_an_engine_started_anew_goes_on_where_the_last_one_stopped(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    names = await prepare(kafka, topic_prefix)
    records = changes(2000, seed=2)
    for start, end, data in ((0, 700, "a"), (700, 1400, "a"), (1400, 2000, "b")):  # in "b" the local store is lost
        await logs.write(kafka, names.topic(topics.ORDER), records[start:end])
        engine = new_engine(kafka, topic_prefix, tmp_path / data)
        await engine.start()
        try:
            await logs.until(partial(equal, kafka, names, records[:end]), "the sums so far are there")
        finally:
            await engine.stop()
    assert await counts_never_repeat(kafka, names)


async def test_a_record_that_is_no_json_is_dead_lettered_and_holds_up_nobody(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    names = await prepare(kafka, topic_prefix)
    records = changes(300, seed=3)
    await logs.write(kafka, names.topic(topics.ORDER), [*records[:100], (b"7", b"\xff{"), *records[100:]])
    engine = new_engine(kafka, topic_prefix, tmp_path)
    await engine.start()
    try:
        await logs.until(lambda: equal(kafka, names, records), "all sums are there")
    finally:
        await engine.stop()
    dead = await logs.read(kafka, names.topic(topics.dead(topics.ORDER)))
    assert [(record.key, record.value) for record in dead] == [(b"7", b"\xff{")]
    headers = dict(dead[0].headers)
    assert headers["__connect.errors.topic"] == topics.ORDER.encode()
    assert headers["__connect.errors.stage"] == b"decode"
