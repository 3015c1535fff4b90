"""Following a compacted topic of one partition: its present content, kept in memory, whatever becomes of Kafka."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streams.access import Kafka

AGAIN_SECONDS: Final = 2.0
STOP_SECONDS: Final = 3.0

_log = structlog.get_logger("streams.following")


class Follower:
    """``changed`` is given the whole content, key -> value, when it was read first and after each change of it.

    A record counts within a fraction of a second. While Kafka is away everything known stays; after a new connection
    the content is read anew, so that what ended meanwhile is missed too. A topic that is not there is empty.
    """

    def __init__(self, kafka: Kafka, topic: str, changed: Callable[[Mapping[bytes, bytes]], None]) -> None:
        self.loaded = asyncio.Event()
        self._kafka, self._changed = kafka, changed
        self._tp = TopicPartition(topic, 0)
        self._content: dict[bytes, bytes] = {}
        self._told = ""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            consumer = AIOKafkaConsumer(
                **self._kafka.client(),
                isolation_level="read_committed",
                enable_auto_commit=False,
                auto_offset_reset="earliest",
            )
            try:
                await _start(consumer)
                await self._follow(consumer)
            except (KafkaError, OSError) as error:
                self._tell(f"{type(error).__name__}: {error}")
            finally:
                await _stop(consumer)
            await asyncio.sleep(AGAIN_SECONDS)

    def heard(self, key: bytes, value: bytes | None) -> None:
        """A record of which we know before it was read, since we have written it."""
        _apply(key, value, self._content)
        self._changed(self._content)

    async def _follow(self, consumer: Any) -> None:
        if self._tp.topic not in await consumer.topics():
            self._tell("it is not there yet; `tajo topics apply` creates it")
            self._now_known(self._content)
            return
        consumer.assign([self._tp])
        await self._read_all(consumer)
        self._told = ""
        while True:
            for record in (await consumer.getmany(timeout_ms=1000)).get(self._tp, ()):
                self.heard(record.key, record.value)

    async def _read_all(self, consumer: Any) -> None:
        end = (await consumer.end_offsets([self._tp]))[self._tp]
        await consumer.seek_to_beginning(self._tp)
        content: dict[bytes, bytes] = {}
        while await consumer.position(self._tp) < end:
            for record in (await consumer.getmany(timeout_ms=100)).get(self._tp, ()):
                _apply(record.key, record.value, content)
        self._now_known(content)

    def _now_known(self, content: dict[bytes, bytes]) -> None:
        self._content = content
        self._changed(content)
        self.loaded.set()

    def _tell(self, said: str) -> None:
        """Once, until it is otherwise."""
        if said != self._told:
            _log.warning("a topic cannot be followed", topic=self._tp.topic, said=said)
        self._told = said


def _apply(key: bytes, value: bytes | None, to: dict[bytes, bytes]) -> None:
    if value is None:
        to.pop(key, None)
    else:
        to[key] = value


async def _start(consumer: Any) -> None:
    """To its end, also when cancelled: connections of a start that is cut off are known to nobody."""
    starting = asyncio.create_task(consumer.start())
    starting.add_done_callback(lambda done: done.cancelled() or done.exception())
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait([starting], timeout=STOP_SECONDS)
        starting.cancel()
        raise


async def _stop(consumer: Any) -> None:
    """In a task of its own: aiokafka 0.14.0 swallows a cancellation that comes while it stops."""
    stopping = asyncio.create_task(consumer.stop())
    stopping.add_done_callback(lambda done: done.cancelled() or done.exception())
    try:
        await asyncio.wait([stopping], timeout=STOP_SECONDS)
    except asyncio.CancelledError:
        await asyncio.wait([stopping], timeout=STOP_SECONDS)
        raise
    finally:
        stopping.cancel()


async def ended(task: "asyncio.Task[Any]") -> None:
    """Cancels it until it has ended, whatever it is in: see ``_stop``."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=STOP_SECONDS)
