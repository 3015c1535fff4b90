"""The fold `carts`: which carts were left alone, by published rules, and how that ended.

Key `store/cart id`. Its customer is told when a cart opens, when a step is due, when it ends. Before a step is told,
the store's owner is asked to look at the cart again, and only that answer fires it. Times come from facts and ticks.
"""

from typing import Final, NamedTuple

import msgspec

from projections import cart_events
from projections.cart import CartState, Look, look
from projections.cart_events import lifecycle, told
from projections.cart_steps import (
    KEPT,
    ask,
    begin_late,
    due_at,
    expires_at,
    go_to,
    next_ask,
    pass_over,
    ready,
    wakes_at,
)
from projections.fold import Input, Output
from projections.identity import split
from projections.occasions import is_historical
from projections.reading import encode, of_store, read
from schemas import topics
from schemas.commands import SendEvent
from schemas.errors import BadRecord
from schemas.facts import CartFact
from schemas.inner import CartPart
from schemas.settings import FoldSettings, StoreSettings

_SERIES_OVER: Final = ("emptied", "expired")


class Place(NamedTuple):
    """Where a cart is: its id and its store."""

    cart_id: str
    store: StoreSettings


class CartsFold:
    """Pure; see projections.fold.Fold. BadRecord: the store is not configured, or a value cannot be read."""

    name = "carts"
    inputs: tuple[str, ...] = (topics.CART,)
    outputs: tuple[str, ...] = (topics.REQUEST, "customers", topics.CART_LIFECYCLE)

    def __init__(self, settings: FoldSettings) -> None:
        self._stores = settings.stores
        self._facts = msgspec.json.Decoder(CartFact)
        self._states = msgspec.msgpack.Decoder(CartState)

    def load(self, key: bytes, stored: bytes | None) -> CartState:
        return CartState(store=split(key)[0]) if stored is None else self._states.decode(stored)

    def dump(self, state: CartState) -> bytes | None:
        return encode(state) if state.known else None

    def due(self, state: CartState) -> int | None:
        store = self._stores.get(state.store)
        return wakes_at(state, store.carts) if store else None

    def fold(self, state: CartState, record: Input) -> tuple[CartState, list[Output]]:
        store_hash, cart_id = split(record.key)
        place = Place(cart_id, of_store(self._stores, store_hash, f"Cart {cart_id}"))
        if record.value is None:
            return CartState(store=store_hash), _leave(state, place, record.time)
        fact = read(self._facts, record)
        match fact.kind:
            case "tick":
                return _ticked(state, place, fact.fetched_at)
            case "converted":
                return _converted(state, place, fact)
            case "deleted":
                return state, _deleted(state, place, fact)
            case _:
                if fact.entity is None:
                    raise BadRecord(f"Cart {cart_id} was fetched, but the fact has no entity; look at it again.")
                return state, _fetched(state, place, fact, look(fact, fact.entity))


# --- what was fetched -------------------------------------------------------------------------------------------------


def _fetched(state: CartState, place: Place, fact: CartFact, seen: Look) -> list[Output]:
    if state.ended == "converted" or fact.fetched_at < state.fetched_at or seen.version < state.version:
        return []
    state.fetched_at, state.version = fact.fetched_at, seen.version
    if not seen.content:
        return _emptied(state, place, fact, seen)
    if state.ended == "expired" and seen.content == state.content:
        return []
    return _stands(state, place, fact, seen)


def _stands(state: CartState, place: Place, fact: CartFact, seen: Look) -> list[Output]:
    """It has items: a new owner or new content is told; an answer to our question fires the step."""
    renewed = bool(state.ended) or seen.content != state.content
    reopened = bool(state.ended) or not state.content
    if reopened and seen.updated_at + place.store.carts.max_age <= fact.fetched_at:
        return _too_old(state, place, seen)
    was_ready, owner, started = ready(state), "" if state.ended else state.owner, bool(state.reached)
    outputs = [_gone(owner, place, fact.fetched_at)] if owner and owner != seen.owner else []
    _take(state, place, fact, seen, renewed=renewed)
    if not renewed and not was_ready and ready(state):
        begin_late(state, place.store.carts, fact.fetched_at)
    if reopened or (renewed and started):
        outputs.append(lifecycle(state, place.cart_id, "at risk", state.changed_at))
    if state.owner and (renewed or owner != state.owner):
        event = cart_events.changed(state, seen, fact, place.store) if renewed or not state.created_told else None
        if event or owner != state.owner:  # its owner knows that it is open
            outputs.append(told(state.owner, _part(state, place, "open", fact.fetched_at, event)))
    if not renewed and fact.requested_due is not None:
        outputs += _answered(state, place, fact, seen, fact.requested_due)
    return outputs


def _take(state: CartState, place: Place, fact: CartFact, seen: Look, *, renewed: bool) -> None:
    carts = place.store.carts
    if renewed:
        if seen.updated_at >= state.reached_at + carts.max_age:
            state.reached = state.reached_at = 0  # that series is too long ago to be ended by anything
        state.content, state.changed_at = seen.content, seen.updated_at
        go_to(state, 0)
        state.ended, state.ended_at = "", 0
    state.owner, state.email, state.channel = seen.owner, seen.email, seen.channel
    state.total, state.currency = seen.total, seen.currency
    state.live = not is_historical(state.changed_at, fact.live_since)
    state.fits = seen.total >= carts.min_value and seen.pieces >= carts.min_items


def _answered(state: CartState, place: Place, fact: CartFact, seen: Look, asked_due: int) -> list[Output]:
    """Fires only what was asked for, is still due, and is not too late."""
    carts = place.store.carts
    pass_over(state, carts, fact.fetched_at)
    due = due_at(state, carts)
    if not (state.asks and ready(state) and due == asked_due and due <= fact.fetched_at):
        return []
    if fact.fetched_at >= expires_at(state, carts):
        return []
    go_to(state, state.step + 1)
    state.reached, state.reached_at = state.step, state.changed_at
    event = cart_events.abandoned(state, seen, fact, place.store, due)
    part = _part(state, place, "due", fact.fetched_at, event)
    part.step, part.last = state.step, state.step == len(carts.steps)
    part.consents = fact.subscriber.consents if fact.subscriber else None
    part.statement = cart_events.statement(fact)
    return [told(state.owner, part), lifecycle(state, place.cart_id, "abandoned", due)]


def _too_old(state: CartState, place: Place, seen: Look) -> list[Output]:
    """First seen, or seen again, when its time is over: nothing was begun and nothing is told."""
    state.content, state.changed_at, state.owner = seen.content, seen.updated_at, ""
    _end(state, "expired", seen.updated_at + place.store.carts.max_age)
    return []


def _emptied(state: CartState, place: Place, fact: CartFact, seen: Look) -> list[Output]:
    if state.ended:
        return []
    outputs = _leave(state, place, fact.fetched_at)
    if state.content:
        outputs.append(lifecycle(state, place.cart_id, "emptied", seen.updated_at))
    state.content = ""
    _end(state, "emptied", fact.fetched_at)
    return outputs


# --- how it ends ------------------------------------------------------------------------------------------------------


def _converted(state: CartState, place: Place, fact: CartFact) -> tuple[CartState, list[Output]]:
    """An order took it. What remains is the end marker alone, whatever came before."""
    at, order_id = fact.fetched_at, fact.order_id or 0
    if state.ended in ("converted", "deleted") and not state.owner and at < state.fetched_at:
        return state, []
    outputs: list[Output] = []
    if state.owner and state.ended not in _SERIES_OVER:
        event = cart_events.recovered(state, place.store, place.cart_id, order_id, at) if state.reached else None
        part = _part(state, place, "converted", at, event)
        part.order_id = order_id
        outputs.append(told(state.owner, part))
    if state.content:
        stage = "recovered" if state.reached else "converted"
        outputs.append(lifecycle(state, place.cart_id, stage, at, order_id))
    marker = CartState(store=state.store, fetched_at=at, order_id=order_id)
    _end(marker, "converted", at)
    return marker, outputs


def _deleted(state: CartState, place: Place, fact: CartFact) -> list[Output]:
    """It is gone at BigCommerce. Who had it is remembered for a while: the news of an order may still be on its way."""
    if fact.fetched_at < state.fetched_at:
        return []
    outputs: list[Output] = []
    if state.content and not state.ended:
        outputs = [*_leave(state, place, fact.fetched_at), lifecycle(state, place.cart_id, "emptied", fact.fetched_at)]
    state.fetched_at, state.order_id = fact.fetched_at, None
    _end(state, "deleted", fact.fetched_at)
    return outputs


def _ticked(state: CartState, place: Place, now: int) -> tuple[CartState, list[Output]]:
    carts = place.store.carts
    if not state.known:
        return state, []
    if state.ended:
        over = now >= state.ended_at + KEPT
        return (CartState(store=state.store) if over else state), []
    if now >= expires_at(state, carts):
        return state, _expired(state, place)
    if not ready(state):
        return state, []
    pass_over(state, carts, now)
    when, due = next_ask(state, carts), due_at(state, carts)
    if when is None or due is None or when > now:
        return state, []
    ask(state, now)
    return state, [cart_events.question(state, place.cart_id, due, now)]


def _expired(state: CartState, place: Place) -> list[Output]:
    at = expires_at(state, place.store.carts)
    outputs = [*_leave(state, place, at), lifecycle(state, place.cart_id, "expired", at)]
    _end(state, "expired", at)
    return outputs


def _end(state: CartState, how: str, at: int) -> None:
    state.ended, state.ended_at = how, at
    go_to(state, 0)
    if how in _SERIES_OVER:
        state.reached = state.reached_at = 0


# --- to its customer --------------------------------------------------------------------------------------------------


def _leave(state: CartState, place: Place, at: int) -> list[Output]:
    return [_gone(state.owner, place, at)] if state.owner and not state.ended else []


def _gone(owner: str, place: Place, at: int) -> Output:
    return told(owner, CartPart(cart_id=place.cart_id, change="gone", at=at))


def _part(state: CartState, place: Place, change: str, at: int, event: SendEvent | None) -> CartPart:
    return CartPart(
        cart_id=place.cart_id,
        change=change,  # type: ignore[arg-type]  # one of the four, as the callers write them
        at=at,
        changed_at=state.changed_at,
        email=state.email,
        channel=state.channel,
        event=event,
    )
