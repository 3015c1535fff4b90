"""Token, scopes, quota and trouble on demand."""

import httpx
import pytest

from emulators.clock import StandingClock
from emulators.server import Server
from tests.emulators.bigcommerce_shop import SECRET, START, TOKEN, bigcommerce, client, lively_store, new_store

QUOTA = "x-rate-limit-requests-quota"
LEFT = "x-rate-limit-requests-left"
RESET = "x-rate-limit-time-reset-ms"
WINDOW = "x-rate-limit-time-window-ms"


async def test_a_wrong_token_is_401_in_both_dialects() -> None:
    clock = StandingClock(START)
    async with client(bigcommerce(new_store(clock), clock), token="wrong") as api:
        v2, v3 = await api.get("/v2/store"), await api.get("/v3/customers")
    assert (v2.status_code, v2.json()[0]["status"]) == (401, 401)
    assert (v3.status_code, v3.json()["status"]) == (401, 401)


async def test_a_missing_scope_is_403_where_it_is_needed_and_nowhere_else() -> None:
    clock = StandingClock(START)
    emulator = bigcommerce(lively_store(clock), clock, missing={"store_v2_customers"})
    async with client(emulator) as api:
        paths = ("/v3/customers", "/v3/customers/subscribers", "/v2/customer_groups", "/v2/orders", "/v2/time")
        assert [(await api.get(path)).status_code for path in paths] == [403, 403, 403, 200, 200]
        emulator.gate.missing.clear()
        assert (await api.get("/v3/customers")).status_code == 200


def test_a_scope_that_nothing_asks_for_is_an_error() -> None:
    clock = StandingClock(START)
    with pytest.raises(ValueError, match="no OAuth scopes"):
        bigcommerce(new_store(clock), clock, missing={"store_v2_custmers"})


async def test_every_answer_tells_what_is_left_of_the_quota_and_beyond_it_is_429() -> None:
    clock = StandingClock(START)
    emulator = bigcommerce(new_store(clock), clock, quota=3)
    async with client(emulator) as api:
        answers = [await api.get(path) for path in ("/v2/time", "/v3/nothing", "/v2/orders?limit=999")]
        assert [answer.status_code for answer in answers] == [200, 404, 413]
        assert [answer.headers[LEFT] for answer in answers] == ["2", "1", "0"]
        assert {(answer.headers[QUOTA], answer.headers[WINDOW]) for answer in answers} == {("3", "30000")}
        clock.advance(START + 12_300)
        refused = await api.get("/v2/time")
        assert (refused.status_code, refused.headers[LEFT], refused.headers[RESET]) == (429, "0", "17700")
        assert refused.headers["x-retry-after"] == "18"
        clock.advance(START + 30_000)
        again = await api.get("/v2/time")
    assert (again.status_code, again.headers[LEFT], again.headers[RESET]) == (200, "2", "30000")
    assert emulator.quota.refused == 1


async def test_another_application_of_the_store_takes_from_the_same_quota() -> None:
    clock = StandingClock(START)
    emulator = bigcommerce(new_store(clock), clock, quota=10)
    async with client(emulator) as api:
        emulator.quota.take(8)
        assert (await api.get("/v2/time")).headers[LEFT] == "1"


async def test_errors_garbage_and_429_come_as_often_as_asked_for_and_only_where() -> None:
    clock = StandingClock(START)
    emulator = bigcommerce(lively_store(clock), clock)
    emulator.faults.fail(503, 2, path="/v3/customers")
    emulator.faults.garble(path="/v2/orders")
    async with client(emulator) as api:
        assert [(await api.get("/v3/customers")).status_code for _ in range(3)] == [503, 503, 200]
        garbage = await api.get("/v2/orders")
        assert garbage.status_code == 200
        with pytest.raises(ValueError, match="Unterminated string"):
            garbage.json()
        assert (await api.get("/v2/orders")).json()
        emulator.faults.limit()
        limited = await api.get("/v2/time")
        emulator.faults.limit(headers=False)
        bare = await api.get("/v2/time")
    assert (limited.status_code, limited.headers[LEFT]) == (429, "0")
    assert "x-retry-after" in limited.headers
    assert bare.status_code == 429
    assert not [name for name in bare.headers if name.startswith(("x-rate", "x-retry"))]
    assert emulator.faults.met == 5


async def test_a_request_that_hangs_ends_when_the_client_gives_up() -> None:
    clock = StandingClock(START)
    emulator = bigcommerce(new_store(clock), clock)
    emulator.faults.hang()
    headers = {"X-Auth-Token": TOKEN, "Accept": "application/json"}
    async with Server(emulator.app) as url, httpx.AsyncClient(headers=headers, trust_env=False) as api:
        path = f"{url}/stores/{emulator.store.store_hash}/v2/time"
        with pytest.raises(httpx.ReadTimeout):
            await api.get(path, timeout=0.2)
        assert (await api.get(path)).json() == {"time": START // 1000}


async def test_requests_are_counted_by_what_they_ask_for() -> None:
    clock = StandingClock(START)
    emulator = bigcommerce(lively_store(clock), clock)
    async with client(emulator) as api:
        for path in ("/v2/orders/100", "/v2/orders/101", "/v2/orders", "/v3/catalog/products/101"):
            await api.get(path)
    assert emulator.requests == {"GET /v2/orders": 3, "GET /v3/catalog/products": 1}
    assert SECRET not in repr(emulator.requests)
