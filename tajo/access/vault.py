"""Credentials at rest: sealed with a key from the environment, so that the log alone opens nothing.

Fernet (cryptography): AES-128-CBC with HMAC-SHA256, checked before it is decrypted. Several keys: the first one seals,
all of them open, so that keys can be rotated without a moment in which something cannot be read.
"""

from collections.abc import Sequence

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from schemas.connections import Connection, Credentials
from tajo.errors import CannotOpen, NoEncryptionKey


def new_key() -> str:
    """32 random bytes, base64url."""
    return Fernet.generate_key().decode()


class Vault:
    """``keys``: as in the settings, checked there; without any nothing can be sealed or opened."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._all = MultiFernet([Fernet(key) for key in keys]) if keys else None

    def seal(self, credentials: Credentials) -> str:
        """Raises NoEncryptionKey."""
        if self._all is None:
            raise NoEncryptionKey(
                "There is no key to encrypt credentials with: set the environment variable TAJO_ENCRYPTION_KEY for all "
                "components; `tajo connections key` makes one."
            )
        return self._all.encrypt(msgspec.json.encode(credentials)).decode()

    def open(self, connection: Connection) -> Credentials:
        """Raises CannotOpen, which names the store."""
        try:
            if self._all is None:
                raise CannotOpen(_sentence(connection.store_hash, "TAJO_ENCRYPTION_KEY is not set"))
            opened = msgspec.json.decode(self._all.decrypt(connection.sealed), type=Credentials)
        except (InvalidToken, msgspec.MsgspecError):
            raise CannotOpen(
                _sentence(connection.store_hash, "none of the keys in TAJO_ENCRYPTION_KEY is theirs")
            ) from None
        if opened.store_hash != connection.store_hash:
            raise CannotOpen(_sentence(connection.store_hash, "they were sealed for another store"))
        return opened


def _sentence(store_hash: str, why: str) -> str:
    return (
        f"The stored credentials of store {store_hash} cannot be opened: {why}. Put the key back that they were "
        f"encrypted with, or connect the store again."
    )
