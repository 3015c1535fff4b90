"""What deliveries tell of the webhooks is remembered across restarts, and costs the state little."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connectors.bigcommerce.hooks import EXCEPTIONS
from streams.enrich.heard import NAME, HookMemory
from tests.connectors.bigcommerce_shop import START
from tests.streams.enriching import Enriching, enriching

pytestmark = pytest.mark.kafka
EXCEPTION = {"type": "webhook", "id": 18_048_287, "error_code": 90_001, "message": "Non-200 response received"}


@pytest.fixture
async def here(kafka: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Enriching]:
    async with enriching(kafka, topic_prefix, tmp_path) as here:
        yield here


def kept(here: Enriching) -> HookMemory | None:
    """What lies in the state."""
    return here.store.state.get(NAME, HookMemory)


async def order(here: Enriching, at: int) -> None:
    """A delivery of an event that happens ``at``."""
    here.shop.clock.advance(at)
    here.add_delivery("store/order/updated", {"type": "order", "id": 7})
    await here.feed()


async def test_it_is_kept_at_most_once_a_minute(here: Enriching) -> None:
    for second in range(0, 70, 10):
        await order(here, START + second * 1000)
    memory = kept(here)
    assert memory is not None
    rhythm = memory.rhythms["store/order/updated"]
    assert (rhythm.first, rhythm.last, rhythm.count) == (START, START + 60_000, 7)
    await order(here, START + 90_000)
    assert kept(here) == memory
    assert here.store.heard.memory.rhythms["store/order/updated"].last == START + 90_000


async def test_an_exception_is_kept_at_once_and_once_and_another_enricher_knows_it(here: Enriching) -> None:
    await order(here, START)
    here.shop.clock.advance(START + 1_000)
    here.add_delivery(EXCEPTIONS, EXCEPTION, copies=2)
    await here.feed()
    await here.stop()
    await here.start()
    (told,) = here.store.heard.memory.told
    assert (told.at, told.hook_id, told.code, told.message) == (START + 1_000, 18_048_287, 90_001, EXCEPTION["message"])
    assert here.store.heard.memory.rhythms["store/order/updated"].count == 1


async def test_one_that_lacks_what_is_documented_does_no_harm_and_only_the_last_twenty_are_kept(
    here: Enriching,
) -> None:
    here.add_delivery(EXCEPTIONS, {"type": "webhook", "id": 5, "error_code": "?", "message": "m" * 10_000})
    for _ in range(25):
        here.add_delivery(EXCEPTIONS, EXCEPTION)
    await here.feed()
    told = here.store.heard.memory.told
    assert len(told) == 20
    assert {each.code for each in told} == {90_001}
    here.add_delivery(EXCEPTIONS, {"type": "webhook", "id": 5, "error_code": "?", "message": "m" * 10_000})
    await here.feed()
    last = here.store.heard.memory.told[-1]
    assert (last.hook_id, last.code, len(last.message)) == (5, 0, 300)
