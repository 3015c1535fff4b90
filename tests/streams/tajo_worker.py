"""`tajo worker` as a process of its own, with all folds of the product; and a reader of what they tell."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from schemas import topics
from schemas.facts import ProductFact
from streams.access import Kafka
from streams.names import Names
from tajo.components import Components
from tajo.settings import load
from tests.commands import on_broker
from tests.streams.worker_process import ROOT

DOCUMENTED = ROOT / "tests" / "settings" / "files" / "as_documented.yml"
STORE = "your-store-hash"
COUNT = 4


class Worker:
    """``more``: of its environment."""

    def __init__(self, kafka: str, prefix: str, folder: Path, more: Mapping[str, str] | None = None) -> None:
        self._kafka, self._names, self._log = kafka, Names(prefix=prefix), folder / "worker.log"
        self._environment = {
            "BREVO_API_KEY": "xkeysib-none",
            **on_broker(kafka, prefix, COUNT),
            "TAJO_DATA_DIR": str(folder / "data"),
            **(more or {}),
        }
        self._written = 0
        self.process: asyncio.subprocess.Process | None = None

    async def prepare(self) -> None:
        settings = load(DOCUMENTED, self._environment)
        await Components(settings, Kafka(self._kafka)).apply_topics()

    async def start(self) -> None:
        command = [sys.executable, "-m", "tajo", "worker", "-c", str(DOCUMENTED)]
        with self._log.open("ab") as out:
            self.process = await asyncio.create_subprocess_exec(
                *command, cwd=ROOT, env={**os.environ, **self._environment}, stdout=out, stderr=out
            )

    async def end(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), 30)

    def waited(self) -> float:
        """Seconds that it was ready to run, and did not, since another process had the processor (proc(5))."""
        assert self.process is not None
        path = Path(f"/proc/{self.process.pid}/schedstat")
        return int(path.read_text(encoding="ascii").split()[1]) / 1e9 if path.exists() else 0.0

    async def folds_new_records(self) -> None:
        """Writes a fact into each partition, now; returns as soon as all of them have been folded."""
        self._written += 1
        async with AIOKafkaConsumer(
            bootstrap_servers=self._kafka, isolation_level="read_committed", enable_auto_commit=False
        ) as reader:
            tps = [TopicPartition(self._names.topic(topics.COMMAND), n) for n in range(COUNT)]
            reader.assign(tps)
            await reader.seek_to_end(*tps)
            await self._write()
            told = 0
            async with asyncio.timeout(60):
                while told < COUNT:
                    told += sum(map(len, (await reader.getmany(timeout_ms=1_000)).values()))

    async def _write(self) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self._kafka) as producer:
            for n in range(COUNT):
                entity = {
                    "id": n,
                    "name": f"Cup {self._written}",
                    "price": 3,
                    "variants": [],
                    "custom_url": {"url": "/c"},
                }
                fact = ProductFact(
                    store=STORE,
                    id=str(n),
                    fetched_at=int(time.time() * 1000),
                    store_currency="USD",
                    url="",
                    entity=msgspec.Raw(msgspec.json.encode(entity)),
                )
                key = f"{STORE}/{n}".encode()
                value = msgspec.json.encode(fact)
                await producer.send_and_wait(self._names.topic(topics.PRODUCT), value, key=key, partition=n)
