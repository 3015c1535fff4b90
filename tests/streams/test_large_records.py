"""Records of all sizes that the topics allow go through, alone and many in one commit."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from projections.fold import Input, Output
from schemas import topics
from streams.access import Kafka
from streams.engine import Engine
from streams.folds import FoldOwner
from streams.role import Role
from tests.streams import logs
from tests.streams.stand import COUNT, Stand


class Echo:
    """Keeps the newest value, and passes it on."""

    name = "echo"
    inputs: tuple[str, ...] = (topics.CART,)
    outputs: tuple[str, ...] = (topics.COMMAND,)

    def load(self, key: bytes, stored: bytes | None) -> bytes:
        return stored or b""

    def dump(self, state: bytes) -> bytes | None:
        return state or None

    def fold(self, state: bytes, record: Input) -> tuple[bytes, list[Output]]:
        value = record.value or b""
        return value, [Output(topics.COMMAND, b"account", value)]

    def due(self, state: bytes) -> int | None:
        return None


@pytest.fixture
async def stand(kafka: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Stand]:
    stand = Stand(kafka, topic_prefix, tmp_path, lambda p: FoldOwner(p, Echo(), None), name="echo", inputs=Echo.inputs)
    await stand.create(topics.COMMAND, topics.dead(topics.CART))
    yield stand
    await stand.end()


async def told(stand: Stand) -> list[bytes]:
    return [r.value for r in await logs.read_decided(stand.kafka, stand.names.topic(topics.COMMAND), COUNT)]


async def test_a_commit_of_several_kafka_batches_keeps_its_order_and_its_store(stand: Stand) -> None:
    sizes = [300_000, 10, 1_500_000, 1, 700_000, 700_000, 20]
    values = [b"%d" % n + bytes(size) for n, size in enumerate(sizes)]
    first = await stand.start()
    await stand.write(topics.CART, *[(b"%d" % n, value, ()) for n, value in enumerate(values)])
    await stand.feed(first)
    assert await told(stand) == values
    second = await stand.start()  # its store comes from the changelog
    assert dict(second.store.items()) == dict(first.store.items()) == await stand.table()
    assert second.store.offset() > first.store.offset()


async def test_a_record_of_seven_mebibytes_goes_through_the_engine(stand: Stand, tmp_path: Path) -> None:
    big = b"x" * (7 << 20)
    await stand.write(topics.CART, (b"a", b"before", ()), (b"a", big, ()), (b"a", b"after", ()), (b"b", big, ()))
    engine = Engine(
        f"{stand.names.prefix}echo",
        [Role(Echo.name, Echo.inputs, lambda parts: FoldOwner(parts, Echo(), None))],
        kafka=Kafka(stand.kafka),
        names=stand.names,
        partitions=COUNT,
        data_dir=tmp_path / "engine",
        on_failure=stand.failures.append,
    )
    await engine.start()
    try:

        async def all_told() -> bool:
            return len(await told(stand)) == 4

        await logs.until(all_told, "all records are folded", timeout=60)
    finally:
        await engine.stop()
    assert not stand.failures
    assert await told(stand) == [b"before", big, b"after", big]
    assert (await stand.table())[b"b"] == big


@pytest.mark.parametrize("size", [8 << 20, (8 << 20) + 1])
async def test_the_largest_record_is_kept_and_a_larger_one_goes_aside(stand: Stand, size: int) -> None:
    """The log takes a little more than a record may have."""
    owner = await stand.start()
    value = bytes(size)
    await stand.write(topics.CART, (b"a", b"small", ()), (b"a", value, ()))
    await stand.feed(owner)
    dead = await logs.read_decided(stand.kafka, stand.names.topic(topics.dead(topics.CART)), COUNT)
    if size > topics.MAX_RECORD:
        assert [record.value for record in dead] == [value]
        assert await stand.table() == {b"a": b"small"}
    else:
        assert dead == []
        assert await stand.table() == {b"a": value}
