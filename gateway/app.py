"""The gateway as an ASGI application."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route

from connectors.clock import Clock
from gateway.brevo import EventEndpoint
from gateway.config import GatewayConfig
from gateway.control.app import NOTHING_HERE, Control, control_app
from gateway.durable import Durable
from gateway.fleet import keep_writing
from gateway.health import health_routes
from gateway.kafka import ended
from gateway.metrics import Metrics
from gateway.producer import Flow, Producer
from gateway.receive import WebhookEndpoint
from gateway.spool import Spool
from gateway.trust import Trust
from schemas import topics

_WRITTEN: Final = tuple(
    name for source in (topics.WEBHOOK, topics.BREVO_EVENT) for name in (source, topics.dead(source))
)


def create_app(
    config: GatewayConfig,
    bootstrap: str,
    clock: Clock,
    flow: Flow | None = None,
    *,
    security: Mapping[str, Any] | None = None,
    control: Control | None = None,
) -> Starlette:
    """``bootstrap``: `host:port,…`. ``flow`` hears of every record that Kafka has acknowledged. ``security``:
    aiokafka's keyword arguments for anything but a plain connection. ``control``: makes the control API part of it.

    The lifespan opens the spool (SpoolUnusable ends the start) and connects to Kafka in the background: deliveries are
    taken from the first moment on. It ends within ``drain_seconds``. ``app.state.metrics`` are its figures,
    ``app.state.endpoint`` takes other stores in while it runs, ``app.state.events`` other Brevo accounts.
    """
    metrics = Metrics()
    several = config.place if config.place is not None and config.place.workers > 1 else None
    spool = Spool(config.spool, limit=config.spool_limit, orphans=config.orphans)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        durable.start()
        writing = asyncio.create_task(keep_writing(several, metrics.registry)) if several else None
        try:
            yield
        finally:
            await durable.close()
            if writing is not None:
                await ended(writing)

    producer = Producer(
        {"bootstrap_servers": bootstrap, **(security or {})},
        topics=_WRITTEN,
        prefix=config.topic_prefix,
        limit=config.in_memory,
        metrics=metrics,
        flow=flow,
    )
    durable = Durable(config, producer, spool, clock, metrics)
    endpoint = WebhookEndpoint(config, Trust(config), durable, clock, metrics)
    events = EventEndpoint(config, durable, clock, metrics)
    routes: list[BaseRoute] = [
        Route("/webhooks/bigcommerce/{store_hash}", endpoint),
        Route("/webhooks/bigcommerce/{store_hash}/exceptions", endpoint),  # needs a destination of its own
        Route("/webhooks/bigcommerce", endpoint),
        Route("/webhooks/brevo/{token}", events),
        *health_routes(durable, spool, metrics, config.place),
    ]
    if control is not None:
        routes.append(Mount("/v1", control_app(control, endpoint, metrics)))
    app = Starlette(routes=routes, lifespan=lifespan)
    app.router.default, app.router.redirect_slashes = NOTHING_HERE, False
    app.state.metrics, app.state.producer, app.state.endpoint = metrics, producer, endpoint
    app.state.events = events
    return app
