"""The limiter of a store: the quota is never exceeded, is used, is shared, and nothing overtakes what matters more."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from connectors.bigcommerce.limits import QUOTA, WINDOW_MS, Limiter, Priority
from connectors.bigcommerce.reads import Reads
from emulators.clock import StandingClock
from tests.connectors.bigcommerce_shop import START, Shop, emulated_shop


@pytest.fixture
async def clock() -> AsyncIterator[StandingClock]:
    clock = StandingClock(START)
    running = asyncio.create_task(clock.run(lambda: True))
    yield clock
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def headers(left: int, reset: int, quota: int = 20) -> dict[str, str]:
    return {
        "x-rate-limit-time-window-ms": "30000",
        "x-rate-limit-time-reset-ms": str(reset),
        "x-rate-limit-requests-quota": str(quota),
        "x-rate-limit-requests-left": str(left),
    }


async def drive(shop: Shop) -> asyncio.Task[None]:
    return asyncio.create_task(shop.clock.run(lambda: True))


async def end(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("quota", [2, 7, 40])
async def test_the_quota_is_never_exceeded_and_nearly_all_of_it_is_used(quota: int) -> None:
    async with emulated_shop(quota=quota) as shop:
        client, running = shop.client(), await drive(shop)
        requests = 3 * quota
        await asyncio.gather(*(Reads(client).store() for _ in range(requests)))
        assert shop.emulator.quota.refused == 0
        assert client.limiter.usage.throttled == 0
        reserve = max(1, round(quota * 0.05))
        windows = -(-requests // (quota - reserve))
        assert shop.clock.now() == START + (windows - 1) * WINDOW_MS
        await client.close()
        await end(running)


async def test_the_quota_is_not_exceeded_when_another_app_takes_its_share_of_it() -> None:
    """Within the reserve: a request that is under way cannot be called back when another app takes the last one."""
    async with emulated_shop(quota=60) as shop:
        client, running = shop.client(concurrency=2), await drive(shop)

        async def read(number: int) -> None:
            await Reads(client).store()
            if number % 2:
                shop.emulator.quota.take()

        await asyncio.gather(*(read(number) for number in range(150)))
        assert shop.emulator.quota.refused == 0
        assert client.limiter.usage.throttled == 0
        assert shop.clock.now() >= START + 3 * WINDOW_MS  # 225 requests in all, of at most 57 a window
        await client.close()
        await end(running)


async def test_a_lost_answer_counts_as_a_request_of_the_quota(clock: StandingClock) -> None:
    limiter = Limiter(clock, concurrency=1)
    async with limiter.slot():
        limiter.learn(200, headers(left=3, reset=30_000))
    async with limiter.slot():
        limiter.learn(0, {})
    assert limiter.usage.left == 2
    await limiter.close()


async def test_an_answer_that_was_overtaken_does_not_raise_what_is_left(clock: StandingClock) -> None:
    limiter = Limiter(clock, concurrency=3)
    async with limiter.slot():
        limiter.learn(200, headers(left=10, reset=30_000))
    async with limiter.slot(), limiter.slot():
        limiter.learn(200, headers(left=8, reset=30_000))
        limiter.learn(200, headers(left=9, reset=30_000))
    assert limiter.usage.left == 8
    await limiter.close()


async def test_before_the_first_answer_ever_a_single_request_is_under_way(clock: StandingClock) -> None:
    limiter = Limiter(clock)
    async with limiter.slot():
        assert limiter.opens_at() is None
        limiter.learn(200, headers(left=19, reset=30_000))
        assert limiter.opens_at() == START
    await limiter.close()


async def test_a_late_answer_of_a_window_that_is_over_does_not_close_the_new_one(clock: StandingClock) -> None:
    limiter = Limiter(clock)
    async with limiter.slot():
        limiter.learn(200, headers(left=1, reset=30_000))
    await clock.sleep_until(START + 30_000)
    async with limiter.slot():
        limiter.learn(200, headers(left=0, reset=5))  # sent before the end, arriving after it
        assert limiter.opens_at() == clock.now()
    await limiter.close()


async def test_a_larger_quota_in_the_headers_is_believed(clock: StandingClock) -> None:
    limiter = Limiter(clock)
    assert (limiter.usage.quota, limiter.usage.left) == (QUOTA, QUOTA)
    async with limiter.slot():
        limiter.learn(200, headers(left=449, reset=29_000, quota=450))
    assert (limiter.usage.quota, limiter.usage.left, limiter.usage.foreign) == (450, 449, 0)
    await limiter.close()


@pytest.mark.parametrize("wrong", ["", "NaN", "-1", "soon", "1.5"])
async def test_headers_that_are_no_numbers_are_no_headers(clock: StandingClock, wrong: str) -> None:
    limiter = Limiter(clock)
    async with limiter.slot():
        limiter.learn(429, {"x-rate-limit-time-reset-ms": wrong, "x-retry-after": wrong})
    opens = limiter.opens_at()
    assert opens is not None
    assert START + 500 <= opens <= START + 1_000  # the first delay of the backoff, not none at all
    await limiter.close()


async def test_retry_after_is_waited_for_in_seconds_when_nothing_better_is_told(clock: StandingClock) -> None:
    limiter = Limiter(clock)
    async with limiter.slot():
        limiter.learn(429, {"x-retry-after": "7"})
    assert limiter.opens_at() == START + 7_000
    await limiter.close()


async def test_live_reads_go_before_imports_that_came_earlier() -> None:
    clock = StandingClock(START)
    limiter, order = Limiter(clock, concurrency=1), []

    async def go(name: str, priority: Priority) -> None:
        async with limiter.slot(priority):
            order.append(name)

    async with limiter.slot():
        tasks = [
            asyncio.create_task(go(name, priority))
            for name, priority in (
                ("page", Priority.BACKGROUND),
                ("page", Priority.BACKGROUND),
                ("cart", Priority.LIVE),
            )
        ]
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert order == ["cart", "page", "page"]
    await limiter.close()


async def test_imports_leave_a_fifth_of_the_quota_to_live_reads(clock: StandingClock) -> None:
    limiter = Limiter(clock)
    async with limiter.slot():
        limiter.learn(200, headers(left=4, reset=30_000))
    assert limiter.opens_at(Priority.BACKGROUND) == START + 30_000
    assert limiter.opens_at(Priority.LIVE) == START
    await limiter.close()


async def test_who_is_cancelled_while_waiting_takes_no_turn() -> None:
    clock = StandingClock(START)
    limiter = Limiter(clock, concurrency=1)

    async def go() -> None:
        async with limiter.slot():
            pass

    async with limiter.slot():
        waiting = [asyncio.create_task(go()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
    waiting[1].cancel()  # its turn has just come
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [asyncio.CancelledError, asyncio.CancelledError, type(None)]
    assert limiter.waiting == 0
    async with limiter.slot():
        pass
    await limiter.close()
