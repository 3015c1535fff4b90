"""Settings that folds depend on are part of the state: others are refused, by name and with the cures."""

import msgspec
import pytest

from schemas import topics
from schemas.settings import AccountSettings, FoldSettings, StoreSettings
from streams.access import Kafka
from streams.errors import SettingsChanged
from streams.names import Names
from streams.versions import admit, known
from tests.streams import logs

SETTINGS = FoldSettings(
    stores={"abc": StoreSettings("abc", "abc", "main", counted_statuses=(2, 10))},
    accounts={"main": AccountSettings("main")},
)


async def test_a_version_starts_again_with_the_settings_it_was_built_with(kafka: str, topic_prefix: str) -> None:
    names = Names(prefix=topic_prefix)
    await logs.create(kafka, [names.topic(topics.PROJECTION)], partitions=1)
    await admit(Kafka(kafka), names, SETTINGS, now=1)
    await admit(Kafka(kafka), names, SETTINGS, now=2)
    assert (await known(Kafka(kafka), names))["v1"].at == 1


async def test_other_settings_are_refused_with_what_differs_and_the_cures(kafka: str, topic_prefix: str) -> None:
    names = Names(prefix=topic_prefix)
    await logs.create(kafka, [names.topic(topics.PROJECTION)], partitions=1)
    await admit(Kafka(kafka), names, SETTINGS, now=1)
    store = msgspec.structs.replace(SETTINGS.stores["abc"], counted_statuses=(2,))
    with pytest.raises(SettingsChanged, match=r"stores\.abc\.counted_statuses was .*10.* and is .*tajo rebuild start"):
        await admit(Kafka(kafka), names, FoldSettings({"abc": store}, SETTINGS.accounts), now=2)
