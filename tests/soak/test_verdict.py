"""The verdict of a soak sees growth, and only growth; the load of it does not grow by itself."""

from pathlib import Path

import pytest

from schemas import topics
from streams import topology
from streams.names import Names
from tests.soak import measures
from tests.soak.load import DAY, Load, settings
from tests.soak.measures import CHANGELOGS, INPUTS, KAFKA, MIB, Sample
from tests.soak.run import SEGMENT, quick_topics
from tests.soak.twin import Twin
from tests.soak.verdict import LEAST, bounds, grown, miscounted

NOW = 1_786_447_800_000
BOUNDS = bounds(4, SEGMENT)


def sample(second: int, **changed: int) -> Sample:
    disk = {"customers": 8 * MIB, "contacts": 8 * MIB, CHANGELOGS: 40 * MIB, INPUTS: second * MIB, KAFKA: second}
    sizes = {"store": 50 * MIB, "memory": 200 * MIB} | changed
    disk |= {name: size for name, size in sizes.items() if name in disk}
    return Sample(float(second), disk, [sizes["store"]], [sizes["memory"]], 0)


def test_what_goes_up_and_down_is_bounded() -> None:
    assert (
        grown([sample(n, contacts=(8 + n % 4) * MIB, changelogs=(40 + n % 9) * MIB) for n in range(60)], BOUNDS) == []
    )


@pytest.mark.parametrize(
    ("what", "begins", "each"),
    [
        ("customers", 1 * MIB, 3 * MIB // 4),  # what the load writes into each in half a minute
        ("contacts", 1 * MIB, 3 * MIB // 4),
        (CHANGELOGS, 10 * MIB, 2 * MIB),
        ("store", 20 * MIB, 2 * MIB),
        ("memory", 90 * MIB, 3 * MIB),
    ],
)
def test_what_grows_by_the_minute_is_named(what: str, begins: int, each: int) -> None:
    (sentence,) = grown([sample(n, **{what: begins + n * each}) for n in range(60)], BOUNDS)
    middle, last = (begins + 39 * each) / MIB, (begins + 59 * each) / MIB
    assert what in sentence
    assert f"has grown from {middle:.1f} MiB in the middle third to {last:.1f} MiB in the last" in sentence


def test_too_few_samples_are_no_verdict() -> None:
    with pytest.raises(ValueError, match=f"There are 8 samples, which tells nothing; take {LEAST} or more"):
        grown([sample(n) for n in range(LEAST - 1)], BOUNDS)


def test_a_record_that_was_folded_twice_or_never_is_named() -> None:
    expected = {"a by x": 3, "b by y": 4, "c by z": 0}
    assert miscounted(expected, {"a by x": 3, "b by y": 4}) == []
    assert miscounted(expected, {"a by x": 2, "b by y": 5}) == [
        "a by x: 2 records were folded, and there were 3.",
        "b by y: 5 records were folded, and there were 4.",
    ]


def test_the_load_changes_everything_and_makes_no_table_larger() -> None:
    load, twin = Load(NOW - DAY), Twin(topology.folds(settings()))
    for fact in load.everything(NOW):
        twin.take(fact, NOW)
    rows = {name: len(table) for name, table in twin.tables.items()}
    before, told = {name: dict(table) for name, table in twin.tables.items()}, twin.folded.copy()
    for n in range(600):
        twin.take(load.change(NOW + 10 * n), NOW + 10 * n)
    assert {name: len(table) for name, table in twin.tables.items()} == rows
    for name in ("orders", "carts", "customers", "contacts"):
        size = sum(map(len, before[name].values()))
        assert before[name] != twin.tables[name]
        assert sum(map(len, twin.tables[name].values())) < size * 1.01
    for topic in ("customers", "contacts", topics.PRODUCT):
        assert twin.folded[topic] > told[topic]


def test_a_difference_to_the_independent_fold_is_seen() -> None:
    load, twin = Load(NOW - DAY), Twin(topology.folds(settings()))
    facts = list(load.everything(NOW))
    for fact in facts:
        twin.take(fact, NOW)
    table = dict(twin.tables["orders"])
    assert twin.differences("orders", table) == []
    key, stored = table.popitem()
    assert twin.differences("orders", table) == [key.decode()]
    table[key] = stored
    late = Twin(topology.folds(settings()))
    for fact in [*facts, load.change(NOW + 1), load.change(NOW + 2)]:
        late.take(fact, NOW)
    assert sum(len(late.differences(name, table)) for name, table in twin.tables.items())


def test_topics_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    names = Names(prefix="soak-")
    folders = {
        "soak-tajo.v1.customers-0": "customers",
        "soak-tajo.v1.contacts-3": "contacts",
        "soak-tajo.v1.contacts.dead.v1-3": INPUTS,
        "soak-tajo.v1.orders.changelog-1": CHANGELOGS,
        "soak-commerce.cart.v1-2": INPUTS,
        "__consumer_offsets-2": KAFKA,
    }
    for folder in folders:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "0.log").write_bytes(bytes(8192))
    found = measures.disk(tmp_path, names)
    expected = {family: 8192 * list(folders.values()).count(family) for family in folders.values()}
    assert found == expected


def test_only_purges_shorten_an_inner_topic_of_a_soak() -> None:
    config = {topic.name: topic.config() for topic in quick_topics(Names(prefix="soak-"))}
    for name in ("soak-tajo.v1.customers", "soak-tajo.v1.contacts"):
        assert (config[name]["cleanup.policy"], config[name]["retention.ms"]) == ("delete", "-1")
    assert config["soak-tajo.v1.orders.changelog"]["cleanup.policy"] == "compact"
    assert config["soak-commerce.cart.v1"]["cleanup.policy"] == "delete"
