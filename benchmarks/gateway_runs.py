"""The gateways that are put under the same load: how each is started, and the load itself."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from benchmarks.benthos import LOAD, STREAM
from benchmarks.broker import Broker
from benchmarks.contestants import PEERS
from benchmarks.process import ROOT, ProgramFailed, Running, running
from schemas import topics
from tajo.kafka.ports import free_port

STORE: Final = "8jbhprizry"
SECRET: Final = "the-shared-header-of-8jbhprizry"
CLIENT_SECRET: Final = "test-client-secret-0123456789abcdef"
START_SECONDS: Final = 60
# A request is produced at once; franz-go batches what waits. Others: `python -m benchmarks.gateway benthos key=value`.
BENTHOS: Final = {"threads": "2", "in-flight": "1024", "linger": "0s"}
_SETTINGS: Final = """
stores: [{{name: shop, store_hash: {store}, access_token: unused, client_id: unused, client_secret: {key},
          webhook_secret: {secret}}}]
brevo: {{api_key: unused, currency: USD}}
gateway: {{port: {port}}}
kafka: {{prefix: "{prefix}"}}
data_dir: {data}
"""


class Side(NamedTuple):
    """``command``: its program, given the broker, a prefix of its own and a free port. ``reads``: its own topic."""

    name: str
    command: Callable[[Broker, str, int], list[str]]


class Load(msgspec.Struct):
    """What peers/benthos/load says: answers a second, and milliseconds."""

    accepted: int
    refused: int
    failed: int
    per_second: float
    p50_ms: float
    p99_ms: float
    worst_ms: float

    def __str__(self) -> str:
        return f"{self.per_second:,.0f}/s, p50 {self.p50_ms:.1f} ms, p99 {self.p99_ms:.1f} ms"


def topic(prefix: str) -> str:
    return prefix + topics.WEBHOOK


def ours(workers: int = 1) -> Side:
    def command(at: Broker, prefix: str, port: int) -> list[str]:
        folder = at.folder / prefix
        folder.mkdir(exist_ok=True)
        file = folder / "tajo.yml"
        settings = _SETTINGS.format(
            store=STORE, key=CLIENT_SECRET, secret=SECRET, port=port, prefix=prefix, data=folder / "data"
        )
        file.write_text(settings, encoding="utf-8")
        more = [] if workers == 1 else ["--workers", str(workers)]
        return [sys.executable, "-m", "tajo", "gateway", "-c", str(file), "--bootstrap-servers", at.bootstrap, *more]

    return Side("ours", command)


def floor() -> Side:
    """The same uvicorn that answers 204, without doing anything."""
    program = str(PEERS / "uvicorn" / "floor.py")
    return Side("uvicorn", lambda _at, _prefix, port: [sys.executable, program, "127.0.0.1", str(port)])


def benthos(settings: dict[str, str] = BENTHOS) -> Side:
    def command(at: Broker, prefix: str, port: int) -> list[str]:
        given = {
            "address": f"127.0.0.1:{port}",
            "brokers": at.bootstrap,
            "topic": topic(prefix),
            "secret": SECRET,
            "client-secret": CLIENT_SECRET,
        }
        return [str(STREAM), *(f"-{name}={value}" for name, value in (given | settings).items())]

    return Side("benthos", command)


@asynccontextmanager
async def serving(at: Broker, side: Side, prefix: str) -> AsyncIterator[tuple[Running, int]]:
    """The program and its port, once a delivery is answered 2xx. Raises ProgramFailed."""
    await at.create(*(prefix + name for name in (*_WRITTEN, *map(topics.dead, _WRITTEN))))
    port = free_port()
    async with running(side.command(at, prefix, port)) as program:
        try:
            async with asyncio.timeout(START_SECONDS):
                while not await _answers(port):
                    program.check()
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise program.failure(f"did not answer within {START_SECONDS} s") from None
        yield program, port


_WRITTEN: Final = (topics.WEBHOOK, topics.BREVO_EVENT)


async def _answers(port: int) -> bool:
    try:
        return (await load(port, connections=1, seconds=0.2, warm_up=0, name="aa")).accepted > 0
    except ProgramFailed:
        return False


async def load(
    port: int,
    *,
    connections: int,
    seconds: float,
    warm_up: float = 1.0,
    rate: float = 0.0,
    name: str = "bb",
    accepted: Path | None = None,
) -> Load:
    """Deliveries from a process of their own. ``rate``: arrivals a second; 0: as fast as they are answered.

    ``accepted``: file for the hashes of those that were answered 2xx. ``name``: hexadecimal, leads the hashes.
    Raises ProgramFailed when a connection could not be made.
    """
    given = {
        "address": f"127.0.0.1:{port}",
        "store": STORE,
        "secret": SECRET,
        "client-secret": CLIENT_SECRET,
        "connections": connections,
        "seconds": seconds,
        "warm-up": warm_up,
        "rate": rate,
        "name": name,
        "accepted": accepted or "",
    }
    # One processor for all its connections, so that it leaves the other to the gateway.
    environment = os.environ | {"GOMAXPROCS": "1"}
    process = await asyncio.create_subprocess_exec(
        str(LOAD), *(f"-{key}={value}" for key, value in given.items()),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=ROOT, env=environment,
    )  # fmt: skip
    try:
        out, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        raise ProgramFailed(f"The load ended with {process.returncode}: {said.decode().strip()}")
    return msgspec.json.decode(out, type=Load)
