"""The fold `customers`: what one customer of one store says about a contact, as a whole.

Key `store/customer id`, or `store/guest:e-mail`. It gathers the profile and the parts of orders, keeps order papers and
carts waiting while no e-mail is known, and tells the inner topic `contacts` its whole contribution whenever it changed.
"""

from typing import Any, Final

import msgspec

from projections.customer import Customer, Source
from projections.fold import Input, Output
from projections.identity import contact_key, normalise, split
from projections.mapping import CustomerMapping
from projections.occasions import data_event, is_due, is_historical
from projections.papers import paper
from projections.reading import digest, encode, of_store, read
from projections.times import milliseconds
from schemas import topics
from schemas.commands import SendEvent
from schemas.errors import BadRecord
from schemas.facts import CustomerFact, CustomerIdentity
from schemas.inner import (
    CartPart,
    CartTold,
    ContactInput,
    Contribution,
    CustomerInput,
    MovedAway,
    OrderPapers,
    OrderPart,
    Papers,
)
from schemas.settings import FoldSettings, StoreSettings

CONTACTS: Final = "contacts"
CREATED: Final = "store/customer/created"
UPDATED: Final = "store/customer/updated"


class CustomersFold:
    """Pure; see projections.fold.Fold. BadRecord: the store is not configured, or a value cannot be read."""

    name = "customers"
    inputs: tuple[str, ...] = ("customers", topics.CUSTOMER)
    outputs: tuple[str, ...] = ("contacts",)

    def __init__(self, settings: FoldSettings) -> None:
        self._settings = settings
        self._mappings = {key: CustomerMapping(store.mapping) for key, store in settings.stores.items()}
        self._facts = msgspec.json.Decoder(CustomerFact)
        self._messages: msgspec.msgpack.Decoder[CustomerInput] = msgspec.msgpack.Decoder(CustomerInput)
        self._states = msgspec.msgpack.Decoder(Customer)

    def load(self, key: bytes, stored: bytes | None) -> Customer:
        return Customer() if stored is None else self._states.decode(stored)

    def dump(self, state: Customer) -> bytes | None:
        return None if state.empty else encode(state)

    def due(self, state: Customer) -> int | None:
        return None

    def fold(self, state: Customer, record: Input) -> tuple[Customer, list[Output]]:
        source = self._source(record.key)
        if record.topic == topics.CUSTOMER:
            forwards = self._customer(state, source, record)
            return state, _settle(state, source, state.changed_at, forwards)
        message = read(self._messages, record)
        at, forwards = _message(state, message)
        return state, _settle(state, source, at, forwards, adds=_adds(state, source, message))

    def _source(self, key: bytes) -> Source:
        store_hash, who = split(key)
        return Source.of(of_store(self._settings.stores, store_hash, f"Customer {who}"), who)

    def _customer(self, state: Customer, source: Source, record: Input) -> list[OrderPapers | CartPart]:
        if record.value is None:
            if record.time >= state.fetched_at:
                state.delete(record.time)
            return []
        fact = read(self._facts, record)
        if fact.fetched_at < state.fetched_at + state.deleted:  # a deletion wins over a fetch of the same moment
            return []
        entity, identity = _entity(fact)
        before, was_known, was_deleted = state.profile(), state.known, state.deleted
        self._take(state, fact, entity, identity)
        events = _Events(source.store, fact, identity)
        if not was_known:
            told = events.created()
        else:
            told = events.updated(state) if not was_deleted and state.profile() != before else None
        return [OrderPapers(order_id=0, events=[paper(told)])] if told else []

    def _take(self, state: Customer, fact: CustomerFact, entity: dict[str, Any], identity: CustomerIdentity) -> None:
        attributes, phone = self._mappings[fact.store].profile(entity, fact.store_country)
        causes = [cause.created_at for cause in fact.causes if cause.created_at <= fact.fetched_at]
        state.known, state.deleted, state.fetched_at = True, False, fact.fetched_at
        # Changes of addresses move no date of the customer; their deliveries have one.
        state.changed_at = max(milliseconds(identity.date_modified or identity.date_created), *causes, 0)
        state.historical = is_historical(state.changed_at, fact.live_since)
        state.email = normalise(identity.email)
        state.attributes, state.phone, state.channel = attributes, phone, identity.origin_channel_id


class _Events:
    """The customer's own events: only those listed in `webhooks`, under the names given there, and only when due."""

    def __init__(self, store: StoreSettings, fact: CustomerFact, identity: CustomerIdentity) -> None:
        self._store, self._fact, self._identity = store, fact, identity

    def created(self) -> SendEvent | None:
        customer = f"customer_created:{self._store.name}:{self._identity.id}"
        return self._event(CREATED, customer, milliseconds(self._identity.date_created))

    def updated(self, state: Customer) -> SendEvent | None:
        occasion = digest((state.profile(), state.changed_at))
        return self._event(
            UPDATED, f"customer_updated:{self._store.name}:{self._identity.id}:{occasion}", state.changed_at
        )

    def _event(self, scope: str, event_id: str, at: int) -> SendEvent | None:
        name = self._store.events.get(scope)
        if not name or not is_due(at, live_since=self._fact.live_since, fetched_at=self._fact.fetched_at):
            return None
        own: dict[str, object] = {"customer_id": str(self._identity.id)}
        channel = self._identity.origin_channel_id
        return data_event(self._store, channel, event_id=event_id, name=name, at=at, own=own)


def _entity(fact: CustomerFact) -> tuple[dict[str, Any], CustomerIdentity]:
    try:
        entity = msgspec.json.decode(fact.entity, type=dict[str, Any])
        return entity, msgspec.convert(entity, CustomerIdentity)
    except msgspec.DecodeError as error:
        raise BadRecord(
            f"Customer {fact.store}/{fact.id} cannot be read: {error}. Fetch it again.", stage="decode"
        ) from error


def _message(state: Customer, message: CustomerInput) -> tuple[int, list[OrderPapers | CartPart]]:
    """Takes it in; returns its business time and what is to be passed on."""
    if isinstance(message, OrderPapers):
        if message.part is None:
            return 0, [message]
        state.take_order(message.part)
        return message.part.modified_at, [message]
    if isinstance(message, CartPart):
        state.take_cart(message)
        return message.at, [message]
    state.take_order(message)
    return message.modified_at, []


def _adds(state: Customer, source: Source, message: CustomerInput) -> bool:
    """Whether the message may have changed what the customer contributes: papers alone do not, and carts only to a
    guest who is known by nothing else."""
    if isinstance(message, CartPart):
        return bool(source.guest) and not state.orders
    return isinstance(message, OrderPart) or message.part is not None


def _settle(
    state: Customer, source: Source, at: int, forwards: list[OrderPapers | CartPart], *, adds: bool = True
) -> list[Output]:
    """Contribution first, then what belongs to it; a source with nothing left says good-bye last."""
    email = state.current_email(source)
    if not email:
        state.hold(forwards)
        return _good_bye(state, source, at, to="")
    outputs = [] if state.contact in ("", email) else _good_bye(state, source, at, to=email)
    told_before = state.contact == email and state.told
    contribution = None
    if state.contributes and (adds or not told_before):
        contribution = _changed_contribution(state, source, email)
    messages: list[ContactInput] = [_passed_on(source, message) for message in state.release(forwards)]
    if contribution and messages and isinstance(messages[0], Papers):
        messages[0].contribution = contribution
    elif contribution:
        messages.insert(0, contribution)
    outputs += [_to(source, email, message) for message in messages]
    return outputs if state.contributes else outputs + _good_bye(state, source, at, to="")


def _good_bye(state: Customer, source: Source, at: int, to: str) -> list[Output]:
    if not state.contact:
        return []
    left, state.contact, state.told = state.contact, "", ""
    state.moved_from, state.moved_at = (left, at) if to else ("", 0)
    return [_to(source, left, MovedAway(source=source.id, to=to, at=at))]


def _changed_contribution(state: Customer, source: Source, email: str) -> Contribution | None:
    contribution = state.contribution(source)
    told = digest(contribution)
    if (state.contact, state.told) == (email, told):
        return None
    state.contact, state.told = email, told
    return contribution


def _passed_on(source: Source, message: OrderPapers | CartPart) -> Papers | CartTold:
    if isinstance(message, CartPart):
        return CartTold(source=source.id, part=message)
    return Papers(source=source.id, record=message.record, events=message.events)


def _to(source: Source, email: str, message: ContactInput) -> Output:
    return Output(CONTACTS, contact_key(source.store.account, email), encode(message))
