"""Who may use the control API, and which stores were connected through it. Topic tajo.connection.v1, JSON.

Key: `token/<id>` or `store/<store hash>`; a null value ends it. No secret lies here as it is: of a token its hash, of a
store's credentials what `tajo.access.vault` made of them.
"""

from typing import Final

import msgspec

TOKEN_KEY: Final = "token/"
STORE_KEY: Final = "store/"


class Token(msgspec.Struct, tag="token", tag_field="kind", frozen=True, kw_only=True):
    """``hash``: SHA-256 of the whole token, hex. ``created_at``: Unix ms."""

    id: str
    name: str
    hash: str
    created_at: int

    @property
    def key(self) -> bytes:
        return f"{TOKEN_KEY}{self.id}".encode()


class Connection(msgspec.Struct, tag="store", tag_field="kind", frozen=True, kw_only=True):
    """``sealed``: the credentials, encrypted. ``connected_at``: Unix ms, of the first time; the store is live since.

    ``account``: name of the Brevo account, if the store has one of its own; '' for the configuration's.
    """

    store_hash: str
    name: str
    sealed: str
    connected_at: int
    account: str = ""

    @property
    def key(self) -> bytes:
        return key_of_store(self.store_hash)


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """What is sealed. ``store_hash`` stands inside too, so that a sealed text cannot be moved to another store.

    ``webhook_secret``: value of the shared header of the store's webhooks; it outlives a change of the access token.
    """

    store_hash: str
    access_token: str
    client_id: str
    client_secret: str
    webhook_secret: str
    brevo_api_key: str = ""

    def __repr__(self) -> str:
        return f"Credentials(store_hash={self.store_hash!r})"


def key_of_store(store_hash: str) -> bytes:
    return f"{STORE_KEY}{store_hash}".encode()
