"""The endpoint of Brevo's own webhooks: opt-outs that were made there. Read, trust, make durable, answer.

200, empty   in Kafka, or in the spool; also what is authentic but of no use, which becomes a dead letter
401          the path holds no account's token: Brevo gives up at once, and nothing else would help
413          the body is too large, and would be again
429          neither Kafka nor the spool has it, or the body did not come in time. Brevo repeats after 10 minutes, then
             1, 2 and 8 hours, but only what was answered 429 or not at all: any other 4xx and any 5xx discards the
             event for good (https://developers.brevo.com/docs/retry-mechanism)

Brevo does not sign, so the last part of the path, which only its account knows, is all the proof there is.
"""

import hmac
from typing import Final

import structlog
from starlette.types import Receive, Scope

from connectors.clock import Clock
from gateway.config import AccountTrust, GatewayConfig
from gateway.durable import Durable
from gateway.endpoint import Endpoint
from gateway.errors import Untrusted
from gateway.metrics import Metrics
from gateway.record import dead_record, event_record
from schemas import topics
from schemas.brevo_events import events_of
from schemas.errors import BadRecord

_log = structlog.get_logger("gateway.receive")
_STATUS: Final = {
    "accepted": 200,
    "dead-letter": 200,
    "untrusted": 401,
    "gone": 429,
    "too-large": 413,
    "not-durable": 429,
}


class Tokens:
    """Whose token it is. A comparison takes the same time whether it fails or not, and none is left out."""

    def __init__(self, accounts: tuple[AccountTrust, ...]) -> None:
        self._known = [(token.encode(), account.name) for account in accounts for token in account.tokens]

    def account(self, offered: str) -> str:
        """Its name. Raises Untrusted."""
        found, given = "", offered.encode(errors="surrogatepass")
        for token, name in self._known:
            if hmac.compare_digest(given, token):
                found = name
        if not found:
            raise Untrusted("token")
        return found


class EventEndpoint(Endpoint):
    """`POST /webhooks/brevo/{token}`."""

    sender = "Brevo"
    status = _STATUS

    def __init__(self, config: GatewayConfig, durable: Durable, clock: Clock, metrics: Metrics) -> None:
        super().__init__(
            config,
            clock,
            answers=metrics.brevo_deliveries,
            untrusted=metrics.brevo_untrusted,
            seconds=metrics.brevo_seconds,
        )
        self._tokens = Tokens(config.accounts)
        self._durable = durable

    def use(self, accounts: tuple[AccountTrust, ...]) -> None:
        """From now on webhooks of these accounts are taken, instead of those it began with."""
        self._tokens = Tokens(accounts)

    async def take(self, scope: Scope, receive: Receive) -> str:
        body = await self.body(dict(scope["headers"]), receive)
        account = self._tokens.account(scope["path_params"]["token"])
        try:
            events = events_of(body)
        except BadRecord as error:
            await self._durable.take(dead_record(topics.BREVO_EVENT, account, body, error))
            _log.warning("an event became a dead letter", account=account, reason=str(error))
            return "dead-letter"
        await self._durable.take(event_record(account, body, events))
        return "accepted"
