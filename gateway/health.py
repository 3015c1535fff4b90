"""What an orchestrator and Prometheus ask."""

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from gateway.durable import Durable
from gateway.fleet import Place, Together
from gateway.metrics import Metrics
from gateway.spool import Spool


def health_routes(durable: Durable, spool: Spool, metrics: Metrics, place: Place | None = None) -> list[Route]:
    """`/livez`: the process answers. `/readyz`: a delivery would be durable. `/metrics`: Prometheus' text format.

    ``place``: among processes on one port, whose figures are told together; readiness is of the one that answers.
    """

    told = metrics.registry
    if place is not None and place.workers > 1:
        told = CollectorRegistry()
        told.register(Together(place, metrics.registry))

    async def livez(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        ready = durable.can_take
        state = {
            "ready": ready,
            "kafka": "answers" if durable.kafka_answers else "away",
            "spool": {"records": spool.records, "bytes": spool.bytes},
        }
        return JSONResponse(state, status_code=200 if ready else 503)

    async def figures(_: Request) -> Response:
        metrics.spool_records.set(spool.records)
        metrics.spool_bytes.set(spool.bytes)
        metrics.kafka_answers.set(durable.kafka_answers)
        return Response(generate_latest(told), headers={"content-type": CONTENT_TYPE_LATEST})

    return [Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", figures)]
