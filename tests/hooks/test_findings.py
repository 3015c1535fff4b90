"""What is said of hooks that are not well, and the rule by which a scope is silent."""

from dataclasses import replace
from itertools import pairwise

import pytest

from connectors.bigcommerce.hooks import EXCEPTIONS, Hook, exceptions_path_of
from connectors.bigcommerce.hooks_admin import Admin, Blocked, HookStatus, Reason
from streams.enrich.findings import FEWEST, HOUR, findings, silent_for
from streams.enrich.heard import DAY, DAYS_KEPT, HookMemory, Rhythm, Told
from tests.hooks.test_gaps import CARTS, NOW, ORDERS, STORE, WANTED, both, hook


def said(hooks: list[Hook], memory: HookMemory | None = None, admin: Admin | None = None) -> list[str]:
    todo = WANTED.plan(STORE, hooks)
    return [one.sentence for one in findings(WANTED, todo, admin or Admin(), memory or HookMemory(), NOW)]


def rhythm(*moments: int) -> Rhythm:
    made = Rhythm(moments[0], moments[0])
    for moment in moments[1:]:
        made.add(moment)
    return made


def every(span: int, *, since: int, until: int) -> Rhythm:
    return rhythm(*range(since, until, span), until)


def test_of_hooks_that_are_well_nothing_is_said() -> None:
    assert said(both()) == []


def test_each_fault_has_its_sentence_and_no_secret_is_in_it() -> None:
    deactivated = Admin(hooks_list=[HookStatus(id=1, status="deactivated")])
    assert said([hook(CARTS, 2)]) == [f"{ORDERS}: there is no webhook for it."]
    assert said(both(active=False)) == [f"{ORDERS}: its webhook is inactive: somebody switched it off."]
    assert said(both(active=False), admin=deactivated) == [
        f"{ORDERS}: its webhook is inactive: BigCommerce switched it off."
    ]
    assert said(both(headers={"x-tajo-secret": "an-older-one"})) == [
        f"{ORDERS}: its webhook carries another secret header than configured."
    ]
    elsewhere = f"https://old.example.com/webhooks/bigcommerce/{STORE}"
    assert said(both(destination=elsewhere)) == [f"{ORDERS}: its webhook leads to {elsewhere}."]
    full = [hook(ORDERS, 10 + n, destination=f"https://others.example.com/{n}") for n in range(10)]
    (sentence,) = said([*full, hook(CARTS, 2)])
    assert sentence.startswith(f"{ORDERS}: this API account has 10 webhooks for it that are not ours")


def test_a_blocked_domain_is_told_with_the_time_left_and_the_reasons() -> None:
    reasons = [Reason(failure_description="Non-200 response received", count=12)]
    domain = Blocked(destination="https://tajo.example.com", time_left=125, reasons=reasons)
    other = Blocked(destination="https://elsewhere.example.com", time_left=10)
    assert said(both(), admin=Admin(blocked_domains=[other, domain])) == [
        "https://tajo.example.com: BigCommerce sends nothing there for another 2 min 5 s, since more than a tenth of "
        "its deliveries failed: Non-200 response received (12 times): look why the gateway does not answer 200."
    ]


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (90_001, "it will try again"),
        (90_002, "it gave up after 11 retries and switched the webhook off"),
        (90_003, "it sends nothing to this domain for three minutes"),
        (90_009, "an unknown code"),
    ],
)
def test_what_bigcommerce_told_of_late_is_shown_for_a_day(code: int, meaning: str) -> None:
    late, old = (Told(f"h{at}", at, 1, code, "Non-200 response received") for at in (NOW - HOUR, NOW - 25 * HOUR))
    assert said(both(), HookMemory(told=[old, late])) == [
        f"{ORDERS}: BigCommerce could not deliver at 2026-02-25 05:13:20Z ({code}, {meaning}): "
        "Non-200 response received"
    ]


# --- silence ----------------------------------------------------------------------------------------------------------


def of_two(orders: Rhythm, carts: Rhythm) -> HookMemory:
    return HookMemory(rhythms={ORDERS: orders, CARTS: carts})


LIVELY = every(HOUR // 2, since=NOW - 10 * DAY, until=NOW - HOUR // 2)


def test_a_scope_is_silent_after_three_times_its_longest_pause_but_not_before_six_hours() -> None:
    for pause, limit in ((HOUR, 6 * HOUR), (4 * HOUR, 12 * HOUR)):
        for quiet in (limit, limit + 1):
            last = NOW - quiet
            memory = of_two(every(pause, since=last - 9 * DAY, until=last), LIVELY)
            assert silent_for(memory, ORDERS, NOW) == (quiet if quiet > limit else None)


def test_the_sentence_tells_how_long_and_what_is_usual() -> None:
    memory = of_two(every(HOUR, since=NOW - 9 * DAY, until=NOW - 7 * HOUR), LIVELY)
    assert said(both(), memory) == [
        f"{ORDERS}: no delivery for 7.0 h, while others came; its longest pause of late was 1.0 h."
    ]


def test_a_store_in_which_nothing_happens_is_not_silent() -> None:
    orders, carts = (every(HOUR, since=NOW - 9 * DAY, until=NOW - 8 * HOUR) for _ in range(2))
    assert silent_for(of_two(orders, carts), ORDERS, NOW) is None


def test_a_scope_is_not_judged_before_a_week_nor_by_few_deliveries() -> None:
    young = every(HOUR, since=NOW - 6 * DAY, until=NOW - 8 * HOUR)
    few = rhythm(*(NOW - 8 * DAY + n for n in range(FEWEST - 1)))
    assert silent_for(of_two(young, LIVELY), ORDERS, NOW) is None
    assert silent_for(of_two(few, LIVELY), ORDERS, NOW) is None
    assert silent_for(HookMemory(), ORDERS, NOW) is None


def test_pauses_older_than_two_weeks_are_forgotten() -> None:
    made = every(HOUR, since=NOW - 60 * DAY, until=NOW - 40 * DAY)
    made.add(NOW - 30 * DAY)
    assert made.longest(NOW - 30 * DAY) == 10 * DAY
    for moment in range(NOW - 15 * DAY, NOW, HOUR):
        made.add(moment)
    assert made.longest(NOW) == HOUR
    assert len(made.pauses) <= DAYS_KEPT + 1


def test_a_delivery_that_comes_late_neither_moves_the_last_one_nor_raises_an_alarm_sooner() -> None:
    moments = [NOW - 5 * HOUR, NOW - 4 * HOUR, NOW - HOUR]
    straight, crossed = rhythm(*moments), rhythm(moments[0], moments[2], moments[1])
    assert (crossed.last, crossed.count) == (straight.last, straight.count)
    assert crossed.longest(NOW) >= straight.longest(NOW) == max(b - a for a, b in pairwise(moments))


def test_the_hook_about_hooks_is_not_silent_when_all_is_well() -> None:
    memory = HookMemory(rhythms={EXCEPTIONS: every(HOUR, since=NOW - 30 * DAY, until=NOW - 9 * DAY), CARTS: LIVELY})
    wanted = replace(WANTED, scopes=(*WANTED.scopes, EXCEPTIONS))
    about = hook(EXCEPTIONS, 3, destination=f"{wanted.public_url}{exceptions_path_of(STORE)}")
    todo = wanted.plan(STORE, [*both(), about])
    assert findings(wanted, todo, Admin(), memory, NOW) == []
