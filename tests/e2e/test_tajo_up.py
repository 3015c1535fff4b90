"""The documented configuration, run as it stands: a shop's life reaches Brevo, for real and on the real clock."""

import os
import signal
from pathlib import Path

import pytest

from emulators.bigcommerce.carts import Item
from tests.e2e.left import processes
from tests.e2e.stand import HOME, stand

pytestmark = [pytest.mark.kafka, pytest.mark.e2e, pytest.mark.timeout(280)]


def command(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8").rstrip("\0").split("\0")


async def test_the_documented_file_runs_verbatim(tmp_path: Path) -> None:
    async with stand(tmp_path) as here:
        store, brevo = here.store, here.brevo
        past = store.customers.register(email="ada@example.com", first_name="Ada", last_name="Byron", address=HOME)
        product = next(iter(store.catalogue.products))
        item = Item(product.id, product.variants[0].id, 2)
        store.orders.place([item], email="ada@example.com", billing=HOME, customer_id=past.id, status_id=10)
        store.subscribers.subscribe("eve@example.com", ("marketing_newsletter", "abandoned_cart"))

        async with here.tajo("up", "-c", str(here.documented()), TAJO_CARTS__STEPS='["3s"]') as process:
            await here.until(lambda: len(here.bigcommerce.hooks.all()) > 20, "the hooks are installed")
            await here.until(lambda: "ada@example.com" in brevo.state.contacts, "the past has arrived")
            await here.until(lambda: brevo.state.orders, "the past order has its record")
            await here.until(lambda: len(brevo.state.webhooks) == 2, "Brevo's hooks are installed")

            eve = store.customers.register(email="eve@example.com", first_name="Eve", last_name="Noor", address=HOME)
            store.carts.create([item], customer_id=eve.id, email="eve@example.com")
            order = store.orders.place([item], email="ada@example.com", billing=HOME, customer_id=past.id)
            store.orders.change_status(order.id, 2)
            await here.until(lambda: here.events("order_placed"), "the order is announced")
            await here.until(lambda: here.events("order_status_changed"), "its new status is told")
            await here.until(lambda: here.events("cart_abandoned"), "the cart that was left is announced")
            await here.until(
                lambda: brevo.state.contacts["ada@example.com"].attributes.get("ORDER_COUNT") == 2, "it counts"
            )
        assert process.returncode == 0, here.log.read_text()

        ada, eve_contact = brevo.state.contacts["ada@example.com"], brevo.state.contacts["eve@example.com"]
        assert {40, 41} <= ada.list_ids
        assert ada.attributes["CITY"] == "Springfield"
        assert ada.blocklisted, "nobody recorded an opt-in"
        assert {40, 42} <= eve_contact.list_ids
        assert not eve_contact.blocklisted
        assert [event["order_id"] for event in here.events("order_placed")] == [str(order.id)], "none for the past"
        assert len(here.events("cart_abandoned")) == 1
        assert not brevo.state.dropped


async def test_a_killed_component_is_started_anew_and_nothing_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    async with stand(tmp_path) as here, here.tajo("up", "-c", str(here.documented())) as process:
        await here.until(lambda: len(here.bigcommerce.hooks.all()) > 20, "the hooks are installed")
        (worker,) = [pid for pid in processes(here.folder) if "worker" in command(pid)]
        os.kill(worker, signal.SIGKILL)
        here.store.customers.register(email="eve@example.com", first_name="Eve", last_name="Noor")
        await here.until(lambda: "eve@example.com" in here.brevo.state.contacts, "another worker has done it")
        assert len(processes(here.folder)) > 5, "supervisor, broker and four components"
        process.kill()
        await process.wait()
        await here.until(lambda: not processes(here.folder), "all of them are gone", timeout=20)
