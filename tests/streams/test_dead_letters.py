"""A record that cannot be folded goes aside, whole and alone; everything else is as if it had never been there."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from schemas import topics
from streams.owner import Parts
from tests.streams import logs
from tests.streams.alarms import Alarms
from tests.streams.stand import COUNT, Died, MortalFold, Stand, Write

HEADERS = (("ce_id", b"17"), ("trace", b"\xff\x00"))
STAGES = {
    "record": (b"decode", b"BadRecord"),
    "msgspec": (b"decode", b"ValidationError"),
    "bug": (b"fold", b"KeyError"),
    "size": (b"fold", b"BadRecord"),
    "output": (b"fold", b"BadRecord"),
    "dump": (b"fold", b"TypeError"),
}


class InnerAlarms(Alarms):
    name = "inner_alarms"
    inputs = ("customers",)


@asynccontextmanager
async def folding(kafka: str, prefix: str, folder: Path, fold: Alarms) -> AsyncIterator[Stand]:
    def new(parts: Parts) -> MortalFold:
        return MortalFold(parts, fold, None)

    stand = Stand(kafka, prefix, folder, new, name=fold.name, inputs=fold.inputs, partition=1)
    others = {"customers", topics.COMMAND, stand.names.dead(fold.inputs[0])}
    await stand.create(*others.difference(fold.inputs))
    try:
        yield stand
    finally:
        await stand.end()


def good(key: bytes = b"a", when: int = 9) -> Write:
    return key, json.dumps({"at": when}).encode(), ()


def bad(kind: str, key: bytes = b"a") -> Write:
    return key, json.dumps({"bad": kind}).encode(), HEADERS


async def table(stand: Stand) -> dict[str, Any]:
    return {k.decode(): json.loads(v) for k, v in (await stand.table()).items() if not k.startswith(b"\0")}


async def dead(stand: Stand) -> list[Any]:
    name = stand.names.topic(stand.names.dead(stand.inputs[0]))
    return await logs.read_decided(stand.kafka, name, [stand.partition])


async def told(stand: Stand) -> list[bytes]:
    return [record.value for record in await logs.read_decided(stand.kafka, stand.names.topic(topics.COMMAND), COUNT)]


def folded(seen: int, when: int = 9) -> dict[str, Any]:
    return {"at": when, "jams": False, "rang": [], "seen": seen}


@pytest.mark.parametrize("kind", STAGES)
async def test_a_bad_record_goes_aside_alone_and_leaves_no_trace_in_the_state(
    kafka: str, topic_prefix: str, tmp_path: Path, kind: str
) -> None:
    async with folding(kafka, topic_prefix, tmp_path, Alarms()) as stand:
        owner = await stand.start()
        await stand.write(topics.CART, good(), good(b"b"), bad(kind), good(), good(b"b"))
        await stand.feed(owner)
        assert await table(stand) == {"a": folded(2), "b": folded(2)}
        assert await told(stand) == [
            b"%s is set, %d so far" % line for line in [(b"a", 1), (b"b", 1), (b"a", 2), (b"b", 2)]
        ]
        (letter,) = await dead(stand)
        assert (letter.key, letter.value) == bad(kind)[:2]
        assert tuple(letter.headers[: len(HEADERS)]) == HEADERS
        assert owner.stored_position() == owner.position == {topics.CART: 5}
        told_why = dict(letter.headers[len(HEADERS) :])
        assert told_why.pop("__connect.errors.exception.message")
        stage, name = STAGES[kind]
        assert told_why == {
            "__connect.errors.topic": topics.CART.encode(),
            "__connect.errors.partition": b"1",
            "__connect.errors.offset": b"2",
            "__connect.errors.stage": stage,
            "__connect.errors.exception.class.name": name,
        }


async def test_several_bad_records_in_a_batch_all_go_aside_in_order(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with folding(kafka, topic_prefix, tmp_path, Alarms()) as stand:
        owner = await stand.start()
        records = [
            bad("dump", b"never"),  # this key has nothing else: it does not enter the table
            bad("bug"),
            good(),
            bad("record"),
            bad("dump"),
            good(b"b"),
            (None, b"{}", ()),
            bad("msgspec", b"b"),
            bad("size", b"b"),
            good(),
        ]
        await stand.write(topics.CART, *records)
        await stand.feed(owner)
        assert await table(stand) == {"a": folded(2), "b": folded(1)}
        assert [r.offset for r in await dead(stand)] == list(range(7))
        offsets = [int(dict(r.headers)["__connect.errors.offset"]) for r in await dead(stand)]
        assert offsets == [0, 1, 3, 4, 6, 7, 8]
        assert len(await told(stand)) == 3


async def test_a_key_keeps_the_state_of_earlier_batches(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with folding(kafka, topic_prefix, tmp_path, Alarms()) as stand:
        owner = await stand.start()
        for record in (good(), bad("bug"), bad("dump"), good(when=12)):
            await stand.write(topics.CART, record)
            await stand.feed(owner)
        assert await table(stand) == {"a": folded(2, 12)}
        assert len(await dead(stand)) == 2


async def test_a_record_without_a_key_goes_aside_without_one(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with folding(kafka, topic_prefix, tmp_path, Alarms()) as stand:
        owner = await stand.start()
        await stand.write(topics.CART, (None, good()[1], HEADERS))
        await stand.feed(owner)
        (letter,) = await dead(stand)
        assert (letter.key, letter.value, tuple(letter.headers[:2])) == (None, good()[1], HEADERS)
        assert await table(stand) == {}


@pytest.mark.parametrize("value", [None, b"{", b'{"kind": "tick"}'])
async def test_a_tick_that_tells_no_time_goes_aside(
    kafka: str, topic_prefix: str, tmp_path: Path, value: bytes | None
) -> None:
    async with folding(kafka, topic_prefix, tmp_path, Alarms()) as stand:
        owner = await stand.start()
        await stand.write(topics.CART, good(), (b"tick", value, ()), good())
        await stand.feed(owner)
        (letter,) = await dead(stand)
        assert (letter.key, letter.value) == (b"tick", value)
        assert dict(letter.headers)["__connect.errors.stage"] == b"decode"
        assert await table(stand) == {"a": folded(2)}


async def test_dead_letters_of_an_inner_topic_lie_beside_it(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with folding(kafka, topic_prefix, tmp_path, InnerAlarms()) as stand:
        owner = await stand.start()
        await stand.write("customers", good(), bad("bug"))
        await stand.feed(owner)
        (letter,) = await logs.read_decided(kafka, f"{topic_prefix}tajo.v1.customers.dead.v1", [1])
        assert dict(letter.headers)["__connect.errors.topic"] == b"customers"
        assert await table(stand) == {"a": folded(1)}


async def test_position_and_dead_letter_are_one_transaction(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    async with folding(kafka, topic_prefix, tmp_path, Alarms()) as stand:
        owner = await stand.start()
        await stand.write(topics.CART, good(), bad("bug"))
        owner.dies = "before commit"
        with pytest.raises(Died):
            await stand.feed(owner)
        second = await stand.start()
        assert second.position == {topics.CART: 0}
        assert await dead(stand) == []
        await stand.feed(second)
        assert second.stored_position() == {topics.CART: 2}
        assert len(await dead(stand)) == 1
