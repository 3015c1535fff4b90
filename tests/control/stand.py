"""A gateway with its control API, a store that it knows, one that it does not, and the `tajo` command."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec

from emulators.bigcommerce import BigCommerce
from emulators.bigcommerce.store import Store
from emulators.clock import RealClock
from emulators.server import Server
from schemas import topics
from streams.access import Kafka
from tajo.access import register, tokens
from tajo.access.live import controlled
from tajo.access.vault import new_key
from tajo.components import Components
from tajo.health import GROUPS, check
from tajo.settings import load
from tests.commands import finished
from tests.streams import logs

ROOT = Path(__file__).parents[2]
FILED, HEADER = "8jbhprizry", "the-shared-header-of-8jbhprizry"
OTHER, OTHER_TOKEN, OTHER_ID = "tj4kq1w9zc", "a1b2c3d4e5f6", "client-of-tj4kq1w9zc"
KEY = new_key()
API = "/v1/connectors/bigcommerce"
CONNECTORS = f"""\
connectors:
  bigcommerce: {{store_hash: {FILED}, access_token: token-of-the-file, webhook_secret: {HEADER}}}
"""
FILE = """\
{connectors}
brevo: {{api_key: xkeysib-main, base_url: "http://127.0.0.1:1/v3"}}
bigcommerce: {{base_url: "{shop}"}}
kafka: {{bootstrap_servers: "{kafka}", prefix: {prefix}, partitions: 1, replication: 1}}
data_dir: {folder}
"""
WISH = {"store_hash": OTHER, "access_token": OTHER_TOKEN, "client_id": OTHER_ID}


@dataclass
class Stand:
    """``http`` shows a token, ``anybody`` none. ``file``: the configuration."""

    made: Components
    bigcommerce: BigCommerce
    http: httpx.AsyncClient
    anybody: httpx.AsyncClient
    token: str
    file: Path
    kafka: str
    app: Any
    environment: dict[str, str]

    async def tajo(self, *arguments: str, **environment: str) -> tuple[int | None, str]:
        """Exit code, and what was printed."""
        line, beside = (*arguments, "-c", str(self.file)), {**self.environment, **environment}
        done = await finished(*line, environment=beside, together=True)
        return done.status, done.out

    async def start(self, component: str, out: Any) -> asyncio.subprocess.Process:
        """A component as a process of its own; it writes to the file ``out``."""
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tajo", component, "-c", str(self.file)),
            cwd=ROOT,
            env={**os.environ, **self.environment},
            stdout=out,
            stderr=out,
        )

    async def until_member(self, component: str) -> None:
        """Until the component has joined its consumer group."""

        async def joined() -> bool:
            return await check(Kafka(self.kafka), self.made.names.group(GROUPS[component])) is None

        await logs.until(joined, f"{component} is a member of its group")

    async def records(self, topic: str) -> list[Any]:
        return await logs.read(self.kafka, self.made.names.topic(topic), 1)

    async def delivered(self) -> list[dict[str, Any]]:
        """The bodies in the log, as they were written."""
        return [msgspec.json.decode(record.value) for record in await self.records(topics.WEBHOOK)]

    async def until_answered(self, status: int, method: str = "GET", path: str = "/v1/connectors", **how: Any) -> Any:
        """Asks again until the answer has this status; returns it."""
        found: list[httpx.Response] = []

        async def answered() -> bool:
            found.append(await self.http.request(method, path, **how))
            return found[-1].status_code == status

        await logs.until(answered, f"{method} {path} is answered {status}")
        return found[-1].json()


def configured(folder: Path, kafka: str, prefix: str, shop: str, more: str = "", connectors: str = CONNECTORS) -> Path:
    path = folder / "tajo.yml"
    text = FILE.format(connectors=connectors, shop=shop, kafka=kafka, prefix=prefix, folder=folder / "data")
    path.write_text(text + more, encoding="utf-8")
    return path


@asynccontextmanager
async def standing(
    kafka: str,
    prefix: str,
    folder: Path,
    *,
    key: str | None = KEY,
    more: str = "",
    connectors: str = CONNECTORS,
    shop: str | None = None,
) -> AsyncIterator[Stand]:
    clock = RealClock()
    bigcommerce = BigCommerce(
        clock, Store(clock, store_hash=OTHER), access_token=OTHER_TOKEN, client_secret="client-secret-of-tj4kq1w9zc"
    )
    environment = {"TAJO_ENCRYPTION_KEY": key} if key else {}
    async with Server(bigcommerce.app) as url_of_the_shop:
        file = configured(folder, kafka, prefix, shop or url_of_the_shop, more, connectors)
        made = Components(load(file, environment), Kafka(kafka))
        await made.apply_topics()
        token, text = tokens.created("tests", made.clock.now())
        await register.write(made.kafka, made.names, {token.key: msgspec.json.encode(token)})
        async with (
            controlled(made) as app,
            Server(app) as url,
            httpx.AsyncClient(base_url=url, timeout=30) as anybody,
            httpx.AsyncClient(base_url=url, timeout=30, headers={"Authorization": f"Bearer {text}"}) as http,
        ):
            here = Stand(made, bigcommerce, http, anybody, text, file, kafka, app, environment)
            await here.until_answered(200)
            await logs.until(here_connected(here), "the gateway is connected to Kafka")
            yield here


def here_connected(here: Stand) -> Any:
    async def answers() -> bool:
        return bool((await here.anybody.get("/readyz")).json()["kafka"] == "answers")

    return answers
