"""Cart series at the contact: one at a time, only to who may be written to, and what was begun is ended.

A series runs from its first message to its last. The list `abandoned_cart` holds the contact until the cart ends, also
after the last message, or until consent is lost.
"""

from typing import Final

import msgspec

from projections.account import Account
from projections.consent import CARTS, Verdict
from projections.contact import Announced, ContactState, is_contact, state_statement, verdict_of
from schemas.commands import SendEvent
from schemas.inner import CartPart, CartTold
from schemas.settings import StoreSettings

_REMEMBERED: Final = 30 * 86_400_000  # an ended cart, for what is still on its way about it


def running_in(state: ContactState, account: Account, said: Verdict) -> set[tuple[str, int]]:
    """(store, channel) of the carts for which the contact is in `abandoned_cart`."""
    return {
        (cart.store, cart.channel)
        for cart in state.carts.values()
        if cart.open and _may_tell(state, account.stores[cart.store], cart.source, said)
    }


def knows(state: ContactState, message: CartTold) -> bool:
    """Whether a series of the cart was told here."""
    return _key(message) in state.carts


def tell(state: ContactState, account: Account, message: CartTold) -> list[SendEvent]:
    """A cart's transition: what follows for its series, and the event if it is to be sent."""
    store = account.stores[message.source.partition("/")[0]]
    key = _key(message)
    _forget_old(state, message.part.at)
    match message.part.change:
        case "open":
            _claim(state.carts.get(key), message)
            return _event_if_allowed(state, account, store, message)
        case "due":
            return _due(state, account, store, key, message)
        case "gone":
            cart = state.carts.get(key)
            if cart and cart.source == message.source:
                cart.open = False
            return []
        case _:
            return _converted(state, account, store, key, message)


def _key(message: CartTold) -> str:
    """`store hash/cart id`."""
    return f"{message.source.partition('/')[0]}/{message.part.cart_id}"


def close(state: ContactState, source: str) -> None:
    """The source is gone without a successor; so are its carts."""
    for cart in state.carts.values():
        cart.open = cart.open and cart.source != source


def take_away(state: ContactState, source: str) -> dict[str, Announced]:
    """The series of a source that has another e-mail now."""
    moving = {key: cart for key, cart in state.carts.items() if cart.source == source}
    for key in moving:
        del state.carts[key]
    return moving


def bring(state: ContactState, series: dict[str, Announced]) -> None:
    for key, cart in series.items():
        known = state.carts.get(key)
        if known is None or (known.changed_at, known.step) < (cart.changed_at, cart.step):
            state.carts[key] = cart


def _due(state: ContactState, account: Account, store: StoreSettings, key: str, message: CartTold) -> list[SendEvent]:
    """Announced, unless it was already, nobody may write to its shopper, or the series of another cart runs."""
    part, known = message.part, state.carts.get(key)
    if known and (known.changed_at, known.step) >= (part.changed_at, part.step):
        return []
    if part.statement:
        _learn(state, part)
    events = _event_if_allowed(state, account, store, message)
    if not events or any(_runs(state, cart) for other, cart in state.carts.items() if other != key):
        return []
    state.carts[key] = Announced(
        source=message.source,
        store=store.store_hash,
        changed_at=part.changed_at,
        step=part.step,
        last=part.last,
        channel=part.channel,
        claimed_at=part.at,
    )
    return events


def _converted(
    state: ContactState, account: Account, store: StoreSettings, key: str, message: CartTold
) -> list[SendEvent]:
    """An order ended it. Its end is told if its beginning was."""
    cart = state.carts.pop(key, None)
    if cart is None:
        return []
    occasion = f"cart_recovered:{store.name}:{message.part.cart_id}:{cart.changed_at}"
    return [
        msgspec.structs.replace(
            event, id=occasion, properties=event.properties | {"tajo_id": occasion, "step": cart.step}
        )
        for event in _event_if_allowed(state, account, store, message)
    ]


def _learn(state: ContactState, part: CartPart) -> None:
    """The fresh look saw an opt-in of which the subscriber's own fact may not have told yet."""
    seen = part.statement
    known = seen and state.statements.get(seen.source)
    if seen and (known is None or max(known.at, known.withdrawn_at or 0) < seen.at):
        state_statement(state, seen)


def _claim(cart: Announced | None, message: CartTold) -> None:
    """The cart is this source's now (a guest who logged in), whichever of the two is heard of first."""
    if cart and (cart.claimed_at, cart.source) < (message.part.at, message.source):
        cart.source, cart.claimed_at, cart.open = message.source, message.part.at, True


def _event_if_allowed(
    state: ContactState, account: Account, store: StoreSettings, message: CartTold
) -> list[SendEvent]:
    event, consents = message.part.event, message.part.consents
    if event is None or not is_contact(state, account):
        return []
    if store.carts.require_consent and consents is not None and CARTS not in consents:
        return []
    return [event] if _may_tell(state, store, message.source, verdict_of(state, account)) else []


def _may_tell(state: ContactState, store: StoreSettings, source: str, said: Verdict) -> bool:
    shopper = state.sources.get(source)
    there = shopper is not None and not shopper.deleted
    return there and said.may_tell_of_carts(require_consent=store.carts.require_consent)


def _runs(state: ContactState, cart: Announced) -> bool:
    shopper = state.sources.get(cart.source)
    return cart.open and not cart.last and shopper is not None and not shopper.deleted


def _forget_old(state: ContactState, now: int) -> None:
    old = [key for key, cart in state.carts.items() if not cart.open and cart.claimed_at < now - _REMEMBERED]
    for key in old:
        del state.carts[key]
