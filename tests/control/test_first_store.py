"""A whole installation that begins with no store: a client connects the first one, and its customers reach Brevo."""

from pathlib import Path

import pytest

from tajo import TajoClient
from tajo.access.vault import new_key
from tajo.errors import ControlError
from tests.commands import on_broker
from tests.e2e.stand import HASH, TOKEN, Stand, stand
from tests.streams import logs

pytestmark = [pytest.mark.kafka, pytest.mark.e2e, pytest.mark.timeout(200)]
NO_STORE = "lists: {all_customers: 40, buyers: 41, abandoned_cart: 42}\n"


async def token(here: Stand) -> str:
    """As the operator makes it."""
    before = here.output()
    async with here.tajo("token", "create", "webshop", "-c", str(here.folder / "tajo.yml")) as process:
        assert await process.wait() == 0, here.output()
    return next(line for line in here.output()[len(before) :].splitlines() if line.startswith("tajo_"))


async def test_a_store_connected_by_the_python_client_is_synchronised_and_followed(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with stand(tmp_path) as here:
        (tmp_path / "tajo.yml").write_text(NO_STORE, encoding="utf-8")
        here.environment |= {"TAJO_ENCRYPTION_KEY": new_key(), **on_broker(kafka, topic_prefix)}
        here.store.customers.register(email="ada@example.com", first_name="Ada", last_name="Byron")
        async with here.tajo("up", "-c", str(tmp_path / "tajo.yml")) as process:
            await here.until(lambda: "gateway: started" in here.output(), "the topics are there")
            async with TajoClient(api_key=await token(here), base_url=here.gateway) as tajo:

                async def connected() -> bool:
                    try:
                        await tajo.connectors.connect(
                            "bigcommerce", store_hash=HASH, access_token=TOKEN, client_id="client"
                        )
                    except ControlError:  # it starts, or has not heard of the token yet
                        return False
                    return True

                await logs.until(connected, "the store is connected")
                await here.until(lambda: "ada@example.com" in here.brevo.state.contacts, "the past has arrived")
                await here.until(lambda: len(here.bigcommerce.hooks.all()) > 20, "the hooks are installed")
                here.store.customers.register(email="eve@example.com", first_name="Eve", last_name="Noor")
                await here.until(lambda: "eve@example.com" in here.brevo.state.contacts, "a webhook was followed")
        assert process.returncode == 0, here.output()
    out = here.output()
    assert "ended with 75, started anew" in out
    assert "Traceback" not in out
    assert TOKEN not in out
