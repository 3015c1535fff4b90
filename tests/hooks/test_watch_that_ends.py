"""An enricher may end at any step of a repair: the window is asked for, once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from connectors.bigcommerce.errors import Refused
from connectors.bigcommerce.hooks import wanted_scopes
from connectors.bigcommerce.hooks_admin import SETTLES_MS
from emulators.bigcommerce.hooks import Hook
from schemas import topics
from schemas.requests import Reconcile, Sync
from streams.enrich.heard import HookMemory
from streams.enrich.settings import HooksWanted
from tests.streams import logs
from tests.streams.enriching import Enriching, enriching

pytestmark = pytest.mark.kafka
PARTS = ("orders",)
WANTED = HooksWanted(tuple(wanted_scopes(PARTS)), "https://tajo.example.com", {"x-tajo-secret": "s3cret"})
SCOPE = "store/order/updated"


@pytest.fixture
async def here(kafka: str, topic_prefix: str, tmp_path: Path) -> AsyncIterator[Enriching]:
    await logs.create(kafka, [topic_prefix + topics.REQUEST], partitions=1)
    async with enriching(kafka, topic_prefix, tmp_path, parts=PARTS, hooks=WANTED) as here:
        await here.ask(Sync(store=here.shop.store.store_hash, id="initial", at=here.shop.clock.now(), resources=()))
        await here.until(lambda: len(memory(here).good) == len(WANTED.scopes), "all hooks are known good")
        yield here


def memory(here: Enriching) -> HookMemory:
    return here.store.heard.memory


def hook(here: Enriching) -> Hook:
    (found,) = [each for each in here.shop.emulator.hooks.all() if each.scope == SCOPE]
    return found


async def another(here: Enriching) -> None:
    """The enricher ends, and one starts that knows only what is in the log."""
    await here.stop()
    await here.start()


async def asked(here: Enriching) -> list[Reconcile]:
    records = await logs.read_decided(here.kafka, here.names.topic(topics.REQUEST), 1)
    return [msgspec.json.decode(record.value, type=Reconcile) for record in records]


async def finish(here: Enriching) -> list[Reconcile]:
    """What has been asked for once the hook is known good again."""
    switched_on = hook(here).updated_at * 1000
    await here.until(lambda: memory(here).good.get(SCOPE, 0) > switched_on + SETTLES_MS, "the hook is known good")
    assert memory(here).gaps == {}
    return await asked(here)


async def test_before_the_repair(here: Enriching) -> None:
    good = memory(here).good[SCOPE]
    here.shop.emulator.hooks.change(hook(here), {"is_active": False})
    here.shop.emulator.faults.fail(503, 1, path=f"/v3/hooks/{hook(here).id}")
    await here.until(lambda: SCOPE in memory(here).gaps and here.shop.emulator.faults.met == 1, "the repair has failed")
    assert not hook(here).is_active
    await another(here)
    (request,) = await finish(here)
    assert (request.since, request.resources) == (good, ("orders",))


async def test_between_the_repair_and_the_request(here: Enriching) -> None:
    good = memory(here).good[SCOPE]
    here.shop.emulator.hooks.change(hook(here), {"is_active": False})
    await here.until(lambda: hook(here).is_active, "the hook is repaired")
    assert await asked(here) == []
    await another(here)
    (request,) = await finish(here)
    assert (request.since, request.resources) == (good, ("orders",))


async def test_after_the_request(here: Enriching) -> None:
    here.shop.emulator.hooks.change(hook(here), {"is_active": False})
    await here.until(lambda: here.flow.written_records[topics.REQUEST] == 1, "what was missed is asked for")
    await another(here)
    before = memory(here).looked or 0
    await here.until(lambda: (memory(here).looked or 0) > before, "it was looked at again")
    assert len(await finish(here)) == 1


async def test_while_it_was_away_a_hook_went_down_and_up(here: Enriching) -> None:
    good = memory(here).good[SCOPE]
    await here.stop()
    clock = here.shop.clock
    clock.advance(clock.now() + 3_600_000)
    here.shop.emulator.hooks.change(hook(here), {"is_active": False})
    clock.advance(clock.now() + 3_600_000)
    here.shop.emulator.hooks.change(hook(here), {"is_active": True})
    back = clock.now()
    await here.start()
    (request,) = await finish(here)
    assert (request.since, request.resources) == (good, ("orders",))
    assert back + SETTLES_MS <= request.until <= back + SETTLES_MS + 2_000


async def test_the_same_repair_by_two_at_once_is_one_repair(here: Enriching) -> None:
    """An enricher that was replaced may still be at it; what comes second is refused, and does no harm."""
    here.shop.emulator.hooks.delete(hook(here))
    watch = here.store.watch
    assert watch is not None
    outcomes = await asyncio.gather(watch.look(), watch.look(), return_exceptions=True)
    assert [type(each) for each in outcomes if isinstance(each, Exception)] in ([], [Refused])
    assert len([each for each in here.shop.emulator.hooks.all() if each.scope == SCOPE]) == 1
    assert len(await finish(here)) == 1
