"""What Brevo tells the webhooks of an account: an opt-out or a bounce, one event per request, repeated as Brevo does.

Shapes and repetition: marketing-webhooks, transactional-webhooks and retry-mechanism at developers.brevo.com/docs.
Due times run on the clock given; sockets and time-outs on the real one. Nothing is signed.
"""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol

import httpx
import orjson

from emulators.clock import Clock

Mail = Literal["marketing", "transactional"]
Happening = Literal["unsubscribed", "hardBounce", "spam"]

RETRY_AFTER = (600, 3600, 7200, 28_800)
"""Seconds from one failed attempt to the next. Only what was answered 429, or not at all, is repeated."""
DELAY_MS = 1_000
TIMEOUT = 10.0

# By type of hook: how an event is called in the body. Campaigns name the act, other mails what came of it.
NAMES: Mapping[Mail, Mapping[Happening, str]] = {
    "marketing": {"unsubscribed": "unsubscribe", "hardBounce": "hard_bounce", "spam": "spam"},
    "transactional": {"unsubscribed": "unsubscribed", "hardBounce": "hard_bounce", "spam": "spam"},
}
_REASONS: Mapping[Happening, str] = {"hardBounce": "550 5.1.1 The mailbox does not exist", "spam": "undesired"}


class WorkClock(Clock, Protocol):
    def work(self) -> AbstractContextManager[None]: ...


@dataclass(slots=True)
class Counters:
    """``sent`` counts all attempts, ``delivered`` those answered 2xx, ``discarded`` what was given up."""

    sent: int = 0
    delivered: int = 0
    discarded: int = 0


class Notifications:
    """``hooks``: the account's, by id, as `GET /webhooks` lists them. Before ``start`` what happens waits."""

    def __init__(self, clock: WorkClock, hooks: Mapping[int, Mapping[str, object]]) -> None:
        self.counters = Counters()
        self._clock = clock
        self._hooks = hooks
        self._waiting: list[tuple[int, bytes, int]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._client: httpx.AsyncClient | None = None

    async def start(self) -> None:
        self._client = httpx.AsyncClient(timeout=TIMEOUT, trust_env=False, follow_redirects=False)
        waiting, self._waiting = self._waiting, []
        for hook_id, body, due in waiting:
            self._launch(hook_id, body, due)

    async def stop(self) -> None:
        """Ends at once; what has not been delivered is lost."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def settled(self) -> None:
        """Returns once nothing is pending; somebody has to move the clock meanwhile."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    @property
    def pending(self) -> int:
        return len(self._tasks) + len(self._waiting)

    def publish(self, happening: Happening, email: str, contact_id: int, mail: Mail) -> None:
        """To every hook of that type that asks for it."""
        now = self._clock.now()
        for hook_id, hook in self._hooks.items():
            events = hook["events"]
            assert isinstance(events, list)
            if hook["type"] == mail and happening in events:
                fields = _campaign(now) if mail == "marketing" else _single_mail(now, contact_id)
                fields |= {"id": hook_id, "event": NAMES[mail][happening], "email": email}
                if reason := _REASONS.get(happening):
                    fields["reason"] = reason
                self._launch(hook_id, orjson.dumps(fields), now + DELAY_MS)

    def _launch(self, hook_id: int, body: bytes, due: int) -> None:
        if self._client is None:
            self._waiting.append((hook_id, body, due))
            return
        task = asyncio.create_task(self._deliver(hook_id, body, due, self._client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, hook_id: int, body: bytes, due: int, client: httpx.AsyncClient) -> None:
        for interval in (*RETRY_AFTER, None):
            await self._clock.sleep_until(due)
            with self._clock.work():
                hook = self._hooks.get(hook_id)
                if hook is None or not hook["isActive"]:
                    break
                status = await self._attempt(str(hook["url"]), body, client)
            if 200 <= status < 300:
                self.counters.delivered += 1
                return
            if interval is None or status not in (0, 429):
                break
            due = self._clock.now() + interval * 1000
        self.counters.discarded += 1

    async def _attempt(self, url: str, body: bytes, client: httpx.AsyncClient) -> int:
        """The status; 0 without an answer."""
        self.counters.sent += 1
        try:
            return (await client.post(url, content=body, headers={"content-type": "application/json"})).status_code
        except httpx.HTTPError:
            return 0


def _campaign(now: int) -> dict[str, object]:
    """Times that end in `event` are of the event; `ts` is off by the zone of Paris, as in Brevo's own example."""
    at, sent = now // 1000, now // 1000 - 3600
    return {
        "camp_id": 12,
        "campaign name": "My First Campaign",
        "date_sent": _local(sent),
        "date_event": _local(at),
        "ts_sent": sent,
        "ts_event": at,
        "ts": at + _offset(at),
        "tag": "",
    }


def _single_mail(now: int, contact_id: int) -> dict[str, object]:
    at = now // 1000
    return {
        "date": _local(at),
        "ts": at,
        "ts_event": at,
        "ts_epoch": now,
        "message-id": f"<{now}.{contact_id}@smtp-relay.mailin.fr>",
        "subject": "You forgot something",
        "sending_ip": "192.0.2.7",
        "template_id": 22,
        "contact_id": contact_id,
        "tags": ["abandoned_cart"],
    }


def _local(at: int) -> str:
    """`YYYY-MM-DD HH:MM:SS` in Paris."""
    return datetime.fromtimestamp(at + _offset(at), UTC).strftime("%Y-%m-%d %H:%M:%S")


def _offset(at: int) -> int:
    """Seconds that Paris is ahead of UTC: summer time from the last Sunday of March to that of October, 01:00 UTC."""
    moment = datetime.fromtimestamp(at, UTC)
    begin, end = (_last_sunday(moment.year, month) for month in (3, 10))
    return 7200 if begin <= moment < end else 3600


def _last_sunday(year: int, month: int) -> datetime:
    last = datetime(year, month, 31, 1, tzinfo=UTC)
    return last - timedelta(days=(last.weekday() + 1) % 7)
