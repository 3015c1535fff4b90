"""What is wrong with a store's webhooks, in sentences: said by the watch, and by `tajo hooks check`."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple

from connectors.bigcommerce.hooks import EXCEPTIONS, Plan, full
from connectors.bigcommerce.hooks_admin import Admin, Blocked
from streams.enrich.gaps import BLOCKED, GIVEN_UP, WILL_RETRY
from streams.enrich.heard import DAY, HookMemory, Told
from streams.enrich.settings import HooksWanted

Kind = Literal["full", "missing", "wrong", "blocked", "exception", "silent"]
HOUR: Final = 3_600_000
QUIET_AT_LEAST_MS: Final = 6 * HOUR
TIMES_THE_LONGEST: Final = 3
JUDGED_AFTER_MS: Final = 7 * DAY  # a week holds nights and a week-end
FEWEST: Final = 20  # deliveries from which a rhythm can be read
ALIVE_MS: Final = HOUR
_LATE_MS: Final = DAY  # how long an exception is shown
_MEANING: Final = {
    WILL_RETRY: "it will try again",
    GIVEN_UP: "it gave up after 11 retries and switched the webhook off",
    BLOCKED: "it sends nothing to this domain for three minutes",
}


class Finding(NamedTuple):
    """``about`` names it beside its kind: it is one finding as long as both stay, whatever the sentence counts."""

    kind: Kind
    about: str
    sentence: str


def findings(wanted: HooksWanted, todo: Plan, admin: Admin, memory: HookMemory, now: int) -> list[Finding]:
    """Empty: all is well."""
    return [
        *_faults(todo, admin),
        *_blocks(wanted, admin),
        *(_exception(told, todo) for told in memory.told if told.at > now - _LATE_MS),
        *_silences(wanted, memory, now),
    ]


def _faults(todo: Plan, admin: Admin) -> Iterator[Finding]:
    for scope in todo.full:
        yield Finding("full", scope, full(scope))
    for wanted in todo.create:
        yield Finding("missing", wanted.scope, f"{wanted.scope}: there is no webhook for it.")
    for repair in todo.repair:
        hook, faults = repair.hook, list(repair.faults)
        if not hook.is_active:
            gave_up = admin.deactivated(hook.id)
            faults[0] = "is inactive: " + ("BigCommerce switched it off" if gave_up else "somebody switched it off")
        said = " and ".join(_FAULTS.get(fault, fault) for fault in faults)
        yield Finding("wrong", hook.scope, f"{hook.scope}: its webhook {said}.")


_FAULTS: Final = {"another secret header": "carries another secret header than configured"}


def _blocks(wanted: HooksWanted, admin: Admin) -> Iterator[Finding]:
    block = admin.blocked(wanted.public_url)
    if block is not None:
        yield Finding(
            "blocked",
            block.destination,
            f"{block.destination}: BigCommerce sends nothing there for another {_minutes(block.time_left)}, since more "
            f"than a tenth of its deliveries failed{_reasons(block)}: look why the gateway does not answer 200.",
        )


def _reasons(block: Blocked) -> str:
    told = ", ".join(f"{reason.failure_description} ({reason.count} times)" for reason in block.reasons or ())
    return f": {told}" if told else ""


def _exception(told: Told, todo: Plan) -> Finding:
    hooks = {hook.id: hook.scope for hook in (*todo.right, *(one.hook for one in todo.repair), *todo.remove)}
    name = hooks.get(told.hook_id, f"webhook {told.hook_id}")
    meaning = _MEANING.get(told.code, "an unknown code")
    sentence = f"{name}: BigCommerce could not deliver at {moment(told.at)} ({told.code}, {meaning}): {told.message}"
    return Finding("exception", told.hash, sentence)


def _silences(wanted: HooksWanted, memory: HookMemory, now: int) -> Iterator[Finding]:
    for scope in wanted.scopes:
        if (quiet := silent_for(memory, scope, now)) is not None:
            sentence = (
                f"{scope}: no delivery for {_hours(quiet)}, while others came; its longest pause of late was "
                f"{_hours(memory.rhythms[scope].longest(now))}."
            )
            yield Finding("silent", scope, sentence)


def silent_for(memory: HookMemory, scope: str, now: int) -> int | None:
    """How long a scope has been silent, if that is unusual: see docs/webhooks.md for the rule."""
    rhythm = memory.rhythms.get(scope) if scope != EXCEPTIONS else None  # their absence is good news
    if rhythm is None or rhythm.count < FEWEST or now < rhythm.first + JUDGED_AFTER_MS:
        return None
    alive = any(other.last > now - ALIVE_MS for name, other in memory.rhythms.items() if name != scope)
    quiet = now - rhythm.last
    unusual = quiet > max(QUIET_AT_LEAST_MS, TIMES_THE_LONGEST * rhythm.longest(now))
    return quiet if alive and unusual else None


def moment(at: int) -> str:
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _minutes(seconds: int) -> str:
    return f"{seconds // 60} min {seconds % 60} s" if seconds >= 60 else f"{seconds} s"


def _hours(ms: int) -> str:
    return f"{ms / DAY:.1f} days" if ms >= 2 * DAY else f"{ms / HOUR:.1f} h"
