"""How a gateway starts: with what a predecessor left, or not at all."""

from pathlib import Path

import pytest

from connectors.clock import SystemClock
from gateway.app import create_app
from gateway.errors import SpoolUnusable
from gateway.seen import Seen
from tajo.kafka.ports import free_port
from tests.gateway.deliveries import body
from tests.gateway.running import Gateway, config, create_topics


async def test_two_gateways_on_one_spool_is_an_error_at_the_start(tmp_path: Path) -> None:
    settings = config(tmp_path / "spool.sqlite")
    nowhere = f"127.0.0.1:{free_port()}"
    second = create_app(settings, nowhere, SystemClock())
    async with Gateway(nowhere, settings) as first:
        with pytest.raises(SpoolUnusable, match="give each gateway process a file of its own"):
            async with second.router.lifespan_context(second):
                pass
        await first.accepted([body()])


@pytest.mark.kafka
async def test_a_spool_that_is_larger_than_memory_is_drained_in_order(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    await create_topics(kafka, topic_prefix)
    contents = [body(event=f"e{number:04}") for number in range(60)]
    async with Gateway(f"127.0.0.1:{free_port()}", config(tmp_path / "spool.sqlite", topic_prefix)) as alone:
        await alone.accepted(contents)
    async with Gateway(kafka, config(tmp_path / "spool.sqlite", topic_prefix, in_memory=5_000)) as gateway:
        await gateway.until_drained()
        assert await gateway.values() == contents
        assert gateway.figure("spool_drained_total") == 60


def test_the_window_of_hashes_is_bounded_and_forgets_the_oldest() -> None:
    seen = Seen(most=3)
    assert [seen.before(each) for each in ("a", "b", "c", "a")] == [False, False, False, True]
    assert not seen.before("d")
    assert len(seen) == 3
    assert not seen.before("a")
    assert seen.before("d")
