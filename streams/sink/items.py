"""A command on its way: where it lies in the log, what it is about, and in which lanes it has to wait its turn."""

import msgspec

from schemas.commands import (
    Command,
    DeleteContact,
    PutCategory,
    PutOrder,
    PutProduct,
    RenameContact,
    SendEvent,
    UpsertContact,
)
from schemas.errors import BadRecord
from streams.inbox import Record

_decoder: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command)
_KINDS: dict[type, str] = {
    UpsertContact: "contact",
    RenameContact: "rename",
    DeleteContact: "delete",
    PutOrder: "order",
    SendEvent: "event",
    PutProduct: "product",
    PutCategory: "category",
}


class Item:
    """Keeps the record and not the command, which takes several times the memory: backlogs may be long.

    ``keys``: the lanes that it stands in; it is done in its turn in each. ``entity``: what it writes; of several
    pending ones of an entity the newest is enough. ``parallel``: its neighbours of the same kind need not wait for it.
    ``barrier``: what comes after it must not be merged with what came before.
    """

    __slots__ = (
        "barrier",
        "blocklisted",
        "by_import",
        "done",
        "email",
        "entity",
        "failures",
        "historical",
        "id",
        "keys",
        "kind",
        "parallel",
        "phoneless",
        "record",
        "released",
        "single",
        "strikes",
        "successes",
        "sure",
    )

    def __init__(self, record: Record) -> None:
        command = decode(record)
        self.record, self.id, self.kind = record, command.id, _KINDS[type(command)]
        self.email = "" if isinstance(command, PutProduct | PutCategory) else command.email
        self.historical = isinstance(command, UpsertContact | PutOrder) and command.historical
        self.barrier = isinstance(command, RenameContact | DeleteContact)
        self.parallel = isinstance(command, PutOrder) and command.historical
        self.entity, self.keys = _place(command)
        self.released: set[str] = set()
        self.done = False
        self.failures = 0
        self.strikes = 0  # failures between which others got through
        self.successes = 0  # of the account, when it failed last
        self.blocklisted = False  # a rename found its contact blocklisted, which has to stay so
        self.phoneless = False  # Brevo refused the phone: send it without
        self.single = False  # a contact that goes by a single request, not by an import
        self.by_import = False  # a new contact that has to go by an import, since single requests are used up
        self.sure = False  # an event whose earlier attempt was surely not accepted, or is to be sent again all the same

    @property
    def offset(self) -> int:
        return self.record.offset

    def command(self) -> Command:
        return decode(self.record)


def decode(record: Record) -> Command:
    """Raises BadRecord for what is no command."""
    if record.value is None:
        raise BadRecord("A command without a value asks for nothing.", stage="decode")
    try:
        return _decoder.decode(record.value)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadRecord(f"This is no command: {error}.", stage="decode") from error


def _place(command: Command) -> tuple[str, tuple[str, ...]]:
    """The entity, and the lanes."""
    if isinstance(command, PutProduct | PutCategory):
        return command.id, (command.id,)
    contact = f"contact:{command.email}"
    if isinstance(command, RenameContact):
        return f"rename:{command.id}", tuple(dict.fromkeys((contact, f"contact:{command.to}")))
    if isinstance(command, PutOrder):
        # An order may move to another contact: its record is then in two contacts' lanes, and in its own.
        order = f"order:{command.order_id}"
        return order, (contact, order)
    if isinstance(command, UpsertContact):
        return contact, (contact,)
    return f"{command.id}", (contact,)
