"""What sources say to contacts, and what contacts tell Brevo, for the tests."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from projections.contacts import ContactsFold
from projections.fold import Input
from projections.identity import contact_key
from projections.papers import paper
from projections.reading import encode
from schemas import topics
from schemas.commands import Command, DeleteContact, PutOrder, RenameContact, SendEvent, UpsertContact
from schemas.inner import (
    CartPart,
    CartTold,
    Consent,
    ContactInput,
    Contribution,
    HandOver,
    MovedAway,
    Papers,
    Settled,
    Statement,
)
from tests.projections.carts_made import CART, LIVE, MINUTE, NOON, STORE
from tests.projections.running import Ran, run

ADA, BOB, CY = "ada@example.com", "bob@example.com", "cy@example.com"
SEVEN = f"{STORE}/7"
SUBSCRIBER = f"{STORE}/subscriber:5"


def to(email: str, message: ContactInput, account: str = "main") -> Input:
    return Input("contacts", contact_key(account, email), encode(message), NOON)


def profile(**attributes: Any) -> dict[str, Any]:
    return {"FIRSTNAME": "Ada", "LASTNAME": "Byron", **attributes}


def contribution(source: str = SEVEN, **fields: Any) -> Contribution:
    store, _, rest = source.partition("/")
    said: dict[str, Any] = {
        "source": source,
        "store": store,
        "registered": not rest.startswith("guest:"),
        "changed_at": NOON,
        "attributes": profile(),
        "channels": [1],
    }
    return Contribution(**{**said, **fields})


def guest(email: str = ADA, **fields: Any) -> Contribution:
    return contribution(f"{STORE}/guest:{email}", **{"known_orders": 1, **fields})


def statement(*consents: str, at: int = NOON, source: str = SUBSCRIBER, **fields: Any) -> Statement:
    said: dict[str, Any] = {"source": source, "store": STORE, "at": at, "consents": list(consents), "live_since": LIVE}
    return Statement(**{**said, **fields})


def moved(to_email: str, source: str = SEVEN, at: int = NOON + MINUTE) -> MovedAway:
    return MovedAway(source=source, to=to_email, at=at)


def record(number: int = 100, **fields: Any) -> PutOrder:
    order = {"id": f"order:shop:{number}", "email": "", "order_id": f"shop:{number}", "status": "Completed"}
    return PutOrder(**{**order, "created_at": NOON, "updated_at": NOON, "amount": 69.84, "products": [], **fields})


def event(occasion: str = "order_placed:shop:100", at: int = NOON) -> SendEvent:
    name = occasion.partition(":")[0]
    return SendEvent(id=occasion, email="", name=name, at=at, properties={"tajo_id": occasion}, in_doubt="resend")


def papers(*events: SendEvent, record: PutOrder | None = None, source: str = SEVEN) -> Papers:
    return Papers(source=source, record=record and paper(record), events=[paper(event) for event in events])


def cart(change: Any, *, at: int, changed: int = NOON, step: int = 0, source: str = SEVEN, **fields: Any) -> CartTold:
    """A transition as the fold `carts` tells it. `due` and `converted` carry their events."""
    cart_id = fields.pop("cart_id", CART)
    occasion = {
        "due": f"cart_abandoned:shop:{cart_id}:{changed}:{step}",
        "converted": f"cart_recovered:shop:{cart_id}:{changed}",
    }.get(change)
    told = None
    if occasion:
        told = event(occasion, at)
        told.properties["step"] = step
    part = CartPart(cart_id=cart_id, change=change, at=at, changed_at=changed, step=step, **{"event": told, **fields})
    return CartTold(source=source, part=part)


def consent(email: str, opted_out_at: int | None, account: str = "main") -> Input:
    body = msgspec.json.encode(Consent(account=account, email=email, opted_out_at=opted_out_at, reason="unsubscribed"))
    return Input(topics.CONSENT, contact_key(account, email), body, NOON)


# --- what came out ----------------------------------------------------------------------------------------------------


def commands(ran: Ran) -> list[Command]:
    return [msgspec.json.decode(output.value or b"", type=Command) for output in ran.to(topics.COMMAND)]


def upserts(ran: Ran) -> list[UpsertContact]:
    return [command for command in commands(ran) if isinstance(command, UpsertContact)]


def upsert(ran: Ran) -> UpsertContact:
    """The last one."""
    return upserts(ran)[-1]


def members(ran: Ran) -> set[str]:
    """The lists of the last upsert that hold the contact."""
    return {name.removeprefix("shop:") for name, member in upsert(ran).lists.items() if member}


def events(ran: Ran) -> list[str]:
    return [command.id for command in commands(ran) if isinstance(command, SendEvent)]


def shapes(ran: Ran) -> list[tuple[str, str]]:
    """(kind, e-mail) of the commands, in order; `rename` and `delete` with their ids."""
    kinds: dict[type, str] = {UpsertContact: "contact", PutOrder: "order", SendEvent: "event"}
    found = []
    for command in commands(ran):
        if isinstance(command, RenameContact | DeleteContact):
            found.append((command.id.partition(":")[0], command.id))
        else:
            found.append((kinds[type(command)], getattr(command, "email", "")))
    return found


def brevo(ran: Ran) -> dict[str, UpsertContact]:
    """What Brevo holds after all commands: e-mail -> the last desired state of the contact there."""
    held: dict[str, UpsertContact] = {}
    for command in commands(ran):
        match command:
            case UpsertContact():
                before = held.get(command.email)
                kept = before.attributes if before else {}
                held[command.email] = msgspec.structs.replace(command, attributes=kept | command.attributes, at=0)
            case RenameContact():
                assert command.to not in held, "a rename to an e-mail that Brevo has is refused"
                held[command.to] = held.pop(command.email)
            case DeleteContact():
                held.pop(command.email, None)
    return held


# --- contacts that talk to each other ---------------------------------------------------------------------------------


class Network:
    """Feeds what contacts tell each other back to them. Between two ends order is kept, else ``choose`` decides: it is
    given how many ends have something waiting, and returns the number of the one whose turn it is."""

    def __init__(self, fold: ContactsFold, choose: Callable[[int], int] = lambda waiting: 0) -> None:
        self.ran = Ran()
        self._fold, self._choose = fold, choose
        self._waiting: dict[tuple[str, bytes], deque[Input]] = {}

    def send(self, origin: str, records: Iterable[Input]) -> None:
        for record in records:
            self._waiting.setdefault((origin, record.key), deque()).append(record)

    def settle(self) -> Ran:
        while ends := [end for end, waiting in self._waiting.items() if waiting]:
            record = self._waiting[ends[self._choose(len(ends))]].popleft()
            step = run(self._fold, [record], self.ran.states)
            self.ran = Ran(step.states, [*self.ran.outputs, *step.outputs])
            for output in step.outputs:
                if output.topic in ("contacts", topics.CONSENT):
                    answer = Input(output.topic, output.key or b"", output.value, record.time)
                    self.send(f"{output.topic}:{record.key!r}", [answer])
        return self.ran


def together(fold: ContactsFold, *batches: Sequence[Input]) -> Ran:
    """Each batch is sent by the sources and settled before the next."""
    network = Network(fold)
    for batch in batches:
        network.send("sources", batch)
        network.settle()
    return network.ran


def hand_overs(ran: Ran) -> list[HandOver | Settled]:
    decoder: msgspec.msgpack.Decoder[ContactInput] = msgspec.msgpack.Decoder(ContactInput)
    found = [decoder.decode(output.value or b"") for output in ran.to("contacts")]
    return [message for message in found if isinstance(message, HandOver | Settled)]
