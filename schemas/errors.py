"""Errors that every layer may raise.

TajoError
├── BadRecord          a record that cannot be used: dead-lettered, never in the way of others
└── (further ones in connectors.*.errors, streams.errors and tajo.errors)
"""


class TajoError(Exception):
    """What a user or an operator can understand and act on: one sentence with the value found and the cure."""


class BadRecord(TajoError):
    """A record that cannot be used. ``stage``: where it failed (`decode`, `fold`, `send`)."""

    def __init__(self, message: str, *, stage: str = "fold") -> None:
        super().__init__(message)
        self.stage = stage
