"""The emulator: a store, its API as an ASGI application, and its webhooks."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Collection
from types import TracebackType

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import ASGIApp

from emulators.bigcommerce.abandonment import Abandonment
from emulators.bigcommerce.answers import Json, v2_error, v3_error
from emulators.bigcommerce.blocking import Blocklist
from emulators.bigcommerce.deliveries import Deliveries, WorkClock
from emulators.bigcommerce.faults import Faults
from emulators.bigcommerce.gate import Gate, missing_scopes
from emulators.bigcommerce.hooks import Hooks, RefusedHook
from emulators.bigcommerce.queries import BadQuery, TooMany
from emulators.bigcommerce.quota import Quota
from emulators.bigcommerce.routes_catalogue import CatalogueRoutes
from emulators.bigcommerce.routes_customers import CustomerRoutes
from emulators.bigcommerce.routes_hooks import HookRoutes
from emulators.bigcommerce.routes_v2 import V2
from emulators.bigcommerce.routes_v3 import V3
from emulators.bigcommerce.store import Store


class BigCommerce:
    """One store behind ``/stores/{store_hash}/v2`` and ``/v3``.

    ``quota`` requests per 30 seconds of ``clock``; ``missing``: OAuth scopes that the token lacks (403);
    ``allow_http``: webhook destinations need not be HTTPS. The other arguments are those of ``Deliveries``.
    ``async with`` it, or ``start`` and ``stop`` it: webhooks and abandonment need the running loop, the API does not.
    """

    def __init__(
        self,
        clock: WorkClock,
        store: Store,
        *,
        access_token: str,
        client_secret: str,
        client_id: str = "emulated-client",
        quota: int = 150,
        seed: int = 0,
        duplicates: float = 0.01,
        reorder: float = 0.05,
        latency_ms: int = 1_000,
        late_ms: int = 20_000,
        workers: int = 16,
        missing: Collection[str] = (),
        allow_http: bool = False,
    ) -> None:
        self.store = store
        self.faults = Faults()
        self.quota = Quota(clock, quota)
        self.requests: Counter[str] = Counter()
        self.hooks = Hooks(clock, store.store_hash, client_id, allow_http)
        self.deliveries = Deliveries(
            clock,
            self.hooks,
            store_id=store.store_id,
            client_secret=client_secret,
            seed=seed,
            duplicates=duplicates,
            reorder=reorder,
            latency_ms=latency_ms,
            late_ms=late_ms,
            workers=workers,
        )
        store.events.listeners.append(self.deliveries.publish)
        self._abandonment = Abandonment(store)
        self.gate = Gate(
            _routes(store, self.hooks, self.deliveries.blocklist),
            store.store_hash,
            access_token,
            self.quota,
            self.faults,
            missing_scopes(missing),
            self.requests,
        )
        self.app: ASGIApp = self.gate
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.deliveries.start()
        self._watch = asyncio.create_task(self._abandonment.run())

    async def stop(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
            self._watch = None
        await self.deliveries.stop()

    async def __aenter__(self) -> "BigCommerce":
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


def _routes(store: Store, hooks: Hooks, blocklist: Blocklist) -> Starlette:
    v3 = [*HookRoutes(hooks, blocklist).routes(), *CustomerRoutes(store).routes(), *CatalogueRoutes(store).routes()]
    root = f"/stores/{store.store_hash}"
    return Starlette(
        routes=[
            Mount(f"{root}/v2", routes=V2(store).routes()),
            Mount(f"{root}/v3", routes=[*v3, *V3(store).routes()]),
        ],
        exception_handlers={
            TooMany: _too_many,
            BadQuery: _bad_query,
            RefusedHook: _refused_hook,
            404: _not_found,
            405: _not_found,
        },
    )


async def _too_many(request: Request, error: Exception) -> Response:
    return Json({"max_limit": 250}, status_code=413)


async def _bad_query(request: Request, error: Exception) -> Response:
    assert isinstance(error, BadQuery)
    if "/v2/" in request.url.path:
        return v2_error(request, 400, str(error))
    return v3_error(422, "A query parameter has a wrong value.", {error.parameter: str(error)})


async def _refused_hook(request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedHook)
    return v3_error(error.status, str(error), error.errors)


async def _not_found(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 404)
    if "/v2/" in request.url.path:
        return v2_error(request, status, "The requested resource was not found.")
    return v3_error(status, "The route is not found, check the URL")
