"""The control API as one ASGI application, mounted under `/v1`."""

from dataclasses import dataclass
from typing import Final

from starlette.routing import Route, Router
from starlette.types import ASGIApp

from gateway.control.failures import Failures
from gateway.control.guard import Guard, Mode
from gateway.control.headers import StrictHeaders
from gateway.control.openapi import described
from gateway.control.ports import Stores, Tokens
from gateway.control.resource import Resource, told
from gateway.control.stores import StoreHandlers
from gateway.control.webhook import ClientWebhook
from gateway.metrics import Metrics
from gateway.receive import WebhookEndpoint


@dataclass(frozen=True, slots=True)
class Control:
    """What `create_app` is given to have a control API."""

    tokens: Tokens
    stores: Stores
    mode: Mode = "token"


def control_app(control: Control, endpoint: WebhookEndpoint, metrics: Metrics) -> ASGIApp:
    stores, webhook = StoreHandlers(control.stores), ClientWebhook(endpoint)
    routes = [
        Route("/connectors", Resource(GET=stores.listed)),
        Route("/connectors/bigcommerce/connect", Resource(POST=stores.connect)),
        Route("/connectors/bigcommerce/webhook", Resource(POST=webhook.post)),
        Route("/connectors/bigcommerce/{store_hash}", Resource(DELETE=stores.disconnect)),
        Route("/openapi.json", Resource(GET=described)),
    ]
    nothing = told(404, "There is nothing at this address; /v1/openapi.json lists what there is.")
    inside = Router(routes, redirect_slashes=False, default=nothing)
    return StrictHeaders(Guard(inside, control.tokens, control.mode, metrics, Failures()))


NOTHING_HERE: Final[ASGIApp] = StrictHeaders(told(404, "There is nothing at this address."))
"""The answer of a gateway at all other addresses."""
