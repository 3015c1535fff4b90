"""Order records and events on their way: written once, carried through the folds as they are, addressed at the end."""

from projections.reading import to_json
from schemas.commands import PutOrder, SendEvent
from schemas.inner import Paper

_UNADDRESSED = b'"email":""'  # a quote inside a JSON text is escaped: only a member can look like this


def paper(command: PutOrder | SendEvent) -> Paper:
    """``command`` has an empty e-mail: the contact that it belongs to is known further down only."""
    at = command.updated_at if isinstance(command, PutOrder) else command.at
    return Paper(command.id, str(command.__struct_config__.tag), at, to_json(command))


def addressed(paper: Paper, email: str) -> bytes:
    """The command's JSON with its e-mail in it. Only kind and id stand before that member, so the first is it."""
    return paper.command.replace(_UNADDRESSED, b'"email":' + to_json(email), 1)
