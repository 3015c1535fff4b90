"""Which records are taken for the links of a chain, and how it ends where it does not end with an answer."""

from collections.abc import Iterable

import msgspec
import pytest

from schemas import topics
from schemas.commands import Receipt, SendEvent, UpsertContact
from schemas.facts import Cause, Fact
from schemas.inner import CartPart, ContactInput, Contribution, CustomerInput, OrderPart
from streams.names import Names
from streams.store import POSITION_KEY
from tajo.trigger.chain import Chain, Delivered
from tajo.trigger.commands import masked
from tajo.trigger.log import Entity, Record, Seen
from tajo.trigger.words import Ending, Line, answer

STORE, HASH, OTHER = "s1", "a" * 40, "b" * 40
ORDER, CUSTOMER = Entity("order", "7"), Entity("customer", "42")
WEBHOOK_LETTERS = topics.dead(topics.WEBHOOK)
json, pack = msgspec.json.encode, msgspec.msgpack.encode


class Following:
    """A chain beside a log that is written by hand, a sweep after the other."""

    def __init__(self, *entities: Entity, kind: str | None = None) -> None:
        self.seen, self.lines = Seen(), list[Line]()
        self.ending: Ending | None = None
        kind = entities[0].kind if entities else kind
        its = Delivered(f"store/{kind}/updated", HASH, kind, STORE, "shop", entities)
        self._following = Chain(its, self.seen, Names(), self.lines.append).follow()
        self.awaited = next(self._following)
        self._offsets: dict[str, int] = {}
        self._sweep = 1

    def write(self, topic: str, key: str, value: bytes | None, *, table: bool = False) -> Record:
        offset = self._offsets[topic] = self._offsets.get(topic, 0) + 1
        record = Record(topic, 0, offset, key.encode(), value, (), 0.0, self._sweep, 0)
        self.seen.take(record, table=table)
        return record

    def folded(self, table: str, *records: Record) -> None:
        """Its owner is past these, and has written their rows."""
        for record in records:
            self.write(table, record.key.decode(), b"row", table=True)
            self.write(table, POSITION_KEY.decode() + record.topic, b"%d" % (record.offset + 1), table=True)

    def look(self, sweeps: int = 3) -> None:
        """As often as any link may need to be passed when all that it waits for is there."""
        for _ in range(sweeps):
            self._sweep += 1
            try:
                self.awaited = next(self._following)
            except StopIteration as ended:
                self.ending = ended.value
                return

    def delivered(self) -> Record:
        record = self.write(topics.WEBHOOK, STORE, json({"hash": HASH}))
        self.look()
        return record

    def marked(self, delivery: Record, *entities: Entity, cleared: bool = True) -> None:
        for kind, id_ in entities:
            self.write("enrich", f"{STORE}/mark/{kind}/{id_}", None if cleared else b"mark", table=True)
        self.write("enrich", POSITION_KEY.decode() + topics.WEBHOOK, b"%d" % (delivery.offset + 1), table=True)

    def fact(self, topic: str, id_: str, *hashes: str) -> Record:
        causes = [Cause("store/order/created", each, 0) for each in hashes]
        fact = Fact(store=STORE, id=id_, fetched_at=0, causes=causes, causes_count=len(causes))
        return self.write(topic, f"{STORE}/{id_}", json(fact))

    def order(self) -> Record:
        """The chain has come to an order's fact."""
        delivery = self.delivered()
        fact = self.fact(topics.ORDER, "7", HASH)
        self.marked(delivery, ORDER)
        self.look()
        return fact

    @property
    def links(self) -> list[str]:
        return [line.link for line in self.lines]


def to_customers(message: CustomerInput) -> bytes:
    return pack(message)


def to_contacts(message: ContactInput) -> bytes:
    return pack(message)


def contribution(source: str) -> bytes:
    return to_contacts(Contribution(source=source, store=STORE, registered=True))


def contact(email: str) -> bytes:
    return json(UpsertContact(id=f"contact:{email}", email=email, attributes={}, lists={}))


def receipt(offset: int, outcome: str, **more: object) -> bytes:
    told = {"account": "main", "command_offset": offset, "command_kind": "contact", "command_digest": "", "at": 0}
    return json(msgspec.convert(told | {"outcome": outcome} | more, Receipt))


def test_an_order_is_followed_to_the_commands_of_its_contact_and_to_their_answers() -> None:
    chain = Following(ORDER)
    chain.folded("orders", chain.order())
    part = chain.write("customers", f"{STORE}/42", to_customers(OrderPart(order_id=7, present=True)))
    chain.write("customers", f"{STORE}/43", to_customers(OrderPart(order_id=8, present=True)))
    chain.write("customers", "s2/44", to_customers(OrderPart(order_id=7, present=True)))
    chain.look()
    assert (chain.awaited.component, chain.awaited.behind) == ("worker", [part]), "others' orders are not waited for"
    chain.folded("customers", part)
    told = chain.write("contacts", "main/ada@example.com", contribution(f"{STORE}/42"))
    chain.write("contacts", "main/eve@example.com", contribution(f"{STORE}/43"))
    chain.look()
    chain.folded("contacts", told)
    first = chain.write(topics.COMMAND, "main", contact("ada@example.com"))
    chain.write(topics.COMMAND, "main", contact("eve@example.com"))
    event = SendEvent(
        id="order_placed:shop:7", email="ada@example.com", name="order_placed", at=0, properties={}, in_doubt="resend"
    )
    second = chain.write(topics.COMMAND, "main", json(event))
    chain.look()
    assert chain.awaited.what.startswith("Brevo's answer to 2 of 2 commands")
    chain.write(topics.RECEIPT, "main", receipt(second.offset, "attempt"))
    chain.write(topics.RECEIPT, "main", receipt(first.offset, "equal"))
    chain.look()
    assert chain.awaited.behind == [second], "an attempt is no answer"
    chain.write(topics.RECEIPT, "main", receipt(second.offset, "refused", status=400, request="POST /events"))
    chain.look()
    assert chain.links == ["delivery", "fact", "fold", "fold", "fold", "command", "command", "answer", "answer"]
    assert [line.text for line in chain.lines[-2:]] == [
        "contact ada@example.com  equal: Brevo has it already, nothing was sent",
        "event order_placed:shop:7  refused 400  POST /events",
    ]
    assert chain.ending is not None
    assert chain.ending.good
    assert "2 commands since the fact, for what it is about; 1 refused" in chain.ending.sentence


def test_what_was_written_before_the_fact_does_not_follow_from_it() -> None:
    chain = Following(CUSTOMER)
    delivery = chain.delivered()
    chain.write("contacts", "main/ada@example.com", contribution(f"{STORE}/42"))
    chain.write(topics.COMMAND, "main", contact("ada@example.com"))
    chain.marked(delivery, CUSTOMER, cleared=False)
    chain.look()
    assert chain.awaited.component == "enrich", "it is marked still"
    chain.folded("customers", chain.fact(topics.CUSTOMER, "42", OTHER, HASH))
    chain.marked(delivery, CUSTOMER)
    chain.look(5)
    assert chain.ending == Ending(
        "Nothing is to be told: what was fetched is what was known before, or nobody is known by an e-mail to whom it "
        "belongs."
    )


def test_a_tombstone_names_no_delivery_and_counts_once_the_mark_is_gone() -> None:
    chain = Following(CUSTOMER)
    delivery = chain.delivered()
    gone = chain.write(topics.CUSTOMER, f"{STORE}/42", None)
    chain.look()
    assert chain.links == ["delivery"]
    chain.marked(delivery, CUSTOMER)
    chain.folded("customers", gone)
    chain.look(6)
    assert chain.lines[1].text.endswith(f"{STORE}/42  a tombstone: BigCommerce has no such customer")
    assert chain.ending is not None
    assert chain.ending.good


@pytest.mark.parametrize(
    ("kind", "entities", "sentence"),
    [
        (None, (), "is about is kept; the delivery lies in the log."),
        ("channel", (), "The enricher passed it over: with this configuration's `sync`, no channel is read."),
        ("hook", (), "The enricher has noted it as a failure of that webhook; no entity is read for it."),
        ("store", (Entity("store", ""),), "The store's own record was read again"),
    ],
)
def test_what_is_not_kept_ends_at_the_enricher(kind: str | None, entities: Iterable[Entity], sentence: str) -> None:
    chain = Following(kind=kind)
    delivery = chain.delivered()
    assert chain.ending is None
    chain.marked(delivery, *entities)
    chain.look()
    assert chain.ending is not None
    assert chain.ending.good
    assert sentence in chain.ending.sentence


def test_a_cart_of_which_the_order_was_told_has_no_fact() -> None:
    chain = Following(Entity("cart", "c-1"))
    chain.marked(chain.delivered(), Entity("cart", "c-1"))
    chain.look()
    assert chain.ending == Ending("Nothing was written: an order took this cart, which was told before.")


def test_a_cart_that_nobody_left_yet_says_when_it_would_be_told() -> None:
    cart = Entity("cart", "c-1")
    chain = Following(cart)
    delivery = chain.delivered()
    chain.folded("carts", chain.fact(topics.CART, "c-1", HASH))
    chain.marked(delivery, cart)
    part = chain.write("customers", f"{STORE}/42", to_customers(CartPart(cart_id="c-1", change="open", at=0)))
    chain.folded("customers", part)
    chain.look(6)
    assert chain.links == ["delivery", "fact", "fold", "fold"]
    assert chain.ending is not None
    assert "`carts.steps`" in chain.ending.sentence


def letter(chain: Following, topic: str, key: str, value: bytes, **place: bytes) -> None:
    names = {"partition": b"0", **place, "exception.message": b"It cannot be read."}
    headers = tuple((f"__connect.errors.{name}", content) for name, content in names.items())
    chain.seen.take(Record(topic, 0, 3, key.encode(), value, headers, 0.0, 1, 0), table=False)


def test_a_dead_letter_ends_the_chain_wherever_it_is_written() -> None:
    refused, unread, unfolded, elsewhere = (Following(ORDER) for _ in range(4))
    letter(refused, WEBHOOK_LETTERS, STORE, json({"hash": HASH}))
    refused.look()
    unread.delivered()
    letter(unread, WEBHOOK_LETTERS, STORE, json({"kind": "order", "id": "7", "causes": [{"hash": HASH}]}))
    unread.look()
    fact = unfolded.order()
    letter(unfolded, topics.dead(topics.ORDER), f"{STORE}/7", b"", offset=b"%d" % fact.offset)
    unfolded.look()
    fact = elsewhere.order()
    letter(elsewhere, topics.dead(topics.ORDER), f"{STORE}/8", b"", offset=b"%d" % (fact.offset + 1))
    elsewhere.look()
    for chain, place in (
        (refused, "bigcommerce.webhook:0:3"),
        (unread, "bigcommerce.webhook:0:3"),
        (unfolded, "commerce.order:0:3"),
    ):
        assert chain.ending is not None
        assert not chain.ending.good
        assert chain.ending.sentence.startswith(f"It became a dead letter: It cannot be read. `tajo dlq show {place}`")
    assert elsewhere.ending is None, "another record's letter"


def test_what_was_deleted_before_it_could_be_read_is_not_taken_for_silence() -> None:
    chain = Following(ORDER)
    chain.folded("orders", chain.order())
    chain.seen.cut = True
    chain.look(6)
    assert chain.ending is not None
    assert not chain.ending.good
    assert "trigger it again" in chain.ending.sentence


def test_what_a_dry_run_did_not_send_is_not_called_done() -> None:
    told = msgspec.json.decode(receipt(1, "done", message="dry-run: this event command was not sent"), type=Receipt)
    assert answer(told) == "dry-run: this event command was not sent"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("contacts  main/ada@example.com  row", "contacts  main/a***@example.com  row"),
        ("s1/guest:eve.noor@mail.example.com.", "s1/guest:e***@mail.example.com."),
        ("rename:a@b.co:c@d.co:17", "rename:a***@b.co:c***@d.co:17"),
        ("commerce.order.v1/0, offset 3", "commerce.order.v1/0, offset 3"),
    ],
)
def test_addresses_are_masked(text: str, shown: str) -> None:
    assert masked(text) == shown
