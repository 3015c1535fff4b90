"""A gateway that has not found Kafka yet."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from emulators.server import Server
from streams.access import Kafka
from tajo.access.live import controlled
from tajo.components import Components
from tajo.kafka.ports import free_port
from tajo.settings import load
from tests.control.stand import configured


@asynccontextmanager
async def without_kafka(folder: Path, more: str = "") -> AsyncIterator[httpx.AsyncClient]:
    nowhere = f"127.0.0.1:{free_port()}"
    made = Components(load(configured(folder, nowhere, "t-", "http://127.0.0.1:1", more), {}), Kafka(nowhere))
    async with (
        controlled(made, patience=0) as app,
        Server(app) as url,
        httpx.AsyncClient(base_url=url, timeout=30) as http,
    ):
        yield http
