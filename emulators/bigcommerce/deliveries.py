"""Webhook deliveries: signed, sometimes late, twice or out of order, and repeated for two days when they fail.

A domain that takes too little is blocked for a while; what fails is told to the hook about hooks.

Due times and retry intervals run on the clock given; sockets, time-outs and the signature's time run on the real one.
"""

import asyncio
import base64
import hashlib
import hmac
import random
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import httpx
import orjson

from emulators.bigcommerce.blocking import Blocklist
from emulators.bigcommerce.hooks import EXCEPTIONS, Hook, Hooks
from emulators.clock import Clock

# bigcommerce/docs, integrations/webhooks/overview.mdx: each interval runs from the previous failure, in seconds.
RETRY_AFTER = (60, 180, 300, 600, 900, 1800, 3600, 7200, 21_600, 50_400, 86_400)

# A second copy was seen this long after the first had been answered with 200.
COPY_AFTER_MS = 455

# A receiver was given up between 9 and 12 seconds.
TIMEOUT = 10.0

# What store/hook/deliveryException tells; of those that will be repeated one per 10 minutes and destination.
WILL_RETRY, GIVEN_UP, BLOCKED = 90_001, 90_002, 90_003
TOLD_AGAIN_MS = 600_000

KEY_ORDERS = (
    ("producer", "hash", "created_at", "store_id", "scope", "data"),
    ("created_at", "store_id", "producer", "scope", "hash", "data"),
)


class WorkClock(Clock, Protocol):
    def work(self) -> AbstractContextManager[None]: ...


@dataclass(slots=True)
class Counters:
    """``sent`` counts all attempts, ``delivered`` those answered 2xx, ``dropped`` what was for a hook that went.

    ``held``: attempts that were not made, since the domain was blocked. ``told``: events about failing deliveries.
    """

    sent: int = 0
    delivered: int = 0
    failed: int = 0
    retried: int = 0
    duplicates: int = 0
    reordered: int = 0
    dropped: int = 0
    deactivated: int = 0
    held: int = 0
    blocks: int = 0
    told: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    hook_id: int
    hash: str
    body: bytes
    due: int
    is_copy: bool = False


class Deliveries:
    """``duplicates`` and ``reorder`` are shares of 1. The second copy of a delivery is not repeated when it fails; one
    that is reordered comes 2 s to ``late_ms`` later than the rest, so that what happened after it arrives before it.

    One task per delivery, since it must hold ``clock.work()`` in the very step in which its wake-up comes: a standing
    clock could go on before a queue had handed it over. ``workers`` bounds how many requests are under way at once.
    """

    def __init__(
        self,
        clock: WorkClock,
        hooks: Hooks,
        *,
        store_id: int,
        client_secret: str,
        seed: int = 0,
        duplicates: float = 0.01,
        reorder: float = 0.05,
        latency_ms: int = 1_000,
        late_ms: int = 20_000,
        workers: int = 16,
    ) -> None:
        self.counters = Counters()
        self.blocklist = Blocklist(clock)
        self._clock = clock
        self._hooks = hooks
        self._store_id = store_id
        self._key = client_secret.encode()
        self._random = random.Random(seed)
        self._duplicates, self._reorder = duplicates, reorder
        self._latency_ms, self._late_ms = latency_ms, late_ms
        self._workers = asyncio.Semaphore(workers)
        self._waiting: list[Delivery] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._client: httpx.AsyncClient | None = None
        self._seed = seed
        self._events = 0
        self._told_at: dict[str, int] = {}  # destination -> when its last 90001 was told

    @property
    def pending(self) -> int:
        """Deliveries that are still to be made, or to be repeated."""
        return len(self._tasks) + len(self._waiting)

    async def settled(self) -> None:
        """Returns once nothing is pending; somebody has to move the clock meanwhile."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def start(self) -> None:
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
        self._client = httpx.AsyncClient(timeout=TIMEOUT, limits=limits, trust_env=False, follow_redirects=False)
        waiting, self._waiting = self._waiting, []
        for delivery in waiting:
            self._launch(delivery)

    async def stop(self) -> None:
        """Ends at once; what has not been delivered is lost."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def publish(self, scope: str, data: Mapping[str, object]) -> None:
        """One event, to every active hook of its scope. Before ``start`` it waits."""
        hooks = self._hooks.for_scope(scope)
        if not hooks:
            return
        self._events += 1
        identity = hashlib.sha1(f"{self._hooks.store_hash}/{self._seed}/{self._events}".encode()).hexdigest()
        body = self._body(identity, scope, data)
        for hook in hooks:
            self._hooks.heard(hook)
            due = self._clock.now() + self._latency_ms
            if self._random.random() < self._reorder:
                due += self._random.randint(2_000, max(2_000, self._late_ms))
                self.counters.reordered += 1
            self._launch(Delivery(hook.id, identity, body, due))
            if self._random.random() < self._duplicates:
                self._launch(Delivery(hook.id, identity, body, due + COPY_AFTER_MS, is_copy=True))

    def _body(self, identity: str, scope: str, data: Mapping[str, object]) -> bytes:
        fields = {
            "producer": f"stores/{self._hooks.store_hash}",
            "hash": identity,
            "created_at": self._clock.now() // 1000,
            "store_id": str(self._store_id),
            "scope": scope,
            "data": data,
        }
        return orjson.dumps({name: fields[name] for name in self._random.choice(KEY_ORDERS)})

    def _launch(self, delivery: Delivery) -> None:
        if self._client is None:
            self._waiting.append(delivery)
            return
        task = asyncio.create_task(self._deliver(delivery, self._client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, delivery: Delivery, client: httpx.AsyncClient) -> None:
        due = delivery.due
        for attempt, interval in enumerate((*RETRY_AFTER, None)):
            await self._clock.sleep_until(due)
            with self._clock.work():
                hook = self._hooks.get(delivery.hook_id)
                if hook is None or not hook.is_active:
                    self.counters.dropped += 1
                    return
                self.counters.retried += attempt > 0
                self.counters.duplicates += delivery.is_copy
                failure = await self._tried(delivery, hook, client)
                if failure is None or delivery.is_copy:
                    return
                self._failed(hook, failure, last=interval is None)
            if interval is None:
                return
            due = self._clock.now() + interval * 1000

    async def _tried(self, delivery: Delivery, hook: Hook, client: httpx.AsyncClient) -> str | None:
        """What was wrong, None if it was taken. What falls into a block is not sent, and follows the retry schedule."""
        if self.blocklist.blocks(hook.destination):
            self.counters.held += 1
            return "The domain is blocked"
        failure = await self._attempt(delivery, hook, client)
        if self.blocklist.attempted(hook.destination, failure):
            self.counters.blocks += 1
            self._tell(hook, BLOCKED, "Domain temporarily blocked: its success ratio is below 90 %")
        return failure

    async def _attempt(self, delivery: Delivery, hook: Hook, client: httpx.AsyncClient) -> str | None:
        async with self._workers:
            self.counters.sent += 1
            headers = {**hook.headers, **signed_headers(self._key, delivery.hash, delivery.body, time.time)}
            try:
                answer = await client.post(hook.destination, content=delivery.body, headers=headers)
            except httpx.HTTPError as error:
                self.counters.failed += 1
                return f"No response received ({type(error).__name__})"
        self.counters.delivered += answer.is_success
        self.counters.failed += not answer.is_success
        return None if answer.is_success else f"Non-200 response received ({answer.status_code})"

    def _failed(self, hook: Hook, failure: str, *, last: bool) -> None:
        if last:
            self._hooks.deactivate(hook)
            self.counters.deactivated += 1
            self._tell(hook, GIVEN_UP, f"{failure}, all attempts are exhausted: the webhook is being disabled")
            return
        now, told = self._clock.now(), self._told_at.get(hook.destination)
        if not self.blocklist.blocks(hook.destination) and (told is None or now >= told + TOLD_AGAIN_MS):
            self._told_at[hook.destination] = now
            self._tell(hook, WILL_RETRY, f"{failure}, will retry")

    def _tell(self, hook: Hook, code: int, message: str) -> None:
        """To the hook about hooks; of its own failures nothing is told."""
        if hook.scope != EXCEPTIONS and self._hooks.for_scope(EXCEPTIONS):
            self.counters.told += 1
            self.publish(EXCEPTIONS, {"type": "webhook", "id": hook.id, "error_code": code, "message": message})


def signed_headers(key: bytes, identity: str, body: bytes, now: Callable[[], float]) -> dict[str, str]:
    """The Standard Webhooks signature (spec/standard-webhooks.md), keyed by the client secret's own characters."""
    timestamp = str(int(now()))
    content = b".".join((identity.encode(), timestamp.encode(), body))
    signature = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return {
        "content-type": "application/json",
        "user-agent": "pekko-http/1.3.0",
        "accept-encoding": "gzip",
        "webhook-id": identity,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{signature}",
    }
