"""`tajo trigger` beside everything that runs: a new user sees the chain work without waiting for a shopper."""

import asyncio
import contextlib
import re
import socket
from pathlib import Path
from typing import NamedTuple

import pytest

from emulators.bigcommerce.carts import Item
from tajo.kafka.ports import free_port
from tests.commands import finished, on_broker
from tests.e2e.stand import HOME, Stand, stand

pytestmark = [pytest.mark.kafka, pytest.mark.e2e, pytest.mark.timeout(280)]
TAKEN = ["gateway", "delivery", "fact", "fold"]


class Answer(NamedTuple):
    status: int | None
    out: str
    err: str

    @property
    def links(self) -> list[str]:
        """The first words of its lines. It came to a good end."""
        assert self.status == 0, self
        return re.findall(r"^ *\d+\.\d\d s  (\w+) ", self.out, re.MULTILINE)

    def texts(self, link: str) -> list[str]:
        return re.findall(rf"^ *\d+\.\d\d s  {link} +(.*)$", self.out, re.MULTILINE)

    @property
    def ending(self) -> str:
        return self.out.splitlines()[-1]

    @property
    def failure(self) -> str:
        """What it said beside the notes on the configuration."""
        (line,) = [line for line in self.err.splitlines() if not line.startswith("note: ")]
        return line


async def trigger(here: Stand, *arguments: str, **environment: str) -> Answer:
    line = ("trigger", *arguments, "-c", str(here.folder / "tajo.yml"))
    done = await finished(*line, environment={**here.environment, **environment}, within=90)
    assert "Traceback" not in done.err, done.err
    return Answer(*done)


def listens(url: str) -> bool:
    host, _, port = url.removeprefix("http://").partition(":")
    with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
        return True
    return False


async def test_a_delivery_is_followed_from_the_gateway_to_brevos_answer(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    async with stand(tmp_path) as here:
        here.documented()
        here.environment |= on_broker(kafka, topic_prefix)
        del here.environment["TAJO_PUBLIC_URL"]  # no hooks: what is triggered is all that is heard
        store, brevo = here.store, here.brevo
        ada = store.customers.register(email="ada@example.com", first_name="Ada", last_name="Byron", address=HOME)
        product = next(iter(store.catalogue.products))
        item = Item(product.id, product.variants[0].id, 2)
        async with here.tajo("up", "-c", str(here.folder / "tajo.yml")):
            await here.until(lambda: "ada@example.com" in brevo.state.contacts, "the past has arrived")
            eve = store.customers.register(email="eve@example.com", first_name="Eve", last_name="Noor", address=HOME)
            order = store.orders.place([item], email="ada@example.com", billing=HOME, customer_id=ada.id)
            unknown, created, ordered = await asyncio.gather(
                trigger(here, "store/customer/updated", "--id", "999"),
                trigger(here, "store/customer/created", "--id", str(eve.id)),
                trigger(here, "store/order/created", "--id", str(order.id)),
            )

            assert created.links == [*TAKEN, "fold", "command", "command", "answer", "answer"]
            assert created.texts("answer")[0].startswith("contact e***@example.com  done  POST /contacts")
            assert "eve@example.com" in brevo.state.contacts
            assert "eve@" not in created.out

            assert ordered.links == [*TAKEN, "fold", "fold", *["command"] * 3, *["answer"] * 3]
            assert [text.split()[0] for text in ordered.texts("fold")] == ["orders", "customers", "contacts"]
            assert f"event order_placed:tj4kq1w9zc:{order.id}  done  POST /events" in ordered.texts("answer")
            assert ordered.ending == "Answered: 3 commands since the fact, for what it is about."
            assert [event["order_id"] for event in here.events("order_placed")] == [str(order.id)]

            assert unknown.links == TAKEN
            assert unknown.texts("fact")[0].endswith("tj4kq1w9zc/999  a tombstone: BigCommerce has no such customer")
            assert unknown.ending.startswith("Nothing is to be told: what was fetched is what was known before")

            store.customers.delete(ada.id)
            deleted, again, offered, refused = await asyncio.gather(
                trigger(here, "store/customer/deleted", "--id", str(ada.id)),
                trigger(here, "store/customer/address/updated", "--id", str(eve.id), "--emails"),
                trigger(here, "store/sku/updated", "--id", str(product.id)),
                trigger(
                    here, "store/order/updated", "--id", "1", TAJO_CONNECTORS__BIGCOMMERCE__WEBHOOK_SECRET="x" * 32
                ),
            )

            assert deleted.links == [*TAKEN, "fold", "command", "answer"]
            assert deleted.texts("answer")[0].startswith("contact a***@example.com  done  PUT /contacts")
            assert again.links == [*TAKEN, "fold"], "a fact is written, and it changes nothing"
            assert again.texts("fold")[1].startswith("contacts  main/eve@example.com")
            assert again.ending.startswith("Nothing is to be told to Brevo: what the contact shall hold there")
            assert offered.texts("answer")[0].startswith(
                f"product tj4kq1w9zc:{product.id}  equal: Brevo has it already"
            )
            assert (refused.status, refused.out) == (1, "")
            assert "answered 401: it was started with another configuration" in refused.failure

        nowhere = f"http://127.0.0.1:{free_port()}"
        async with here.tajo("gateway", "-c", str(here.folder / "tajo.yml")):
            await here.until(lambda: listens(here.gateway), "the gateway listens")
            unread, alone = await asyncio.gather(
                trigger(here, "store/customer/updated", "--id", str(eve.id), "--timeout", "5s"),
                trigger(here, "store/customer/updated", "--id", str(eve.id), "--url", nowhere),
            )
        assert (unread.status, alone.status) == (1, 1)
        assert re.findall(r"delivery|fact", unread.out) == ["delivery"]
        assert f"(customer {eve.id}). No `tajo enrich` runs: the group {topic_prefix}tajo.enrich has" in unread.failure
        assert f"No gateway answers at {nowhere}: start it" in alone.failure
