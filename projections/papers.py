"""Order records and events on their way: written once, carried through the folds as they are, addressed at the end."""

import msgspec

from schemas.commands import PutOrder, SendEvent
from schemas.inner import Paper

_encode = msgspec.json.Encoder(order="deterministic").encode
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


def paper(command: PutOrder | SendEvent) -> Paper:
    """``command`` without an e-mail: the contact that it belongs to is known further down only."""
    at = command.updated_at if isinstance(command, PutOrder) else command.at
    return Paper(command.id, str(command.__struct_config__.tag), at, _encode(command))


def addressed(paper: Paper, email: str) -> bytes:
    """The command's JSON with its e-mail in it; nothing else is looked at."""
    fields = _fields.decode(paper.command)
    fields["email"] = msgspec.Raw(_encode(email))
    return msgspec.json.encode(fields)
