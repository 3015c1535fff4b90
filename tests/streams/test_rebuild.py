"""A rebuild beside the live version: equal tables, and nothing sent."""

from functools import partial
from pathlib import Path

import pytest

from projections.fold import Input, Output
from schemas import topics
from streams.access import Kafka
from streams.names import INNER, Names
from streams.rebuild import Progress, Rebuild, compare
from tests.streams import logs
from tests.streams.counting import Entries, Sums
from tests.streams.counting_worker import new_engine
from tests.streams.test_engine import changes, equal, prepare


class Generous(Sums):
    """Other rules than those the live tables were built with."""

    def fold(self, state: list[int], record: Input) -> tuple[list[int], list[Output]]:
        state, outputs = super().fold(state, record)
        return [state[0] + 1, state[1]], outputs


def raise_it(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(("sums", "same"), [(Sums, True), (Generous, False)])
async def test_a_rebuild_tells_whether_the_tables_are_equal_and_sends_nothing(
    kafka: str, topic_prefix: str, tmp_path: Path, sums: type[Sums], same: bool
) -> None:
    names = await prepare(kafka, topic_prefix)
    records = changes(2000, seed=6)
    await logs.write(kafka, names.topic(topics.ORDER), records)
    engine = new_engine(kafka, topic_prefix, tmp_path / "live")
    await engine.start()
    new = Names(version="v2", prefix=topic_prefix)
    folds = [Entries(), sums()]
    try:
        await logs.until(partial(equal, kafka, names, records), "all sums are there")
        told = len(await logs.read(kafka, names.topic(topics.COMMAND)))
        await logs.create(kafka, [new.topic(name) for name in INNER] + [new.changelog(fold.name) for fold in folds])
        seen: list[Progress] = []
        rebuild = Rebuild(
            folds, kafka=Kafka(kafka), names=new, partitions=4, data_dir=tmp_path / "new", on_failure=raise_it
        )
        await rebuild.run(seen.append)
        found = await compare(folds, kafka=Kafka(kafka), live=names, rebuilt=new, partitions=4)
    finally:
        await engine.stop()
    assert seen[-1].folded == seen[-1].total > 0
    assert {difference.table: difference.equal for difference in found} == {"entries": True, "sums": same}
    assert {difference.rows for difference in found} == {difference.rebuilt_rows for difference in found}
    assert len(await logs.read(kafka, names.topic(topics.COMMAND))) == told
