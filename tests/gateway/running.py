"""A gateway behind its own server, with its own topics, and what tests ask of it."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from starlette.applications import Starlette

from connectors.clock import Clock, SystemClock
from gateway.app import create_app
from gateway.config import AccountTrust, GatewayConfig, StoreTrust
from schemas import topics
from tests.gateway.deliveries import CLIENT_SECRET, SECRET, STORE, trusted
from tests.gateway.own_server import listening
from tests.streams import logs

DEAD = topics.dead(topics.WEBHOOK)
DEAD_EVENTS = topics.dead(topics.BREVO_EVENT)
ACCOUNT = "main"
TOKEN = "the-token-of-the-account-main"
PATH = f"/webhooks/bigcommerce/{STORE}"


def config(spool: Path, prefix: str = "", **changes: Any) -> GatewayConfig:
    trust = StoreTrust(STORE, (SECRET,), (CLIENT_SECRET,), event_names={"store/order/created": "order_placed"})
    accounts = (AccountTrust(ACCOUNT, (TOKEN,)),)
    settings: dict[str, Any] = {"stores": (trust,), "spool": spool, "accounts": accounts, "topic_prefix": prefix}
    return GatewayConfig(**settings | changes)


async def create_topics(bootstrap: str, prefix: str) -> None:
    await logs.create(bootstrap, [prefix + topic for topic in (topics.WEBHOOK, DEAD, topics.BREVO_EVENT, DEAD_EVENTS)])


@dataclass
class Gateway:
    """``async with Gateway(bootstrap, config) as gateway``. The topics must be there.

    Deliveries take the lane, unless a ``clock`` is given: that one has to stand while they are handled.
    """

    bootstrap: str
    config: GatewayConfig
    clock: Clock = field(default_factory=SystemClock)
    flow: Any = None

    async def __aenter__(self) -> Self:
        self.app: Starlette = create_app(self.config, self.bootstrap, self.clock, self.flow)
        self._listening = listening(self.app, by_lane=isinstance(self.clock, SystemClock))
        self.url = f"http://127.0.0.1:{await self._listening.__aenter__()}"
        self.client = httpx.AsyncClient(base_url=self.url, timeout=30)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.client.aclose()
        await self._listening.__aexit__(kind, error, trace)

    async def post(self, content: bytes, headers: dict[str, str] | None = None, *, path: str = PATH) -> httpx.Response:
        return await self.client.post(path, content=content, headers=trusted() if headers is None else headers)

    async def answer_to_a_part(self, path: str) -> bytes:
        """The first line of what a sender is answered that never ends its body."""
        host, port = self.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{{".encode())
        line = await reader.readline()
        writer.close()
        await writer.wait_closed()
        return line

    async def accepted(self, contents: Iterable[bytes]) -> None:
        """Posts one after the other and sees that each is taken."""
        for content in contents:
            answer = await self.post(content)
            assert (answer.status_code, answer.content) == (200, b"")

    async def read(self, topic: str = topics.WEBHOOK) -> list[Any]:
        return await logs.read(self.bootstrap, self.config.topic_prefix + topic)

    async def values(self, topic: str = topics.WEBHOOK) -> list[bytes]:
        return [record.value for record in await self.read(topic)]

    async def until_all_are_there(self, contents: Iterable[bytes]) -> None:
        """Each at least once: one that Kafka was slow to acknowledge goes through the spool too."""
        expected = set(contents)

        async def there() -> bool:
            return set(await self.values()) == expected

        await logs.until(there, "every delivery is in the log")

    def figure(self, name: str, **labels: str) -> float:
        """A metric without its prefix; 0 when nobody has counted it yet."""
        return self.app.state.metrics.registry.get_sample_value(f"tajo_{name}", labels) or 0

    async def ready(self) -> dict[str, Any]:
        state: dict[str, Any] = (await self.client.get("/readyz")).json()
        return state

    async def until_connected(self) -> None:
        await logs.until(self._answers, "the gateway is connected to Kafka")

    async def until_drained(self) -> None:
        await logs.until(self.is_drained, "the spool is empty")

    async def _answers(self) -> bool:
        return bool((await self.ready())["kafka"] == "answers")

    async def is_drained(self) -> bool:
        return bool((await self.ready())["spool"]["records"] == 0)
