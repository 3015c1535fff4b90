"""A configuration, its topics of one partition, folds that bury what they cannot use, and the command beside them."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from projections.orders import OrdersFold
from schemas import topics
from schemas.decisions import DeadLetterDecision
from schemas.settings import FoldSettings
from streams.access import Kafka
from streams.folds import FoldOwner
from streams.owner import Parts
from streams.reading import Reader
from tajo.components import Components
from tajo.dlq.deciding import Outcome
from tajo.dlq.letters import SOURCES, Place, place_named
from tajo.dlq.standing import Standing, survey
from tajo.settings import load
from tests.commands import finished
from tests.connectors.bigcommerce_shop import TOKEN
from tests.streams import logs
from tests.streams.stand import Stand

STORE = "tj4kq1w9zc"
CONFIGURATION = """\
connectors:
  bigcommerce: {{store_hash: {store}, access_token: {token}}}
brevo: {{api_key: xkeysib-test, account: main}}
kafka: {{bootstrap_servers: "{kafka}", prefix: {prefix}, partitions: 1, replication: 1}}
"""


def configured(folder: Path, kafka: str, prefix: str, *, store: str = STORE, more: str = "") -> Path:
    path = folder / "tajo.yml"
    text = CONFIGURATION.format(store=store, token=TOKEN, kafka=kafka, prefix=prefix)
    path.write_text(text + more, encoding="utf-8")
    return path


async def components(folder: Path, kafka: str, prefix: str, **configuration: Any) -> Components:
    """Its topics are there."""
    made = Components(load(configured(folder, kafka, prefix, **configuration)), Kafka(kafka))
    await made.apply_topics()
    return made


class OrdersDesk:
    """The real fold of orders, in the hands of owners that may know the store or not."""

    def __init__(self, made: Components, folder: Path) -> None:
        self.made = made
        self._settings = made.fold_settings()
        prefix = made.names.prefix
        self.stand = Stand(
            made.kafka.bootstrap_servers, prefix, folder, self._owner, name="orders", inputs=(topics.ORDER,)
        )

    def _owner(self, parts: Parts) -> FoldOwner:
        return FoldOwner(parts._replace(partitions=lambda _: 1), OrdersFold(self._settings), None)

    async def fold(self, *, strangers: bool = False) -> list[bytes]:
        """A new owner folds all that it has not folded; keys in the table then. ``strangers``: it knows no store."""
        self._settings = FoldSettings({}, {}) if strangers else self.made.fold_settings()
        owner = await self.stand.start()
        await self.stand.feed(owner)
        keys = sorted(await self.stand.table())
        await owner.stop()
        return keys


async def standings(made: Components) -> list[Standing]:
    async with Reader(made.kafka) as reader:
        return (await survey(made, reader, SOURCES)).all()


async def states(made: Components) -> dict[str, str]:
    """Id -> state of all letters, oldest first."""
    return {str(one.letter.place): one.state for one in await standings(made)}


async def decisions(made: Components) -> list[DeadLetterDecision]:
    records = await written(made, topics.DECISION)
    assert all(record.key.decode() == msgspec.json.decode(record.value)["letter"] for record in records)
    return [msgspec.json.decode(record.value, type=DeadLetterDecision) for record in records]


async def one(
    work: Callable[[Components, Sequence[Place]], Awaitable[list[Outcome]]], made: Components, id_: str
) -> Outcome:
    """What comes of it for one letter."""
    (outcome,) = await work(made, [place_named(id_)])
    return outcome


async def written(made: Components, topic: str) -> list[Any]:
    """All that was committed to a logical topic."""
    return await logs.read_decided(made.kafka.bootstrap_servers, made.names.topic(topic), 1)


async def program(folder: Path, *arguments: str, **environment: str) -> tuple[int | None, str, str]:
    """Exit status, standard output and standard error of `tajo dlq …` with the configuration of the folder."""
    beside = {"TAJO_DATA_DIR": str(folder / "data"), "COLUMNS": "80", **environment}
    done = await finished("dlq", *arguments, "-c", str(folder / "tajo.yml"), environment=beside)
    assert "Traceback" not in done.err, done.err
    return done
