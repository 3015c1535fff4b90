"""A store that was restored in bulk is the one that was written record by record."""

import random
from pathlib import Path

from aiokafka import AIOKafkaProducer, TopicPartition

from streams.access import Kafka
from streams.restore import restore
from streams.store import Store, open_store
from tests.streams import logs

MANY = 30_000


def content(store: Store) -> dict[bytes, bytes]:
    return dict(store.items())


def test_changes_are_loaded_in_whole_files_as_they_would_be_written(tmp_path: Path) -> None:
    loaded, written = open_store(str(tmp_path / "loaded")), open_store(str(tmp_path / "written"))
    dice = random.Random(1)
    for offset in range(10, 14):
        keys = [b"%d" % dice.randrange(MANY) for _ in range(MANY)]
        changes = {key: None if dice.random() < 0.2 else key * offset for key in keys}
        loaded.load(changes, offset)
        written.write(changes.items(), offset)
    assert content(loaded) == content(written)
    assert loaded.offset() == written.offset() == 13


def test_a_few_changes_after_many_are_the_newer_ones_and_stay_after_it_was_closed(tmp_path: Path) -> None:
    path = str(tmp_path / "store")
    store = open_store(path)
    store.write([(b"1", b"old"), (b"gone", b"old")], 1)
    store.load({b"gone": None, **{b"%d" % number: b"loaded" for number in range(MANY)}}, 2)
    store.load({b"2": b"new", b"3": None}, 3)
    del store
    again = open_store(path)
    assert again.offset() == 3
    assert again.get([b"1", b"2", b"3", b"gone"]) == {b"1": b"loaded", b"2": b"new", b"3": None, b"gone": None}
    assert not list(tmp_path.glob("*.sst"))


async def test_what_was_aborted_is_not_restored_and_the_tail_alone_is_read_again(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    changelog = TopicPartition(f"{topic_prefix}changelog", 0)
    await logs.create(kafka, [changelog.topic], partitions=1)
    store = _Counted(str(tmp_path / "store"))
    async with AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=f"{topic_prefix}one") as producer:
        await _write(producer, changelog, [(b"%d" % number, b"first") for number in range(MANY)])
        await producer.begin_transaction()
        await producer.send_and_wait(changelog.topic, b"never", key=b"1", partition=0)
        await producer.abort_transaction()
        end = await _write(producer, changelog, [(b"2", None), (b"3", b"last")])
        await restore(Kafka(kafka), changelog, store, end, lambda: False)
        assert store.get([b"1", b"2", b"3"]) == {b"1": b"first", b"2": None, b"3": b"last"}
        assert store.offset() == end
        store.changes = 0
        end = await _write(producer, changelog, [(b"4", b"tail"), (b"5", b"tail")])
        await restore(Kafka(kafka), changelog, store, end, lambda: False)
    assert store.changes == 2
    assert len(content(store)) == MANY - 1


class _Counted(Store):
    """``changes``: how many were taken in."""

    def __init__(self, path: str) -> None:
        self._opened = open_store(path)
        super().__init__(self._opened._database)
        self.changes = 0

    def load(self, changes, offset):  # type: ignore[no-untyped-def]
        self.changes += len(changes)
        super().load(changes, offset)


async def _write(
    producer: AIOKafkaProducer, changelog: TopicPartition, records: list[tuple[bytes, bytes | None]]
) -> int:
    """In a transaction; the offset of the last one."""
    await producer.begin_transaction()
    sent = [await producer.send(changelog.topic, value, key=key, partition=0) for key, value in records]
    offset = (await sent[-1]).offset
    await producer.commit_transaction()
    return int(offset)
