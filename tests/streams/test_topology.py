"""What folds declare of their topics is checked: before anything starts, and at every commit."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from schemas import topics
from streams import topology
from streams.errors import TopologyBroken
from streams.folds import FoldOwner
from streams.names import Names
from tests.streams import logs
from tests.streams.alarms import Alarms
from tests.streams.stand import COUNT, Stand


class Stray(Alarms):
    name = "stray"
    outputs = ("commerce.stray.v1",)


class Namesake(Alarms):
    name = "orders"


class Behind(Alarms):
    """It feeds `customers`, whose fold stands before it."""

    name = "behind"


@pytest.mark.parametrize(
    ("fold", "told"),
    [
        (Stray, r"stray names the topic commerce\.stray\.v1, which nobody creates: add it to schemas/topics\.py"),
        (Namesake, r"Two folds are named orders"),
        (Behind, r"behind feeds customers \(customers\), but stands behind it"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused(
    monkeypatch: pytest.MonkeyPatch, fold: type[Alarms], told: str
) -> None:
    monkeypatch.setattr(topology, "FOLDS", (*topology.FOLDS, fold))
    with pytest.raises(TopologyBroken, match=told):
        topology.catalogue(Names())


@pytest.fixture
async def stand(kafka: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Stand]:
    stand = Stand(kafka, topic_prefix, tmp_path, lambda p: FoldOwner(p, Stray(), None), name="s", inputs=Stray.inputs)
    await stand.create(topics.COMMAND, "customers")
    yield stand
    await stand.end()


@pytest.mark.kafka
async def test_an_output_that_a_fold_does_not_declare_is_refused_and_nothing_of_the_batch_is_written(
    stand: Stand,
) -> None:
    owner = await stand.start()
    await stand.write(topics.CART, (b"a", b'{"at": 7}', ()))
    with pytest.raises(ValueError, match=r"s writes to \['brevo.command.v1', 'customers'\], but declares only"):
        await stand.feed(owner)
    assert await stand.table() == {}
    assert owner.position == {topics.CART: 0}
    assert await logs.read_decided(stand.kafka, stand.names.topic(topics.COMMAND), COUNT) == []
