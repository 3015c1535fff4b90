"""The lease is what the broker's answers prove, and no more."""

import os
import signal
from pathlib import Path

from schemas import topics
from streams.folds import FoldOwner
from tajo.kafka import EmbeddedKafka
from tests.streams import logs
from tests.streams.alarms import Alarms
from tests.streams.stand import COUNT, Stand, alarm_engine


async def test_the_lease_ends_while_the_broker_is_frozen_and_comes_back_by_itself(tmp_path: Path) -> None:
    async with EmbeddedKafka(tmp_path / "kafka") as broker:
        stand = Stand(
            broker.bootstrap_servers,
            "",
            tmp_path,
            lambda parts: FoldOwner(parts, Alarms(), None),
            name=Alarms.name,
            inputs=Alarms.inputs,
        )
        await stand.create("customers", topics.COMMAND)
        engine = alarm_engine(stand.names, stand.kafka, tmp_path, stand.failures)
        await engine.start()
        try:

            async def held() -> bool:
                return engine.holds_lease() and len(engine.owners()) == COUNT

            async def free() -> bool:
                return not engine.holds_lease()

            async def folded() -> bool:
                return bool(await stand.table())

            await logs.until(held, "all partitions are held", timeout=30)
            assert broker.pid
            os.kill(broker.pid, signal.SIGSTOP)
            try:
                await logs.until(free, "the lease has run out", timeout=6)  # the session's length
            finally:
                os.kill(broker.pid, signal.SIGCONT)
            await logs.until(held, "the lease is back", timeout=40)
            await stand.write(topics.CART, (b"a", b'{"at": 1}', ()))
            await logs.until(folded, "a new record is folded", timeout=40)
            assert not stand.failures
        finally:
            await engine.stop()
