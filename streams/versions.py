"""Which version of the folds was built with which settings: topic tajo.projection.v1, key: the version.

Folds depend on settings (mapping, counted statuses, lists, …): tables built with some cannot be continued with others.
"""

from typing import Literal

import msgspec
from aiokafka import AIOKafkaProducer, TopicPartition

from schemas import topics
from schemas.settings import FoldSettings
from streams.access import Kafka
from streams.errors import SettingsChanged
from streams.names import Names
from streams.reading import Reader


class Version(msgspec.Struct, kw_only=True):
    version: str
    phase: Literal["live", "rebuilding"]
    digest: str
    settings: FoldSettings
    at: int  # Unix ms


async def known(kafka: Kafka, names: Names) -> dict[str, Version]:
    """All versions that were ever recorded and not deleted, by name."""
    found: dict[str, Version] = {}
    async with Reader(kafka) as reader:
        async for _, record in reader.records([TopicPartition(names.topic(topics.PROJECTION), 0)]):
            key = record.key.decode()
            if record.value is None:
                found.pop(key, None)
            else:
                found[key] = msgspec.json.decode(record.value, type=Version)
    return found


async def record(kafka: Kafka, names: Names, version: Version) -> None:
    """Durable when it returns."""
    producer = AIOKafkaProducer(**kafka.client(), acks="all", enable_idempotence=True)
    await producer.start()
    try:
        value = msgspec.json.encode(version)
        await producer.send_and_wait(names.topic(topics.PROJECTION), value, key=version.version.encode(), partition=0)
    finally:
        await producer.stop()


async def admit(kafka: Kafka, names: Names, settings: FoldSettings, now: int) -> None:
    """Records a version that is new, and lets a known one start only with the settings it was built with.

    Raises SettingsChanged, which says what differs and names the cures.
    """
    old = (await known(kafka, names)).get(names.version)
    if old is None:
        new = Version(version=names.version, phase="live", digest=settings.digest(), settings=settings, at=now)
        await record(kafka, names, new)
    elif old.digest != settings.digest():
        differing = "; ".join(_differences(msgspec.to_builtins(old.settings), msgspec.to_builtins(settings)))
        raise SettingsChanged(
            f"The tables of version {names.version} were built with other settings: {differing}. "
            f"Either put the old ones back, or take history under the new ones with `tajo rebuild start`."
        )


def _differences(old: object, new: object, path: str = "") -> list[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        return [
            line
            for key in sorted({*old, *new})
            if old.get(key) != new.get(key)
            for line in _differences(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
        ]
    return [f"{path} was {old!r} and is {new!r}"]
