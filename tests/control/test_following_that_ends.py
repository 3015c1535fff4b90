"""A component that would no longer hear of connected stores ends, and says why."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer

from schemas import topics
from streams.access import Kafka
from tajo.access.watching import while_unchanged
from tajo.components import Components
from tajo.settings import load
from tests.control.stand import CONNECTORS, FILE
from tests.streams import logs

pytestmark = pytest.mark.kafka


async def test_a_component_that_cannot_follow_the_connections_does_not_go_on(
    kafka: str, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "tajo.yml"
    file = {"connectors": CONNECTORS, "shop": "http://127.0.0.1:1", "kafka": kafka, "prefix": topic_prefix}
    path.write_text(FILE.format(folder=tmp_path / "data", **file), encoding="utf-8")
    made = Components(load(path, {}), Kafka(kafka))
    await logs.create(kafka, [made.names.topic(topics.CONNECTION)], partitions=1)
    await logs.write(kafka, made.names.topic(topics.CONNECTION), [(b"a", None)])

    async def broken(*_: Any, **__: Any) -> None:
        raise AttributeError("a defect of the client library")

    monkeypatch.setattr(AIOKafkaConsumer, "getmany", broken)
    done = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            done.append("in order")

    with pytest.raises(AttributeError, match="a defect of the client library"):
        async with asyncio.timeout(30):
            await while_unchanged(made, work())
    assert done == ["in order"]
