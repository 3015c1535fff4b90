"""Keys that a table should have lost, and values that it should not: D14 and D15 of docs/faust-defects.md."""

import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from streams.folds import FoldOwner
from streams.store import open_store
from tests.streams.alarms import Alarms
from tests.streams.faust_defects.stock import new_app, repaired
from tests.streams.stand import Stand


@pytest.fixture
async def stand(kafka: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Stand]:
    stand = Stand(kafka, topic_prefix, tmp_path, lambda p: FoldOwner(p, Alarms(), None), name="a", inputs=Alarms.inputs)
    await stand.create()
    yield stand
    await stand.end()


@pytest.fixture
async def faust_store(tmp_path: Path) -> Any:
    """The store in memory behind a table of stock Faust."""
    app = new_app("127.0.0.1:1", "never-started", tmp_path)
    return app.Table("stale", partitions=2, key_type=bytes, value_type=bytes).data


async def test_faust_keeps_the_keys_of_a_partition_that_it_has_lost(faust_store: Any) -> None:
    faust_store[b"of partition 1"] = b"old"  # as a table does it, whose agent folded a record of partition 1
    await faust_store.on_recovery_completed({TP("changelog", 0)}, set())  # a rebalance has taken partition 1 away
    assert faust_store.get(b"of partition 1") == b"old", repaired("D14")


async def test_ours_shows_no_key_that_another_owner_deleted_while_the_partition_was_away(
    stand: Stand, tmp_path: Path
) -> None:
    first = await stand.start()
    await first.commit((), [(b"gone", b"1"), (b"kept", b"1")], {})
    shutil.copytree(tmp_path / "store-0", tmp_path / "left")  # what lies on the first worker's disk from here on
    second = await stand.start()  # on another worker
    await second.commit((), [(b"gone", None), (b"kept", b"2")], {})
    (tmp_path / "left" / "LOCK").unlink()
    back = await stand.fence(open_store(str(tmp_path / "left")))
    assert back.store.get([b"gone"]) == {b"gone": b"1"}
    await back.restore()
    assert dict(back.store.items()) == {b"kept": b"2"}


DAY = 86_400


async def test_ours_takes_no_key_from_a_store_that_was_left_for_longer_than_kafka_keeps_deletions(
    stand: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deletion may be compacted away after 14 days; the changelog says nothing of the key any more."""
    for days, found in ((12, {b"gone": b"1", b"kept": b"1"}), (14, {b"kept": b"1"})):
        owner = await stand.start()
        await owner.commit((), [(b"kept", b"1")], {})
        with monkeypatch.context() as then:
            left_at = time.time() - days * DAY
            then.setattr(time, "time", lambda: left_at)  # noqa: B023 - called here
            owner.store.write([(b"gone", b"1")], owner.store.offset())  # its deletion is compacted away since
        back = await stand.start(lost=False)
        assert dict(back.store.items()) == found


def change(value: bytes | None, decoded: Any) -> Any:
    return SimpleNamespace(key=b"again", value=decoded, message=SimpleNamespace(value=value, partition=0))


def test_faust_loses_a_key_that_was_deleted_and_got_an_empty_value_again(faust_store: Any) -> None:
    deleted_and_set_again = [change(b"7", 7), change(None, None), change(b"0", 0)]
    faust_store.apply_changelog_batch(deleted_and_set_again, to_key=lambda key: key, to_value=lambda value: value)
    assert b"again" not in faust_store, repaired("D15")


async def test_ours_restores_a_key_that_was_deleted_and_got_an_empty_value_again(stand: Stand) -> None:
    owner = await stand.start()
    for value in (b"7", None, b"0"):
        await owner.commit((), [(b"again", value)], {})
    await owner.commit((), [(b"nothing", None)], {})
    await owner.commit((), [(b"nothing", b"")], {})
    restored = await stand.start()
    assert dict(restored.store.items()) == {b"again": b"0", b"nothing": b""}
