"""Tokens of the control API: `tajo_<id>_<secret>`, told once, kept as a hash.

The secret has 256 random bits, so plain SHA-256 is right: there is nothing to guess, and nothing that a slow password
hash would slow down for an attacker; it would only make every request dear.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from typing import Final

from schemas.connections import Token

_BYTES: Final = 32
_TOKEN: Final = re.compile(r"tajo_([0-9a-f]{12})_[0-9A-Za-z_-]{43}")
_NOBODY: Final = "0" * 64


def created(name: str, now: int) -> tuple[Token, str]:
    """What is kept, and the token itself, which nobody can tell again."""
    id_ = secrets.token_hex(6)
    text = f"tajo_{id_}_{secrets.token_urlsafe(_BYTES)}"
    return Token(id=id_, name=name, hash=_hash(text), created_at=now), text


def holder(tokens: Mapping[str, Token], presented: str) -> Token | None:
    """Whose token it is. It takes as long for a token that differs in the first letter as for one in the last."""
    found = _TOKEN.fullmatch(presented)
    token = tokens.get(found[1]) if found else None
    same = hmac.compare_digest(_hash(presented), token.hash if token else _NOBODY)
    return token if same else None


def named(tokens: Mapping[str, Token], text: str) -> list[Token]:
    """Those with this id or this name."""
    return [token for token in tokens.values() if text in (token.id, token.name)]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
