"""What `GET /v3/hooks/admin` knows beyond the list: which hooks BigCommerce switched off, which domains it blocks."""

from typing import Final
from urllib.parse import urlsplit

import msgspec

from connectors.bigcommerce.client import Client
from connectors.bigcommerce.hooks import SCOPE
from connectors.bigcommerce.limits import Priority

# bigcommerce/docs, integrations/webhooks/overview.mdx
BLOCK_MS: Final = 180_000
RETRIES_MS: Final = 49 * 3_600_000  # 11 retries within 48 h 4 min, and what the attempts themselves take
SETTLES_MS: Final = 60_000  # "it may take up to one minute" until a hook fires


class Reason(msgspec.Struct, kw_only=True):
    failure_description: str = ""
    count: int = 0


class Blocked(msgspec.Struct, kw_only=True):
    """``time_left`` in seconds."""

    destination: str
    time_left: int = 0
    reasons: list[Reason] | None = None


class HookStatus(msgspec.Struct, kw_only=True):
    """``status``: active, inactive (somebody switched it off), deactivated (BigCommerce did)."""

    id: int
    status: str = "active"


class Admin(msgspec.Struct, kw_only=True):
    emails: list[str] = []
    hooks_list: list[HookStatus] = []
    blocked_domains: list[Blocked] = []

    def deactivated(self, hook_id: int) -> bool:
        """Whether BigCommerce gave the hook up: its last retry failed, or it had no event for 90 days."""
        return any(hook.id == hook_id and hook.status == "deactivated" for hook in self.hooks_list)

    def blocked(self, url: str) -> Blocked | None:
        """The block of the domain of ``url``; it is listed as an address, or as the name alone."""
        domain = urlsplit(url).netloc
        for each in self.blocked_domains:
            if domain in (each.destination, urlsplit(each.destination).netloc):
                return each
        return None


class _Answer(msgspec.Struct, kw_only=True):
    data: Admin


async def hooks_admin(client: Client) -> Admin:
    """Raises like ``Client.get``."""
    answer = await client.get("/v3/hooks/admin", _Answer, scope=SCOPE, priority=Priority.LIVE)
    return answer.data.data if answer.data else Admin()
