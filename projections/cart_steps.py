"""When an open cart wants attention: the steps of its series, the fresh look before each, its expiry, its removal.

Steps are ages since the cart's content last changed. A step that nobody could look at for a day, or that the next one
has overtaken, is passed over: its message would come at the wrong age.
"""

from typing import Final

from projections.cart import CartState
from projections.occasions import AGE_LIMIT, HOUR
from schemas.settings import CartSettings

KEPT: Final = 7 * 24 * HOUR  # how long an ended cart is remembered, for what comes late
_MINUTE: Final = 60_000


def wakes_at(state: CartState, carts: CartSettings) -> int | None:
    """From when on it wants a tick, Unix ms; None for a cart that was never seen."""
    if not state.known:
        return None
    if state.ended:
        return state.ended_at + KEPT
    expiry = expires_at(state, carts)
    ask = next_ask(state, carts)
    return expiry if ask is None else min(ask, expiry)


def expires_at(state: CartState, carts: CartSettings) -> int:
    return state.changed_at + carts.max_age


def ready(state: CartState) -> bool:
    """Whether its steps may be told at all: somebody is known, it is live, worth it and open."""
    return bool(state.owner and state.live and state.fits and not state.ended)


def due_at(state: CartState, carts: CartSettings) -> int | None:
    """When the next step is due; None after the last one."""
    return state.changed_at + carts.steps[state.step] if state.step < len(carts.steps) else None


def next_ask(state: CartState, carts: CartSettings) -> int | None:
    due = due_at(state, carts)
    if due is None or not ready(state):
        return None
    return state.ask_at if state.asks else due


def pass_over(state: CartState, carts: CartSettings, now: int) -> None:
    """Leaves behind the steps that are too late at ``now``, with their questions."""
    while (due := due_at(state, carts)) is not None:
        following = state.step + 1
        overtaken = following < len(carts.steps) and state.changed_at + carts.steps[following] <= now
        if not overtaken and now - due <= AGE_LIMIT:
            return
        go_to(state, following)


def begin_late(state: CartState, carts: CartSettings, now: int) -> None:
    """Its steps become possible only at ``now`` (somebody became known): it begins with the next that falls due."""
    go_to(state, state.step)
    while (due := due_at(state, carts)) is not None and due <= now:
        state.step += 1


def go_to(state: CartState, step: int) -> None:
    """So many steps are behind it; no question is open any more."""
    state.step, state.asks, state.ask_at = step, 0, 0


def ask(state: CartState, now: int) -> None:
    """Counts a question: asked again after 1, 2, 4 … minutes, then each hour."""
    state.asks += 1
    state.ask_at = now + min(_MINUTE << min(state.asks - 1, 6), HOUR)
