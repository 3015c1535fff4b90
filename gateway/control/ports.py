"""What the control API needs of the rest of the program; `tajo.access` has it."""

from typing import Protocol

from gateway.control.models import Connect, Connected, Connectors, Disconnected


class Tokens(Protocol):
    @property
    def known(self) -> bool:
        """Whether the tokens have been read. Until then nobody can be told from anybody."""

    def holder(self, presented: str) -> str | None:
        """The name of the token, None if there is none like it (any more). Takes the same time for all."""


class Stores(Protocol):
    """Each raises gateway.errors.Declined with the status and the sentence of the answer."""

    def listed(self) -> Connectors:
        """Which stores there are, without any secret."""

    async def connect(self, wish: Connect) -> Connected:
        """Asks BigCommerce whether the credentials are right, and keeps them, encrypted; durable when it returns."""

    async def disconnect(self, store_hash: str) -> Disconnected:
        """Forgets the credentials that were given to ``connect``."""
