"""Since when deliveries may have been lost, and until when: one look after the other, without a network."""

import itertools

import pytest

from connectors.bigcommerce.hooks import EXCEPTIONS, Hook, Plan, path_of
from connectors.bigcommerce.hooks_admin import BLOCK_MS, RETRIES_MS, SETTLES_MS, Admin, Blocked, HookStatus
from streams.enrich.gaps import BLOCKED, GIVEN_UP, WILL_RETRY, Gaps, windows
from streams.enrich.heard import Gap, HookMemory, Rhythm, Told
from streams.enrich.settings import HooksWanted

STORE, URL, SECRET = "tj4kq1w9zc", "https://tajo.example.com", {"x-tajo-secret": "s"}
ORDERS, CARTS = "store/order/created", "store/cart/created"
WANTED = HooksWanted((ORDERS, CARTS), URL, SECRET)
NOW = 1_772_000_000_000
LONG_AGO = NOW // 1000 - 86_400
_hashes = itertools.count()


def hook(scope: str, id_: int = 1, *, active: bool = True, updated: int = LONG_AGO, **given: object) -> Hook:
    destination = URL + path_of(STORE)
    fields = {"headers": SECRET, "destination": destination, **given}
    return Hook(id=id_, scope=scope, is_active=active, updated_at=updated, **fields)  # type: ignore[arg-type]


def both(**orders: object) -> list[Hook]:
    return [hook(ORDERS, 1, **orders), hook(CARTS, 2)]  # type: ignore[arg-type]


def look(
    memory: HookMemory, hooks: list[Hook], at: int = NOW, admin: Admin | None = None
) -> list[tuple[str, int, int]]:
    """What is over by this look."""
    todo: Plan = WANTED.plan(STORE, hooks)
    gaps = Gaps(memory, WANTED, todo, admin or Admin(), at)
    gaps.open()
    return list(gaps.close())


def seen_good(at: int = NOW - 120_000) -> HookMemory:
    memory = HookMemory()
    assert look(memory, both(), at) == []
    assert memory.good == {ORDERS: at, CARTS: at}
    return memory


def told(code: int, at: int, hook_id: int = 1) -> Told:
    return Told(f"hash {next(_hashes)}", at, hook_id, code, "Non-200 response received")


def test_it_begins_at_the_last_look_at_which_it_was_good_and_ends_a_minute_after_it_is_back() -> None:
    memory = seen_good()
    good = memory.good[ORDERS]
    assert look(memory, both(active=False)) == []
    assert memory.gaps == {ORDERS: Gap(good, NOW)}
    back = NOW // 1000 + 2
    assert look(memory, both(updated=back), NOW + 10_000) == []
    closed = look(memory, both(updated=back), back * 1000 + 1_000 + SETTLES_MS)
    assert closed == [(ORDERS, good, back * 1000 + 1_000 + SETTLES_MS)]
    assert memory.gaps == {}
    assert look(memory, both(updated=back), NOW + 200_000) == []


def test_a_hook_that_stays_down_keeps_its_beginning() -> None:
    memory = seen_good()
    good = memory.good[ORDERS]
    for minutes in range(10):
        look(memory, both(active=False), NOW + minutes * 60_000)
    assert memory.gaps[ORDERS] == Gap(good, NOW + 9 * 60_000)
    assert memory.good[CARTS] == NOW + 9 * 60_000


@pytest.mark.parametrize(
    "fault",
    [{"headers": {"x-tajo-secret": "older"}}, {"destination": "https://old.example.com" + path_of(STORE)}],
    ids=["another header", "another address"],
)
def test_deliveries_that_come_without_our_secret_or_elsewhere_are_lost_too(fault: dict[str, object]) -> None:
    memory = seen_good()
    look(memory, both(**fault))
    assert memory.gaps.keys() == {ORDERS}


def test_a_delivery_proves_that_the_hook_was_there_when_its_event_happened() -> None:
    memory = seen_good()
    memory.rhythms[ORDERS] = Rhythm(NOW - 86_400_000, NOW - 5_000)
    look(memory, both(active=False))
    assert memory.gaps[ORDERS].since == NOW - 5_000


def test_where_nothing_is_known_nothing_was_missed_but_a_delivery_of_old_says_that_there_was_a_hook() -> None:
    memory = HookMemory()
    look(memory, [])
    assert memory.gaps == {}
    memory.rhythms[ORDERS] = Rhythm(NOW - 86_400_000, NOW - 7_200_000)
    look(memory, [])
    assert memory.gaps == {ORDERS: Gap(NOW - 7_200_000, NOW)}


@pytest.mark.parametrize("sign", ["deactivated", "told"])
def test_where_deliveries_were_failing_it_reaches_back_over_their_repetitions(sign: str) -> None:
    memory = seen_good()
    good = memory.good[ORDERS]
    admin = Admin(hooks_list=[HookStatus(id=1, status="deactivated")]) if sign == "deactivated" else Admin()
    if sign == "told":
        memory.told = [told(WILL_RETRY, good - 3_600_000)]
    look(memory, both(active=False), admin=admin)
    assert memory.gaps[ORDERS].since == good - RETRIES_MS


def test_a_missing_hook_reaches_back_if_anything_was_failing() -> None:
    memory = seen_good()
    memory.told = [told(WILL_RETRY, memory.good[ORDERS] - 3_600_000, hook_id=77)]
    good = memory.good[ORDERS]
    look(memory, [hook(CARTS, 2)])
    assert memory.gaps[ORDERS].since == good - RETRIES_MS


def test_a_hook_that_was_given_up_and_taken_back_before_anybody_looked_is_known_by_what_was_told() -> None:
    memory = seen_good()
    memory.told = [told(GIVEN_UP, NOW - 60_000)]
    back = NOW // 1000 - 30
    look(memory, both(updated=back))
    assert memory.gaps[ORDERS].since <= NOW - 60_000 - RETRIES_MS
    assert memory.told[0].taken


def test_a_block_concerns_all_hooks_and_lasts_until_it_is_over() -> None:
    memory = seen_good()
    good = memory.good[ORDERS]
    block = Admin(blocked_domains=[Blocked(destination="tajo.example.com", time_left=100)])
    assert look(memory, both(), NOW, block) == []
    since = min(good, NOW + 100_000 - BLOCK_MS)
    assert memory.gaps == {ORDERS: Gap(since, NOW + 100_000), CARTS: Gap(since, NOW + 100_000)}
    assert memory.good == {ORDERS: good, CARTS: good}
    over = NOW + 100_000 + SETTLES_MS
    assert look(memory, both(), over - 1) == []
    assert look(memory, both(), over) == [(ORDERS, since, over), (CARTS, since, over)]


def test_a_block_that_nobody_saw_is_known_by_what_was_told_once() -> None:
    memory = seen_good()
    at = NOW - 400_000
    memory.told = [told(BLOCKED, at)]
    closed = look(memory, both())
    assert closed == [(scope, at, at + BLOCK_MS + SETTLES_MS) for scope in (ORDERS, CARTS)]
    assert look(memory, both(), NOW + 120_000) == []


def test_of_a_scope_that_is_wanted_no_more_nothing_is_remembered() -> None:
    memory = seen_good()
    memory.good["store/sku/updated"] = NOW
    memory.gaps["store/sku/updated"] = Gap(NOW - 1, NOW)
    look(memory, both())
    assert memory.good.keys() == {ORDERS, CARTS}
    assert memory.gaps == {}


def test_what_was_lost_together_is_asked_for_together() -> None:
    assert windows([(ORDERS, 5, 100), (CARTS, 5, 101), (EXCEPTIONS, 6, 90)]) == {
        5: ([ORDERS, CARTS], 101),
        6: ([EXCEPTIONS], 90),
    }
