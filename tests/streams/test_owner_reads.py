"""Many keys of a batch are looked for beside the loop, and who looks is not left before the store has answered."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from schemas import topics
from streams.folds import FoldOwner
from streams.inbox import Headers
from tests.streams.alarms import Alarms
from tests.streams.stand import Stand

pytestmark = pytest.mark.kafka
KEYS = [b"%04d" % number for number in range(1_500)]


class Told(NamedTuple):
    offset: int
    key: bytes
    value: bytes
    timestamp: int = 1
    headers: Headers = ()


@pytest.fixture
async def stand(kafka: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Stand]:
    stand = Stand(kafka, topic_prefix, tmp_path, lambda p: FoldOwner(p, Alarms(), None), name="a", inputs=Alarms.inputs)
    await stand.create("customers", topics.COMMAND)
    yield stand
    await stand.end()


async def test_a_batch_of_many_keys_is_read_in_a_thread_and_folded_as_others_are(stand: Stand) -> None:
    owner, threads = await stand.start(), list[str]()
    get = owner.store.get

    def noted(keys: list[bytes]) -> dict[bytes, bytes | None]:
        threads.append(threading.current_thread().name)
        found: dict[bytes, bytes | None] = get(keys)
        return found

    owner.store.get = noted
    for at in (1, 2):
        first = (at - 1) * len(KEYS)
        owner.feed(topics.CART, [Told(first + number, key, b'{"at": %d}' % at) for number, key in enumerate(KEYS)])
        await owner.run()
    assert [name for name in threads if name.startswith("reading")] == ["reading_0"] * 2
    found = {key: json.loads(value) for key, value in get(KEYS).items()}
    assert {key: (state["at"], state["seen"]) for key, state in found.items()} == dict.fromkeys(KEYS, (2, 2))


async def test_who_is_cancelled_waits_for_the_store(stand: Stand) -> None:
    """It may be closed next, and opened by another owner."""
    owner = await stand.start()
    began, go, ended = threading.Event(), threading.Event(), threading.Event()

    def slow(keys: list[bytes]) -> dict[bytes, bytes | None]:
        began.set()
        assert go.wait(30)
        ended.set()
        return dict.fromkeys(keys)

    owner.store.get = slow
    reading = asyncio.create_task(owner.read(KEYS))
    assert await asyncio.to_thread(began.wait, 30)
    reading.cancel()
    await asyncio.wait([reading], timeout=0.2)
    assert not reading.done()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert ended.is_set()
