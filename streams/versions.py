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
    try:
        await producer.start()
        value = msgspec.json.encode(version)
        await producer.send_and_wait(names.topic(topics.PROJECTION), value, key=version.version.encode(), partition=0)
    finally:
        await producer.stop()


async def admit(kafka: Kafka, names: Names, settings: FoldSettings, now: int) -> FoldSettings:
    """Records a version that is new, and lets a known one go on only with what it was built with.

    Returns the settings to fold with, see ``continued``. Raises SettingsChanged, which says what differs and names the
    cures.
    """
    old = (await known(kafka, names)).get(names.version)
    if old is None:
        new = Version(version=names.version, phase="live", digest=settings.digest(), settings=settings, at=now)
        await record(kafka, names, new)
        return settings
    going_on = continued(old.settings, settings)
    common = FoldSettings(
        {key: going_on.stores[key] for key in old.settings.stores},
        {key: going_on.accounts[key] for key in old.settings.accounts},
    )
    if common != old.settings:
        differing = "; ".join(_differences(msgspec.to_builtins(old.settings), msgspec.to_builtins(common)))
        raise SettingsChanged(
            f"The tables of version {names.version} were built with other settings: {differing}. "
            f"Either put the old ones back, or take history under the new ones with `tajo rebuild start`."
        )
    _tell_apart(old.settings, settings)
    if going_on != old.settings:
        await record(kafka, names, msgspec.structs.replace(old, digest=going_on.digest(), settings=going_on))
    return going_on


def continued(recorded: FoldSettings, present: FoldSettings) -> FoldSettings:
    """What tables go on with: a store or an account that only one side knows is taken from there, else the present.

    One that joins has no record in the tables yet, so nothing was folded without its settings. One that has left stays
    with those that its records were folded with: they are still there, and others of its account hang on them.
    """
    return FoldSettings({**recorded.stores, **present.stores}, {**recorded.accounts, **present.accounts})


def _tell_apart(recorded: FoldSettings, present: FoldSettings) -> None:
    """A name leads the ids of order records: who joins may not have that of one who has left."""
    left = {store.name: key for key, store in recorded.stores.items() if key not in present.stores}
    for key, store in present.stores.items():
        if store.name in left:
            raise SettingsChanged(
                f"The store {key} is named {store.name}, as was {left[store.name]}, whose orders are still in the "
                f"tables: give it another name, or take history anew with `tajo rebuild start`."
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
