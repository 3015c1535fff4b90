"""The fold `subscribers`: what a newsletter subscriber record says about consent, to the contact of its e-mail.

Key `store/subscriber id`. A record that never was opted in says nothing; one that changed its e-mail leaves its opt-out
behind at the old contact and speaks for the new one.
"""

from typing import Final

import msgspec

from projections.fold import Input, Output
from projections.identity import contact_key, normalise, split
from projections.reading import encode, of_store, read
from projections.times import milliseconds
from schemas import topics
from schemas.facts import Subscriber, SubscriberFact
from schemas.inner import Statement
from schemas.settings import FoldSettings

CONTACTS: Final = "contacts"


class SubscriberState(msgspec.Struct, array_like=True):
    """``said``: the last statement, at ``email``; None while it has said nothing there."""

    fetched_at: int = -1
    email: str = ""
    said: Statement | None = None


class SubscribersFold:
    """Pure; see projections.fold.Fold. BadRecord: the store is not configured, or a value cannot be read."""

    name = "subscribers"
    inputs: tuple[str, ...] = (topics.SUBSCRIBER,)
    outputs: tuple[str, ...] = (CONTACTS,)

    def __init__(self, settings: FoldSettings) -> None:
        self._accounts = {store_hash: store.account for store_hash, store in settings.stores.items()}
        self._facts = msgspec.json.Decoder(SubscriberFact)
        self._states = msgspec.msgpack.Decoder(SubscriberState)

    def load(self, key: bytes, stored: bytes | None) -> SubscriberState:
        return SubscriberState() if stored is None else self._states.decode(stored)

    def dump(self, state: SubscriberState) -> bytes | None:
        return None if state.fetched_at < 0 else encode(state)

    def due(self, state: SubscriberState) -> int | None:
        return None

    def fold(self, state: SubscriberState, record: Input) -> tuple[SubscriberState, list[Output]]:
        store, number = split(record.key)
        account = of_store(self._accounts, store, f"Subscriber {number}")
        source = source_id(store, number)
        if record.value is None:
            erased = Statement(source=source, store=store, at=record.time, gone=True)
            return SubscriberState(), [_to(account, state.email, erased)] if state.said else []
        fact = read(self._facts, record)
        statement = statement_of(source, store, fact)
        if fact.fetched_at < state.fetched_at:
            return state, []
        email = normalise(fact.entity.email)
        now = SubscriberState(fact.fetched_at, email, statement if email and _says(statement) else None)
        return now, _told(account, state, now, statement)


def source_id(store: str, number: int | str) -> str:
    return f"{store}/subscriber:{number}"


def consents_since(record: Subscriber, known: int | None, fetched_at: int) -> int:
    """Since when a record has its consents, Unix ms. ``known``: as the enricher saw; else the record's last edit."""
    return known if known is not None else milliseconds(record.date_modified or record.date_created) or fetched_at


def statement_of(source: str, store: str, fact: SubscriberFact) -> Statement:
    return Statement(
        source=source,
        store=store,
        at=consents_since(fact.entity, fact.opted_in_at, fact.fetched_at),
        consents=sorted(fact.entity.consents) if not fact.deleted else [],
        withdrawn_at=fact.withdrawn_at,
        live_since=fact.live_since,
    )


def _says(statement: Statement) -> bool:
    return bool(statement.consents) or statement.withdrawn_at is not None


def _told(account: str, before: SubscriberState, now: SubscriberState, statement: Statement) -> list[Output]:
    """To the old contact that the record left, to the new one what it says; nothing when that is known there."""
    outputs = []
    if before.said and before.email != now.email:
        left = msgspec.structs.replace(before.said, gone=True)
        outputs.append(_to(account, before.email, left))
    elif before.said and now.said is None:
        outputs.append(_to(account, now.email, statement))  # takes back what it said
    if now.said and (before.email, before.said) != (now.email, now.said):
        outputs.append(_to(account, now.email, now.said))
    return outputs


def _to(account: str, email: str, statement: Statement) -> Output:
    return Output(CONTACTS, contact_key(account, email), encode(statement))
