"""One store's API: requests with their token, their turn, their retries, and errors that say what to do.

A read is repeated after a fault of the server or the network; any request is repeated after 429. Waiting for a turn or
for the next try is done on the clock given, which is held still (`work`) around the single request only.
"""

import asyncio
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import httpx
import msgspec

from connectors.bigcommerce.errors import (
    BigCommerceError,
    Garbage,
    RateLimited,
    Unavailable,
    error_of,
)
from connectors.bigcommerce.limits import Limiter, Priority
from connectors.clock import Clock

BASE_URL = "https://api.bigcommerce.com"
_MOST_REFUSALS = 10  # 429s in a row for one request
_RETRY_MS = 1_000

T = TypeVar("T")
Parameter = str | int | bool | Iterable[str | int]


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """``started_at``: clock time at which the request was sent; what was read is at least as new. No ``data``: 204."""

    data: T | None
    status: int
    started_at: int


class Client:
    """``timeout`` (real seconds) bounds every pause of the answer. ``retries``: of reads, beyond the first try."""

    def __init__(
        self,
        store_hash: str,
        access_token: str,
        *,
        clock: Clock,
        base_url: str = BASE_URL,
        limiter: Limiter | None = None,
        timeout: float = 15.0,
        retries: int = 2,
    ) -> None:
        self.store_hash = store_hash
        self.limiter = limiter or Limiter(clock)
        self.requests = 0  # sent, retries too
        self._clock, self._retries = clock, retries
        self._pauses: list[int] = []  # until when callers wait for their next try
        self._http = httpx.AsyncClient(
            base_url=f"{base_url.rstrip('/')}/stores/{store_hash}",
            headers={"Accept": "application/json", "X-Auth-Token": access_token},
            timeout=httpx.Timeout(timeout, connect=min(timeout, 5.0)),
            trust_env=False,
        )

    @property
    def waiting(self) -> int:
        """Callers that wait for a turn or the next try, that is for the clock; the others are at work."""
        now = self._clock.now()
        return self.limiter.waiting + sum(until > now for until in self._pauses)

    async def close(self) -> None:
        await self.limiter.close()
        await self._http.aclose()

    async def get(
        self,
        path: str,
        answer: type[T],
        parameters: Mapping[str, Parameter] | None = None,
        *,
        scope: str,
        priority: Priority = Priority.LIVE,
    ) -> Answer[T]:
        """Reads ``path`` (`/v3/customers`) as ``answer``. ``scope``: the OAuth scope that it needs, for the message.

        Raises Unauthorized, MissingScope, NotFound, Refused, RateLimited, Unavailable or Garbage.
        """
        return await self._request("GET", path, answer, parameters or {}, None, scope, priority, self._retries)

    async def send(
        self,
        method: str,
        path: str,
        answer: type[T],
        body: object = None,
        *,
        scope: str,
        priority: Priority = Priority.LIVE,
    ) -> Answer[T]:
        """Writes, once: repeated only after 429, which is surely not accepted. Raises like ``get``."""
        content = None if body is None else msgspec.json.encode(body)
        return await self._request(method, path, answer, {}, content, scope, priority, 0)

    async def _request(
        self,
        method: str,
        path: str,
        answer: type[T],
        parameters: Mapping[str, Parameter],
        content: bytes | None,
        scope: str,
        priority: Priority,
        retries: int,
    ) -> Answer[T]:
        request = self._http.build_request(
            method, path, params={name: _text(value) for name, value in parameters.items()}, content=content
        )
        if content is not None:
            request.headers["Content-Type"] = "application/json"
        failures = refusals = 0
        while True:
            try:
                return await self._attempt(request, f"{method} {path}", answer, scope, priority)
            except RateLimited:
                refusals += 1
                if refusals > _MOST_REFUSALS:
                    raise
            except (Unavailable, Garbage):
                failures += 1
                if failures > retries:
                    raise
                await self._pause(_RETRY_MS << failures)

    async def _attempt(
        self, request: httpx.Request, name: str, answer: type[T], scope: str, priority: Priority
    ) -> Answer[T]:
        async with self.limiter.slot(priority):
            with self._clock.work():
                started = self._clock.now()
                self.requests += 1
                try:
                    response = await self._http.send(request)
                except httpx.HTTPError as error:
                    self.limiter.learn(0, {})
                    raise _unreachable(name, error) from error
                except asyncio.CancelledError:
                    self.limiter.learn(0, {})
                    raise
                self.limiter.learn(response.status_code, response.headers)
        if response.status_code == 429:
            raise RateLimited(
                f"BigCommerce refuses {name} for its quota (429), also after waiting as told: another app of the store "
                "may be using it up.",
                request=name,
                status=429,
            )
        if response.status_code >= 400:
            raise error_of(response.status_code, response.content, request=name, scope=scope)
        return Answer(_read(response, name, answer), response.status_code, started)

    async def _pause(self, longest: int) -> None:
        until = self._clock.now() + longest // 2 + int(longest / 2 * random.random())
        self._pauses.append(until)
        try:
            await self._clock.sleep_until(until)
        finally:
            self._pauses.remove(until)


def _text(value: Parameter) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    return ",".join(str(part) for part in value)


def _unreachable(name: str, error: httpx.HTTPError) -> BigCommerceError:
    return Unavailable(
        f"BigCommerce gave no answer to {name} ({type(error).__name__}{f': {error}' if str(error) else ''}): "
        "it is asked again later.",
        request=name,
    )


def _read(response: httpx.Response, name: str, answer: type[T]) -> T | None:
    """None for an empty body: v2 answers an empty page with 204."""
    if response.status_code == 204 or not response.content:
        return None
    try:
        return msgspec.json.decode(response.content, type=answer)
    except (msgspec.MsgspecError, ValueError) as error:
        raise Garbage(
            f"The answer to {name} cannot be read ({error}; {len(response.content)} bytes of "
            f"{response.headers.get('content-type', 'unknown type')}): it is asked again.",
            request=name,
            status=response.status_code,
        ) from error
