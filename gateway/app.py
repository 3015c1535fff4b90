"""The gateway as an ASGI application."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route

from connectors.clock import Clock
from gateway.config import GatewayConfig
from gateway.durable import Durable, Flow
from gateway.health import health_routes
from gateway.metrics import Metrics
from gateway.producer import Producer
from gateway.receive import WebhookEndpoint
from gateway.spool import Spool
from gateway.trust import Trust
from schemas import topics


def create_app(
    config: GatewayConfig,
    bootstrap: str,
    clock: Clock,
    flow: Flow | None = None,
    *,
    security: Mapping[str, Any] | None = None,
) -> Starlette:
    """``bootstrap``: `host:port,…`. ``flow`` hears of every record that Kafka has acknowledged. ``security``:
    aiokafka's keyword arguments for anything but a plain connection.

    The lifespan opens the spool (SpoolUnusable ends the start) and connects to Kafka in the background: deliveries are
    taken from the first moment on. It ends within ``drain_seconds``. ``app.state.metrics`` are its figures.
    """
    metrics = Metrics()
    spool = Spool(config.spool, limit=config.spool_limit)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        durable.start()
        try:
            yield
        finally:
            await durable.close()

    producer = Producer(
        {"bootstrap_servers": bootstrap, **(security or {})},
        topics=(topics.WEBHOOK, topics.dead(topics.WEBHOOK)),
        prefix=config.topic_prefix,
        limit=config.in_memory,
        metrics=metrics,
    )
    durable = Durable(config, producer, spool, clock, metrics, flow)
    endpoint = WebhookEndpoint(config, Trust(config), durable, clock, metrics)
    app = Starlette(
        routes=[
            Route("/webhooks/bigcommerce/{store_hash}", endpoint),
            Route("/webhooks/bigcommerce", endpoint),
            *health_routes(durable, spool, metrics),
        ],
        lifespan=lifespan,
    )
    app.state.metrics, app.state.producer = metrics, producer
    return app
