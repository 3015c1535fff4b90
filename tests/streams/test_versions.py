"""Settings that folds depend on are part of the state: others are refused, by name and with the cures."""

import msgspec
import pytest

from schemas import topics
from schemas.settings import AccountSettings, FoldSettings, StoreSettings
from streams.access import Kafka
from streams.errors import SettingsChanged
from streams.names import Names
from streams.versions import admit, continued, known
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


def other(**changes: object) -> FoldSettings:
    """The settings with one more store and one more account."""
    store = StoreSettings("new", "new", "its", **changes)  # type: ignore[arg-type]
    return FoldSettings({**SETTINGS.stores, "new": store}, {**SETTINGS.accounts, "its": AccountSettings("its")})


async def test_a_store_that_joins_is_recorded_and_the_version_goes_on(kafka: str, topic_prefix: str) -> None:
    names = Names(prefix=topic_prefix)
    await logs.create(kafka, [names.topic(topics.PROJECTION)], partitions=1)
    await admit(Kafka(kafka), names, SETTINGS, now=1)
    assert await admit(Kafka(kafka), names, other(), now=2) == other()
    recorded = (await known(Kafka(kafka), names))["v1"]
    assert (recorded.settings, recorded.digest, recorded.at) == (other(), other().digest(), 1)
    with pytest.raises(SettingsChanged, match=r"stores\.new\.include_guests was False and is True"):
        await admit(Kafka(kafka), names, other(include_guests=True), now=3)


async def test_a_store_that_has_left_stays_as_its_records_were_folded(kafka: str, topic_prefix: str) -> None:
    names = Names(prefix=topic_prefix)
    await logs.create(kafka, [names.topic(topics.PROJECTION)], partitions=1)
    await admit(Kafka(kafka), names, other(), now=1)
    assert await admit(Kafka(kafka), names, SETTINGS, now=2) == other()
    assert (await known(Kafka(kafka), names))["v1"].settings == other()
    taken = FoldSettings({**SETTINGS.stores, "again": StoreSettings("new", "again", "main")}, SETTINGS.accounts)
    with pytest.raises(SettingsChanged, match="The store again is named new, as was new, whose orders"):
        await admit(Kafka(kafka), names, taken, now=3)


def test_whoever_starts_first_all_workers_fold_with_the_same() -> None:
    """One may have heard of a store that another has not: what both go on with is the same."""
    assert continued(other(), SETTINGS) == continued(SETTINGS, other()) == other()
