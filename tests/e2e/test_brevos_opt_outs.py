"""An opt-out at Brevo, on its whole way: webhook, gateway, log, folds, and from then on no word to that person."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from connectors.brevo.errors import BrevoError
from emulators.brevo import Brevo
from emulators.clock import RealClock, StandingClock
from emulators.server import Server
from gateway.producer import partition_hash
from projections.consent import CARTS
from projections.fold import Input
from projections.identity import contact_key
from schemas import topics
from schemas.commands import Command, SendEvent, UpsertContact
from schemas.inner import Consent
from streams import versions
from streams.access import Kafka
from tajo.components import Components
from tajo.kafka.ports import free_port
from tajo.persistence import until_it_works
from tajo.running import running
from tajo.settings import load
from tests.projections.contacts_made import ADA, cart, contribution, statement, to
from tests.projections.orders_made import HOUR, MINUTE, NOON, STORE
from tests.streams import logs

pytestmark = [pytest.mark.kafka, pytest.mark.e2e]

PARTITIONS = 4
KEY = "xkeysib-e2e"
CONFIGURATION = """\
connectors: {{bigcommerce: {{store_hash: "{store}", access_token: "t"}}}}
brevo: {{api_key: "{key}", base_url: "{brevo}/v3"}}
public_url: "{gateway}"
kafka: {{prefix: "{prefix}"}}
data_dir: "{data}"
"""


def beside(email: str) -> str:
    """Somebody else in the same partition, so that what is folded of them comes in order."""
    wanted = partition_hash(contact_key("main", email)) % PARTITIONS
    others = (f"somebody{number}@example.com" for number in range(1000))
    return next(one for one in others if partition_hash(contact_key("main", one)) % PARTITIONS == wanted)


EVE = beside(ADA)


@dataclass
class World:
    brevo: Brevo
    components: Components

    async def tell(self, *messages: Input) -> None:
        """To contacts, as the fold `customers` and others do."""
        topic = self.components.names.topic("contacts")
        await logs.write(self.components.kafka.bootstrap_servers, topic, [(one.key, one.value) for one in messages])

    async def read(self, topic: str) -> list[Any]:
        return await logs.read(self.components.kafka.bootstrap_servers, self.components.names.topic(topic))

    async def commands(self) -> list[Command]:
        return [msgspec.json.decode(record.value, type=Command) for record in await self.read(topics.COMMAND)]

    async def consents(self) -> list[Consent]:
        return [msgspec.json.decode(record.value, type=Consent) for record in await self.read(topics.CONSENT)]

    async def announced_to(self, email: str) -> bool:
        return any(isinstance(one, SendEvent) and one.email == email for one in await self.commands())

    async def subscribed(self, email: str) -> bool | None:
        """As Brevo was last told."""
        told = [one for one in await self.commands() if isinstance(one, UpsertContact) and one.email == email]
        return told[-1].subscribed if told else None


@asynccontextmanager
async def world(kafka: str, prefix: str, folder: Path) -> AsyncIterator[World]:
    """Gateway and folds, and a Brevo account with the hooks that the sink makes, and with Ada in it."""
    brevo, port = Brevo(RealClock(), api_key=KEY), free_port()
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(Server(brevo.app))
        file = folder / "tajo.yml"
        gateway = f"http://127.0.0.1:{port}"
        file.write_text(
            CONFIGURATION.format(store=STORE, key=KEY, brevo=url, gateway=gateway, prefix=prefix, data=folder / "data")
        )
        made = Components(load(file, {}), Kafka(kafka))
        await made.apply_topics()
        await versions.admit(made.kafka, made.names, made.fold_settings(), made.clock.now())
        await stack.enter_async_context(Server(made.gateway(), port=port))
        await stack.enter_async_context(running(made.engine(made.version, made.fold_roles())))
        await brevo.notifications.start()
        stack.push_async_callback(brevo.notifications.stop)
        plans = await made.ensure_brevo_hooks()
        assert len(plans["main"].create) == 2
        async with httpx.AsyncClient(base_url=f"{url}/v3", headers={"api-key": KEY}) as http:
            assert (await http.post("/contacts", json={"email": ADA})).status_code == 201
        yield World(brevo, made)


async def test_who_unsubscribes_at_brevo_is_told_of_no_cart_any_more(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with world(kafka, topic_prefix, tmp_path) as here:
        for email in (ADA, EVE):
            await here.tell(to(email, contribution()), to(email, statement(CARTS)))
        await logs.until(lambda: _is(here.subscribed(ADA), True), "Ada may be written to")

        here.brevo.unsubscribe(ADA)
        here.brevo.hard_bounce(ADA, "transactional")
        here.brevo.unsubscribe(ADA, "transactional")
        await here.brevo.notifications.settled()
        assert here.brevo.notifications.counters.delivered == 3
        await logs.until(lambda: _is(here.subscribed(ADA), False), "her opt-out has been folded")
        events = await here.read(topics.BREVO_EVENT)
        assert {event.key for event in events} == {b"main"}
        assert len(events) == 3
        await logs.until(lambda: _has(here.consents(), 2), "both opt-outs are on record, and the bounce is none")
        assert {(one.email, one.reason) for one in await here.consents()} == {(ADA, "unsubscribed")}
        assert {record.key for record in await here.read(topics.CONSENT)} == {f"main/{ADA}".encode()}

        for email in (ADA, EVE):
            await here.tell(to(email, cart("due", at=NOON + HOUR)))
        await logs.until(lambda: here.announced_to(EVE), "the cart of somebody else, told after hers, is announced")
        assert not await here.announced_to(ADA)
        assert await here.read(topics.dead(topics.BREVO_EVENT)) == []


async def _is(said: Any, expected: bool) -> bool:
    return (await said) is expected


async def _has(said: Any, count: int) -> bool:
    return len(await said) == count


@pytest.mark.parametrize(
    ("line", "instead"), [("data_dir:", "sink: {mode: dry-run}"), ("public_url:", "")], ids=["dry run", "no public_url"]
)
async def test_no_hooks_are_made_in_a_dry_run_and_without_a_public_url(tmp_path: Path, line: str, instead: str) -> None:
    brevo = Brevo(RealClock(), api_key=KEY)
    async with Server(brevo.app) as url:
        text = CONFIGURATION.format(store=STORE, key=KEY, brevo=url, gateway="https://t.test", prefix="x", data="x")
        text = "\n".join(instead if one.startswith(line) else one for one in text.splitlines())
        (tmp_path / "tajo.yml").write_text(text)
        made = Components(load(tmp_path / "tajo.yml", {}), Kafka("unused:9092"))
        assert await made.ensure_brevo_hooks() == {}
        assert brevo.state.requests_of() == 0


async def test_an_account_that_refuses_is_asked_again_ten_minutes_later_and_nothing_told_of_the_token(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = StandingClock(NOON)
    brevo = Brevo(clock, api_key="another")
    async with Server(brevo.app) as url:
        text = CONFIGURATION.format(store=STORE, key=KEY, brevo=url, gateway="https://t.test", prefix="x", data="x")
        (tmp_path / "tajo.yml").write_text(text)
        made = Components(load(tmp_path / "tajo.yml", {}), Kafka("unused:9092"), clock=clock)
        keeping = asyncio.create_task(
            until_it_works(
                made.ensure_brevo_hooks, what="hooks", cured_by_waiting=(BrevoError,), clock=clock, minutes=10
            )
        )
        await logs.until(lambda: _equal(clock.next_wake_up, NOON + 10 * MINUTE), "it waits for ten minutes")
        brevo.api_key = KEY
        clock.advance(NOON + 10 * MINUTE)
        done = await keeping
        assert len(done["main"].create) == len(brevo.state.webhooks) == 2
        (account,) = made.settings.accounts()
        said = caplog.text
        assert "The api key is unknown or has expired" in said
        assert "Tried again in 10 minutes" in said
        assert account.webhook_token.get_secret_value() not in said


async def _equal(value: Callable[[], int | None], expected: int) -> bool:
    return value() == expected
