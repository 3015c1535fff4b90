"""`tajo gateway --workers`: processes on one port, one of them killed, and what they leave behind."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from structlog.testing import capture_logs

from gateway.fleet import Place, Together, keep_writing
from gateway.record import Record
from gateway.spool import Spool
from schemas import topics
from tajo.kafka.ports import free_port
from tests.commands import children
from tests.gateway.deliveries import SECRET, STORE, body, trusted
from tests.gateway.running import PATH, create_topics
from tests.streams import logs
from tests.streams.logs import until


@asynccontextmanager
async def gateways(
    bootstrap: str, prefix: str, data: Path, workers: int
) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """The URL and the supervisor, once it answers; ended by SIGTERM if the test has not done so."""
    port = free_port()
    file = data / "tajo.yml"
    file.write_text(
        f"stores: [{{name: shop, store_hash: {STORE}, access_token: t, webhook_secret: {SECRET}}}]\n"
        f"brevo: {{api_key: k, currency: USD}}\ngateway: {{port: {port}, workers: {workers}}}\n"
        f'kafka: {{prefix: "{prefix}"}}\ndata_dir: {data}\n',
        encoding="utf-8",
    )
    command = (sys.executable, "-m", "tajo", "gateway", "-c", str(file), "--bootstrap-servers", bootstrap)
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:

        async def all_answer() -> bool:
            async with httpx.AsyncClient() as client:
                try:
                    ready = (await client.get(f"{url}/readyz")).status_code == 200
                except httpx.TransportError:
                    return False
            return ready and len(children(process)) == (workers if workers > 1 else 0)

        await until(all_answer, "the workers answer")
        yield url, process
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), 30)


def _spools(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.glob("gateway-spool*.db"))


@pytest.mark.kafka
async def test_a_worker_killed_under_load_loses_nothing_and_comes_back(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    await create_topics(kafka, topic_prefix)
    taken: list[bytes] = []
    async with gateways(kafka, topic_prefix, tmp_path, 2) as (url, process):
        before = children(process)

        async def shop(name: str) -> None:
            client = httpx.AsyncClient(base_url=url, timeout=30)
            for number in range(60):
                content = body(event=f"{name}{number:04}")
                try:
                    answer = await client.post(PATH, content=content, headers=trusted())
                except httpx.TransportError:
                    await client.aclose()
                    client = httpx.AsyncClient(base_url=url, timeout=30)  # over a new connection, as any sender would
                    continue
                assert answer.status_code == 200
                taken.append(content)
                if len(taken) == 150:
                    os.kill(before[0], signal.SIGKILL)
            await client.aclose()

        await asyncio.gather(*(shop(name) for name in "abcdefgh"))
        assert len(taken) > 400

        async def is_back() -> bool:
            return len(now := children(process)) == 2 and before[0] not in now

        await until(is_back, "the worker is started anew")
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 20) == 0

    async with gateways(kafka, topic_prefix, tmp_path, 1):  # takes over what two have left

        async def all_there() -> bool:
            found = {record.value for record in await logs.read(kafka, topic_prefix + topics.WEBHOOK)}
            return set(taken) <= found

        await until(all_there, "every delivery that was answered 200 is in the log")
        assert _spools(tmp_path) == ["gateway-spool.db"]


async def test_one_worker_tells_the_figures_of_all(topic_prefix: str, tmp_path: Path) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    async with gateways(nowhere, topic_prefix, tmp_path, 2) as (url, _):
        for _ in range(40):
            async with httpx.AsyncClient(base_url=url, timeout=30) as client:  # each over a connection of its own
                assert (await client.post(PATH, content=body(), headers=trusted())).status_code == 200

        async def counted() -> bool:
            async with httpx.AsyncClient(base_url=url) as client:
                text = (await client.get("/metrics")).text
            return 'tajo_webhook_deliveries_total{answer="accepted"} 40.0' in text and (
                re.search(r"^tajo_spool_records 40\.0$", text, re.MULTILINE) is not None
            )

        await until(counted, "the figures of both are told")


async def test_figures_are_added_up_and_kafka_answers_only_if_it_answers_all(tmp_path: Path) -> None:
    def registry(count: int, answers: int) -> CollectorRegistry:
        made = CollectorRegistry()
        Counter("tajo_x", "…", ["of"], registry=made).labels("a").inc(count)
        Gauge("tajo_kafka_answers", "…", registry=made).set(answers)
        return made

    other = asyncio.create_task(keep_writing(Place(tmp_path, 1, 3), registry(5, 0)))
    await asyncio.sleep(0)
    other.cancel()
    together = CollectorRegistry()
    together.register(Together(Place(tmp_path, 0, 3), registry(2, 1)))  # the third has not written yet
    assert 'tajo_x_total{of="a"} 7.0' in generate_latest(together).decode()
    assert "tajo_kafka_answers 0.0" in generate_latest(together).decode()


async def test_figures_that_cannot_be_written_are_written_when_they_can(tmp_path: Path) -> None:
    place, made = Place(tmp_path / "later", 1, 2), CollectorRegistry()
    with capture_logs() as said:
        writing = asyncio.create_task(keep_writing(place, made))

        async def complained() -> bool:
            return bool(said)

        await until(complained, "somebody complains")
        place.folder.mkdir()

        async def written() -> bool:
            return place.figures(1).exists()

        await until(written, "the figures are written")
        writing.cancel()
        await asyncio.wait([writing])
    assert [one["event"] for one in said] == ["figures cannot be written; others tell the last ones"]


async def test_the_first_of_fewer_processes_takes_over_the_spools_of_more(tmp_path: Path) -> None:
    places = [Place(tmp_path, worker, 3) for worker in range(3)]
    for number, place in enumerate(places):
        spool = Spool(place.spool(), limit=1 << 20)
        spool.open()
        await spool.put(Record(topics.WEBHOOK, b"store", b"%d" % number, [], 1_700_000_000_000))
        await spool.close()
    assert Place(tmp_path, 1, 2).orphans() == []
    first = Place(tmp_path, 0, 2)
    spool = Spool(first.spool(), limit=1 << 20, orphans=first.orphans())
    spool.open()
    assert [record.value for _, record in await spool.head(10)] == [b"0", b"2"]
    assert spool.records == 2
    await spool.close()
    assert _spools(tmp_path) == ["gateway-spool-0.db", "gateway-spool-1.db"]


async def test_the_spool_of_a_living_process_is_not_taken_over(tmp_path: Path) -> None:
    living = Spool(Place(tmp_path, 1, 2).spool(), limit=1 << 20)
    living.open()
    alone = Spool(Place(tmp_path).spool(), limit=1 << 20, orphans=Place(tmp_path).orphans())
    alone.open()
    await living.put(Record(topics.WEBHOOK, b"store", b"1", [], 1_700_000_000_000))
    assert (alone.records, living.records) == (0, 1)
    await alone.close()
    await living.close()
