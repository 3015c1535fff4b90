"""The links of the chain, one after the other: delivery, fact, folds, commands, answers.

`follow` is a generator: it yields what it waits for, is resumed after the log was read on, and returns how it ended.
A link is looked for only in what was read after the one before it: the outputs of a transaction may be seen later than
the position that was committed with them.
"""

from collections.abc import Callable, Generator, Sequence
from typing import Final, Literal, NamedTuple, TypeVar

import msgspec

from schemas import topics
from schemas.commands import Command, Receipt
from streams.enrich import owner as enrich
from streams.names import Names
from tajo.trigger import concerned, words
from tajo.trigger.concerned import Concerned
from tajo.trigger.log import INNER, TABLE_OF, Entity, Record, Seen
from tajo.trigger.words import Ending, Line

Component = Literal["gateway", "enrich", "worker", "sink"]
T = TypeVar("T")
FINAL: Final = frozenset({"done", "equal", "superseded", "refused", "held", "expired", "repeated"})
_CUSTOMERS, _CONTACTS = INNER
_receipt: Final = msgspec.json.Decoder(Receipt)


class Awaited(NamedTuple):
    """``what``: the link, in words. ``component``: who makes it; ``behind``: what it has to be past."""

    what: str
    component: Component
    behind: Sequence[Record] = ()


Following = Generator[Awaited, None, T]


class Delivered(NamedTuple):
    """What is known of the delivery before it is followed. ``entities``: what is read because of it, of ``kind``."""

    scope: str
    hash: str
    kind: str | None
    store: str
    store_name: str
    entities: Sequence[Entity]


class Chain:
    def __init__(self, delivered: Delivered, seen: Seen, names: Names, say: Callable[[Line], None]) -> None:
        self._its, self._seen, self._names, self._say = delivered, seen, names, say
        self._concerned = Concerned(delivered.entities, delivered.store_name)
        self._told: set[tuple[str, bytes]] = set()  # rows
        self._since = 0  # the sweep in which the first fact was seen; what came before does not follow from it

    def follow(self) -> Following[Ending]:
        delivery = yield from self._delivery()
        if isinstance(delivery, Ending):
            return delivery
        facts = yield from self._facts(delivery)
        if isinstance(facts, Ending):
            return facts
        self._since = min(fact.sweep for fact in facts)
        if ended := (yield from self._folded(facts)):
            return ended
        if ended := (yield from self._people()):
            return ended
        commands = self._concerned.commands(self._later(topics.COMMAND))
        if not commands:
            return words.silence(self._its.kind, cut=self._seen.cut, contact=bool(self._concerned.emails))
        return (yield from self._answers(commands))

    # --- delivery and fact --------------------------------------------------------------------------------------------

    def _delivery(self) -> Following[Record | Ending]:
        def written() -> Record | Ending | None:
            if buried := self._buried():
                return buried
            for record in self._seen.records[topics.WEBHOOK]:
                if concerned.holds(record, self._its.hash):
                    return record
            return None

        awaited = Awaited(f"the delivery in {topics.WEBHOOK}", "gateway")
        coming: Following[Record | Ending] = self._until(awaited, written)
        found = yield from coming
        if isinstance(found, Record):
            self._say(Line("delivery", found.place, found.at))
        return found

    def _facts(self, delivery: Record) -> Following[list[Record] | Ending]:
        def taken() -> Ending | bool:
            if buried := self._buried():
                return buried
            passed = self._seen.folded(enrich.NAME, delivery)
            return passed and all(self._fetched(entity) for entity in self._read)

        its = ", ".join(f"{kind} {id_}".strip() for kind, id_ in self._read) or self._its.scope
        awaited = Awaited(f"that the enricher reads what the delivery is about ({its})", "enrich", [delivery])
        found = yield from self._until(awaited, taken)
        if isinstance(found, Ending):
            return found
        if not self._its.entities:
            return words.not_kept(self._its.kind, self._its.scope)
        facts = [fact for entity in self._its.entities if (fact := self._fact(entity))]
        return facts or Ending("Nothing was written: an order took this cart, which was told before.")

    def _buried(self) -> Ending | None:
        """The delivery itself is a dead letter, of the gateway or of the enricher."""
        for record in self._seen.records[self._names.dead(topics.WEBHOOK)]:
            if concerned.holds(record, self._its.hash):
                return words.buried(concerned.as_letter(topics.WEBHOOK, record))
        return None

    @property
    def _read(self) -> Sequence[Entity]:
        """The store's own record is read, but is no fact."""
        return self._its.entities or ([Entity("store", "")] if self._its.kind == "store" else [])

    def _fetched(self, entity: Entity) -> bool:
        """Its mark is gone, or its fact names the delivery while others keep it marked."""
        mark = self._seen.states.get((enrich.NAME, f"{self._its.store}/mark/{entity.kind}/{entity.id}".encode()))
        if mark is not None and mark.value is None:
            return True
        if entity.kind == "store":
            return False
        records = self._seen.records[concerned.topic_of(entity)]
        return concerned.fact_for(records, entity, self._its.store, self._its.hash) is not None

    def _fact(self, entity: Entity) -> Record | None:
        records, store = self._seen.records[concerned.topic_of(entity)], self._its.store
        record = concerned.fact_for(records, entity, store, self._its.hash) or concerned.newest(records, entity, store)
        if record is None:
            return None
        self._say(words.fact(record, entity.kind, concerned.fact_in(record)))
        return record

    # --- folds --------------------------------------------------------------------------------------------------------

    def _folded(self, records: Sequence[Record]) -> Following[Ending | None]:
        def passed() -> Ending | bool:
            for record in records:
                letters = self._seen.records[self._names.dead(record.topic)]
                if letter := concerned.letter_of(letters, record.topic, record):
                    return words.buried(letter)
            return all(self._seen.folded(TABLE_OF[record.topic], record) for record in records)

        tables = " and ".join(sorted({TABLE_OF[record.topic] for record in records}))
        found = yield from self._until(Awaited(f"that the fold {tables} takes it", "worker", records), passed)
        if isinstance(found, Ending):
            return found
        for name in dict.fromkeys((TABLE_OF[record.topic], record.key) for record in records):
            if name not in self._told:
                self._told.add(name)
                self._say(words.row(self._seen.states[name]))
        return None

    def _people(self) -> Following[Ending | None]:
        """From orders and carts to customers, from these to contacts, as far as anything is told."""
        its = self._its
        sources = {source for entity in its.entities if (source := concerned.source_of(entity, its.store))}
        told = [
            record
            for entity in its.entities
            for record in concerned.to_customers(self._later(_CUSTOMERS), entity, its.store)
        ]
        if told:
            sources |= {record.key.decode() for record in told}
            if ended := (yield from self._folded(told)):
                return ended
        done = 0
        while len(told := concerned.to_contacts(self._later(_CONTACTS), sources)) > done:
            if ended := (yield from self._folded(told[done:])):
                return ended
            done = len(told)
        self._concerned.emails |= {record.key.decode().partition("/")[2] for record in told}
        return None

    def _later(self, topic: str) -> list[Record]:
        """What may follow from the facts. Ends are asked for in no order, so the sweep before them counts too."""
        return [record for record in self._seen.records[topic] if record.sweep >= self._since - 1]

    # --- commands and answers -----------------------------------------------------------------------------------------

    def _answers(self, commands: Sequence[tuple[Record, Command]]) -> Following[Ending]:
        waiting: dict[int, str] = {}
        for record, command in commands:
            kind, subject = words.subject(command)
            waiting[record.offset] = f"{kind} {subject}"
            self._say(Line("command", f"{record.place}  {kind}  {subject}", record.at))
        outcomes: list[str] = []
        before = 0
        while waiting:
            yield Awaited(
                f"Brevo's answer to {len(waiting)} of {len(commands)} commands ({next(iter(waiting.values()))})",
                "sink",
                [record for record, _ in commands if record.offset in waiting],
            )
            records = self._seen.records[topics.RECEIPT]
            for record in records[before:]:
                receipt = _receipt.decode(record.value or b"")
                if receipt.outcome in FINAL and (about := waiting.pop(receipt.command_offset, None)):
                    outcomes.append(receipt.outcome)
                    self._say(Line("answer", f"{about}  {words.answer(receipt)}", record.at))
            before = len(records)
        return words.answered(outcomes)

    def _until(self, awaited: Awaited, found: Callable[[], T | None]) -> Following[T]:
        """What ``found`` finds, once the log was read on after it did."""
        while True:
            yield awaited
            if there := found():
                yield awaited
                return there
