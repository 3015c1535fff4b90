"""What trying again means, per kind of record.

    fact        its entity is fetched again; the newer fact supersedes the dead one
    delivery    the entity that it names is fetched again
    command     it enters the log again as it was, unless something newer supersedes it; an event's id is sent once
    request, Brevo's consent    they enter the log again as they were
    inner       nothing: what folds tell each other is told when something changed, and only then

What the dead record knew of deliveries (causes, pairs of statuses) goes along with the request to fetch.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

import msgspec

from connectors.bigcommerce.scopes import Dirty, entity_of, is_id
from projections.fold import TICK, Output
from schemas import topics
from schemas.errors import BadRecord
from schemas.facts import Cause, StatusChange
from schemas.requests import Entity, FetchEntity, Request
from streams.enrich.facts import TOPIC_OF
from streams.enrich.settings import StoreConnection
from streams.sink.items import Item
from tajo.dlq.followers import FACTS
from tajo.dlq.letters import Letter, Source
from tajo.dlq.standing import Standing

_PRODUCER: Final = re.compile(r"stores/([0-9A-Za-z]{1,64})")
_REFUND: Final = "order/refund/created"
T = TypeVar("T")


class NoCure(Exception):
    """Why a letter is not tried again, and what can be done instead: a sentence."""


class Cure(NamedTuple):
    """What has to be written, and what that sets going, in words."""

    outputs: list[Output]
    said: str


class _Known(msgspec.Struct):
    """What facts and marks that could not be read know of deliveries."""

    causes: tuple[Cause, ...] = ()
    status_changes: tuple[StatusChange, ...] = ()  # of a fact
    changes: tuple[StatusChange, ...] = ()  # of a mark
    refunded: bool = False
    kind: str = ""
    id: str = ""


class _Body(msgspec.Struct):
    """A delivery. ``created_at``: Unix seconds."""

    scope: str
    hash: str
    created_at: int
    data: object = None
    producer: str = ""


_known = msgspec.json.Decoder(_Known)
_body = msgspec.json.Decoder(_Body)
_request: "msgspec.json.Decoder[Request]" = msgspec.json.Decoder(Request)


@dataclass(frozen=True)
class Cures:
    """``stores``: those that are configured; ``accounts``: names of the Brevo accounts. ``now``: Unix ms."""

    stores: Mapping[str, StoreConnection]
    accounts: Collection[str]
    now: int

    def cure(self, standing: Standing, *, cut: bool) -> Cure:
        """``cut``: the log behind the record has been deleted. Raises NoCure."""
        letter, topic = standing.letter, standing.letter.place.topic
        if standing.superseded:
            raise NoCure(f"it is superseded: {standing.superseded}.")
        if topic in FACTS:
            return self._of_fact(letter, FACTS[topic])
        if topic == topics.WEBHOOK:
            return self._of_mark(letter) if letter.told("stage") == "fetch" else self._of_delivery(letter)
        if topic == topics.BREVO_EVENT:
            return self._of_event(letter)
        source = letter.source
        if topic not in (topics.COMMAND, topics.REQUEST, topics.CONSENT) or source is None:
            raise NoCure(
                "one fold told it to another, and folds tell only what has changed, so that fetching its source again "
                "would change nothing. Take the tables anew from the log (`tajo rebuild start`), or drop it."
            )
        if cut:
            raise NoCure(
                "what came right after it in the log has been deleted, so that nobody can tell whether it is still "
                "wanted. Change its source, which tells it anew, or drop it."
            )
        if topic == topics.CONSENT:
            return _again(topic, source, "it enters the log again")
        return self._of_command(source) if topic == topics.COMMAND else self._of_request(source)

    # --- fetched again ------------------------------------------------------------------------------------------------

    def _of_fact(self, letter: Letter, entity: Entity) -> Cure:
        store, _, id_ = (letter.key or b"").decode(errors="replace").partition("/")
        if letter.key == TICK:
            raise NoCure("it is a tick, which only tells the time, and the next one tells it again: drop it.")
        if not id_:
            raise NoCure(f"its key does not name the {entity} that it is about: drop it.")
        known = _read(_known, letter.value) or _Known()
        return self._fetched(store, entity, [id_], known.causes, known.status_changes)

    def _of_mark(self, letter: Letter) -> Cure:
        """Deliveries whose entity could not be read: see streams.enrich.deadletters."""
        known = _read(_known, letter.value)
        entity = next((entity for entity in TOPIC_OF if known and entity == known.kind), None)
        if known is None or entity is None:
            raise NoCure("it does not name an entity that can be fetched: drop it.")
        store = (letter.key or b"").decode(errors="replace")
        return self._fetched(store, entity, [known.id], known.causes, known.changes, refunded=known.refunded)

    def _of_delivery(self, letter: Letter) -> Cure:
        body = _read(_body, letter.value)
        if body is None:
            raise NoCure("it is no delivery that can be read, so it names nothing to fetch: `tajo sync`, or drop it.")
        try:
            dirty = entity_of(body.scope, body.data)
        except BadRecord as error:
            raise NoCure(str(error)) from None
        entity = next((entity for entity in TOPIC_OF if dirty and entity == dirty.kind), None)
        if dirty is None or entity is None:
            raise NoCure(f"a {body.scope} delivery names no entity that could be fetched: drop it.")
        named = _PRODUCER.fullmatch(body.producer)
        store = named[1] if named else (letter.key or b"").decode(errors="replace")
        at = body.created_at * 1000
        change = (StatusChange(body.hash, at, *dirty.status),) if dirty.status else ()
        entity, ids = self._named(store, entity, dirty)
        cause = Cause(body.scope, body.hash, at)
        return self._fetched(store, entity, ids, (cause,), change, refunded=body.scope.endswith(_REFUND))

    def _named(self, store: str, entity: Entity, dirty: Dirty) -> tuple[Entity, list[str]]:
        """A cart that became an order is gone; the order tells of it when it is fetched."""
        connection = self.stores.get(store)
        if dirty.order_id is not None and connection is not None and connection.wants("order"):
            return "order", [str(dirty.order_id)]
        return entity, [dirty.id, *dirty.further]

    def _fetched(
        self,
        store: str,
        entity: Entity,
        ids: list[str],
        causes: tuple[Cause, ...],
        changes: tuple[StatusChange, ...],
        *,
        refunded: bool = False,
    ) -> Cure:
        self._check_store(store)
        if not self.stores[store].wants(entity):
            raise NoCure(f"each {entity} of store {store} is left out, since its part of `sync` is off: switch it on.")
        if wrong := [id_ for id_ in ids if not is_id(entity, id_)]:
            raise NoCure(f"there can be no {entity} with the id {wrong[0][:40]!r}: drop it.")
        requests = [
            FetchEntity(
                store=store, entity=entity, id=id_, at=self.now, causes=causes, changes=changes, refunded=refunded
            )
            for id_ in ids
        ]
        outputs = [Output(topics.REQUEST, store.encode(), msgspec.json.encode(request)) for request in requests]
        return Cure(outputs, f"{entity} {', '.join(ids)} of store {store} is fetched again")

    def _check_store(self, store: str) -> None:
        if store not in self.stores:
            raise NoCure(f"store {store[:64]!r} is not configured: add it, then retry; or drop it.")

    # --- again as it was ----------------------------------------------------------------------------------------------

    def _of_command(self, source: Source) -> Cure:
        try:
            item = Item(source)
        except BadRecord as error:
            raise NoCure(f"{error} There is nothing in it to send: drop it.") from None
        self._check_account(source)
        if item.kind == "event":
            return _again(topics.COMMAND, source, "the event goes to Brevo again under its id, which is sent once")
        return _again(topics.COMMAND, source, f"the {item.kind} command goes to Brevo again, nothing newer being there")

    def _of_event(self, letter: Letter) -> Cure:
        """Whatever has been heard since: an opt-out counts from when it was made."""
        if letter.source is None:
            raise NoCure("it is no webhook of Brevo that can be read, so it tells of no opt-out: drop it.")
        self._check_account(letter.source)
        return _again(topics.BREVO_EVENT, letter.source, "it enters the log again")

    def _check_account(self, source: Source) -> None:
        account = (source.key or b"").decode(errors="replace")
        if account not in self.accounts:
            raise NoCure(f"the Brevo account {account!r} is not configured: add it, then retry; or drop it.")

    def _of_request(self, source: Source) -> Cure:
        request = _read(_request, source.value)
        if request is None:
            raise NoCure("it is no request that can be read, so it asks for nothing: drop it.")
        self._check_store(request.store)
        return _again(topics.REQUEST, source, f"store {request.store} is asked again")


def _again(topic: str, source: Source, said: str) -> Cure:
    return Cure([Output(topic, source.key, source.value, source.headers)], said)


def _read(decoder: "msgspec.json.Decoder[T]", value: bytes | None) -> T | None:
    try:
        return decoder.decode(value or b"")
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
