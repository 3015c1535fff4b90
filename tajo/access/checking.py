"""Whether credentials are right: BigCommerce is asked, at the address of the configuration and nowhere else."""

import asyncio
from typing import Final

from connectors.bigcommerce.client import Client
from connectors.bigcommerce.errors import BigCommerceError, Garbage, RateLimited, Unavailable
from connectors.bigcommerce.reads import Reads, Store
from connectors.clock import Clock
from gateway.control.models import Connect
from gateway.errors import Declined

SECONDS: Final = 15.0


async def check(wish: Connect, *, base_url: str, clock: Clock) -> Store:
    """`GET /v2/store`. Raises Declined: 422 when BigCommerce refuses them, 502 when it gives no usable answer."""
    token = wish.access_token.get_secret_value()
    client = Client(wish.store_hash, token, clock=clock, base_url=base_url, timeout=SECONDS, retries=0)
    try:
        async with asyncio.timeout(SECONDS):
            found = await Reads(client).store()
    except TimeoutError:
        raise Declined(502, f"BigCommerce has not answered within {SECONDS:g} s: try again later.") from None
    except (Unavailable, RateLimited, Garbage) as error:
        raise Declined(502, str(error)) from error
    except BigCommerceError as error:
        raise Declined(422, str(error)) from error
    finally:
        await client.close()
    if found.id != wish.store_hash:
        raise Declined(422, f"The access token is that of the store {found.id}: give that hash, or the token of this.")
    return found
