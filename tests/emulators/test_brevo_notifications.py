"""What the emulated Brevo tells an account's webhooks, and how often it tries."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulators.brevo.notifications import DELAY_MS, RETRY_AFTER
from emulators.clock import StandingClock
from emulators.server import Server
from tests.emulators.bigcommerce_shop import moving
from tests.emulators.brevo_account import NOW, Account, account
from tests.streams import logs

OFFERED = ["unsubscribed", "hardBounce", "spam"]
HOUR_MS = 3_600_000


@dataclass
class Receiver:
    """Keeps what came and when; answers with ``statuses`` in turn, then 200."""

    clock: StandingClock
    url: str = ""
    statuses: list[int] = field(default_factory=list)
    came: list[tuple[int, str, Any]] = field(default_factory=list)

    async def take(self, request: Request) -> Response:
        self.came.append((self.clock.now(), request.url.path, orjson.loads(await request.body())))
        return Response(status_code=self.statuses.pop(0) if self.statuses else 200)

    @property
    def times(self) -> list[int]:
        """Seconds after the first attempt."""
        return [(at - self.came[0][0]) // 1000 for at, _, _ in self.came]

    @property
    def bodies(self) -> list[Any]:
        return [body for _, _, body in self.came]


@asynccontextmanager
async def told() -> AsyncIterator[tuple[Account, Receiver]]:
    """An account with Ann and two hooks, whose clock runs whenever nobody holds it."""
    async with account() as brevo:
        receiver = Receiver(brevo.clock)
        app = Starlette(routes=[Route("/{kind}", receiver.take, methods=["POST"])])
        async with Server(app) as url:
            receiver.url = url
            await brevo.add()
            for kind in ("marketing", "transactional"):
                hook = {"type": kind, "url": f"{url}/{kind}", "events": OFFERED}
                assert (await brevo.http.post("/webhooks", json=hook)).status_code == 201
            await brevo.notifications.start()
            async with moving(brevo.clock):
                yield brevo, receiver
            await brevo.notifications.stop()


async def until(holds: Callable[[], bool]) -> None:
    async def there() -> bool:
        return holds()

    await logs.until(there, "Brevo has told it")


async def test_an_unsubscription_from_a_campaign_is_told_to_the_marketing_hook() -> None:
    async with told() as (brevo, receiver):
        brevo.unsubscribe("Ann@shop.test")
        await brevo.notifications.settled()
        ((at, path, body),) = receiver.came
        assert (at, path) == (NOW + DELAY_MS, "/marketing")
        assert body == {
            "id": 1,
            "camp_id": 12,
            "email": "ann@shop.test",
            "campaign name": "My First Campaign",
            "date_sent": "2026-09-21 15:20:00",
            "date_event": "2026-09-21 16:20:00",
            "event": "unsubscribe",
            "tag": "",
            "ts_sent": NOW // 1000 - 3600,
            "ts_event": NOW // 1000,
            "ts": NOW // 1000 + 7200,
        }
        assert brevo.state.contacts["ann@shop.test"].blocklisted


async def test_of_other_mails_the_transactional_hook_is_told_and_campaigns_go_on() -> None:
    async with told() as (brevo, receiver):
        brevo.unsubscribe("ann@shop.test", "transactional")
        await brevo.notifications.settled()
        ((_, path, body),) = receiver.came
        assert path == "/transactional"
        assert (body["event"], body["email"], body["id"]) == ("unsubscribed", "ann@shop.test", 2)
        assert (body["ts_event"], body["ts_epoch"], body["date"]) == (NOW // 1000, NOW, "2026-09-21 16:20:00")
        assert not brevo.state.contacts["ann@shop.test"].blocklisted


async def test_a_bounce_and_a_complaint_have_their_reason() -> None:
    async with told() as (brevo, receiver):
        for mail in ("marketing", "transactional"):
            brevo.hard_bounce("ann@shop.test", mail)
            brevo.spam("ann@shop.test", mail)
        await brevo.notifications.settled()
        assert sorted((body["event"], body["reason"]) for body in receiver.bodies) == [
            *[("hard_bounce", "550 5.1.1 The mailbox does not exist")] * 2,
            *[("spam", "undesired")] * 2,
        ]


async def test_only_hooks_that_ask_for_an_event_are_told() -> None:
    async with told() as (brevo, receiver):
        assert (await brevo.http.put("/webhooks/1", json={"events": ["spam"]})).status_code == 204
        brevo.unsubscribe("ann@shop.test")
        brevo.spam("ann@shop.test")
        await brevo.notifications.settled()
        assert [body["event"] for body in receiver.bodies] == ["spam"]


async def test_what_is_answered_429_is_repeated_four_times_and_then_given_up() -> None:
    async with told() as (brevo, receiver):
        receiver.statuses = [429] * 9
        brevo.unsubscribe("ann@shop.test")
        await brevo.notifications.settled()
        assert receiver.times == [0, 600, 4200, 11_400, 40_200]
        assert RETRY_AFTER == (600, 3600, 7200, 28_800)
        assert len({orjson.dumps(body) for body in receiver.bodies}) == 1
        counters = brevo.notifications.counters
        assert (counters.sent, counters.delivered, counters.discarded) == (5, 0, 1)


@pytest.mark.parametrize("status", [400, 401, 404, 408, 413, 500, 503])
async def test_any_other_failure_discards_the_event_at_once(status: int) -> None:
    async with told() as (brevo, receiver):
        receiver.statuses = [status]
        brevo.unsubscribe("ann@shop.test")
        await brevo.notifications.settled()
        assert len(receiver.came) == 1
        assert brevo.notifications.counters.discarded == 1


async def test_nobody_there_is_tried_again() -> None:
    async with told() as (brevo, receiver):
        closed = {"url": "http://127.0.0.1:1/marketing"}
        assert (await brevo.http.put("/webhooks/1", json=closed)).status_code == 204
        brevo.clock.limit = NOW + 700_000  # the second attempt is at 601 s
        brevo.unsubscribe("ann@shop.test")
        await until(lambda: brevo.notifications.counters.sent == 2)
        assert (await brevo.http.put("/webhooks/1", json={"url": f"{receiver.url}/marketing"})).status_code == 204
        brevo.clock.limit = None
        await brevo.notifications.settled()
        assert [body["event"] for body in receiver.bodies] == ["unsubscribe"]
        assert brevo.notifications.counters.delivered == 1


async def test_a_hook_that_was_deleted_hears_no_more() -> None:
    async with told() as (brevo, receiver):
        receiver.statuses = [429]
        brevo.clock.limit = NOW + 10_000
        brevo.unsubscribe("ann@shop.test")
        await until(lambda: bool(receiver.came))
        assert (await brevo.http.delete("/webhooks/1")).status_code == 204
        brevo.clock.limit = None
        await brevo.notifications.settled()
        assert len(receiver.came) == 1
        assert brevo.notifications.pending == 0


async def test_in_winter_paris_is_one_hour_ahead() -> None:
    async with told() as (brevo, receiver):
        brevo.clock.advance(NOW + 60 * 24 * HOUR_MS)  # 20 November
        brevo.unsubscribe("ann@shop.test")
        await brevo.notifications.settled()
        (body,) = receiver.bodies
        assert body["ts"] - body["ts_event"] == 3600
