"""One request to a Brevo account: its turn, its time-out, its counting, and what its failure means.

Nothing is retried here: whether a request may be sent again is what the error says, and the caller decides.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

import httpx
import msgspec

from connectors.brevo.errors import RateLimited, garbage, of_response, of_transport
from connectors.brevo.limits import Endpoint, Limiter, Slot
from connectors.clock import Clock

BASE_URL = "https://api.brevo.com/v3"
_IDLE_S = 2.0  # shorter than servers keep idle connections, so that none is closed under a request
_MOST_CONNECTIONS = 64

T = TypeVar("T")
_encode = msgspec.json.Encoder().encode
Parameters = Mapping[str, str | int | Sequence[str]]


class Client:
    """``timeout``: real seconds for each of connecting, sending and waiting for the answer.

    ``before_write``, when set, is awaited right before every request that is not a GET: an owner waits there for its
    lease. ``requests`` counts what was sent, by family; ``under_way`` are those without an answer.
    """

    def __init__(self, *, api_key: str, clock: Clock, base_url: str = BASE_URL, timeout: float = 15.0) -> None:
        self.timeout = timeout
        self.limiter = Limiter(clock)
        self.requests: Counter[str] = Counter()
        self.under_way = 0
        self.before_write: Callable[[], Awaitable[None]] | None = None
        self._clock = clock
        self._http = httpx.AsyncClient(
            base_url=base_url,
            headers={"api-key": api_key, "accept": "application/json"},
            timeout=httpx.Timeout(timeout),
            limits=httpx.Limits(max_connections=_MOST_CONNECTIONS, keepalive_expiry=_IDLE_S),
            trust_env=False,
        )
        # Reports of imports lie at other hosts, which must not see the key.
        self._files = httpx.AsyncClient(timeout=httpx.Timeout(timeout), trust_env=False)

    async def close(self) -> None:
        await self._http.aclose()
        await self._files.aclose()

    async def request(
        self,
        endpoint: Endpoint,
        path: str,
        *,
        body: object = None,
        params: Parameters | None = None,
        slot: Slot | None = None,
    ) -> httpx.Response:
        """A 2xx answer. ``slot``: one already taken; else the request waits its turn. Raises a BrevoError."""
        method = endpoint.name.partition(" ")[0]
        content = None if body is None else _encode(body)
        headers = {} if content is None else {"content-type": "application/json"}
        with slot or await self.limiter.slot(endpoint) as turn:
            with self._clock.work():
                if method != "GET" and self.before_write:
                    await self.before_write()
                self.requests[self.limiter.family(endpoint)] += 1
                self.under_way += 1
                try:
                    response = await self._http.request(method, path, content=content, params=params, headers=headers)
                except httpx.TransportError as error:
                    raise of_transport(error, endpoint.name) from error
                finally:
                    self.under_way -= 1
            turn.end()
        return self._checked(response, endpoint)

    def _checked(self, response: httpx.Response, endpoint: Endpoint) -> httpx.Response:
        reset = 0
        if response.status_code == 429:
            reset = self.limiter.refused(endpoint, response.headers)
        else:
            self.limiter.learn(endpoint, response.headers)
        if response.is_success:
            return response
        error = of_response(response, endpoint.name)
        if isinstance(error, RateLimited):
            error.reset = reset
        raise error

    async def read(
        self, endpoint: Endpoint, path: str, kind: type[T], *, params: Parameters | None = None, body: object = None
    ) -> T:
        """As ``request``, with the answer's body as ``kind``. Raises InDoubt when it is something else."""
        return decoded(await self.request(endpoint, path, params=params, body=body), kind, endpoint)

    async def file(self, url: str) -> str:
        """A text at a URL that Brevo gave; no key, no quota. Raises a BrevoError."""
        name = "GET report of an import"
        with self._clock.work():
            try:
                response = await self._files.get(url, follow_redirects=True)
            except httpx.TransportError as error:
                raise of_transport(error, name) from error
        if not response.is_success:
            raise of_response(response, name)
        return response.text


def decoded(response: httpx.Response, kind: type[T], endpoint: Endpoint) -> T:
    try:
        return msgspec.json.decode(response.content, type=kind)
    except msgspec.MsgspecError as error:
        raise garbage(response, endpoint.name) from error
