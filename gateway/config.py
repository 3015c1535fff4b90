"""What the gateway has to know."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from gateway.errors import GatewayError
from gateway.fleet import Place

SignatureMode = Literal["required", "if-present", "off"]

SECRET_HEADER: Final = "x-tajo-secret"
"""The header that our hooks are registered with; BigCommerce repeats it on every delivery."""


@dataclass(frozen=True, slots=True)
class StoreTrust:
    """How a store's deliveries are recognised.

    ``secrets``: values of the shared header, the present one first, those still accepted after it.
    ``client_secrets``: keys of the signature, likewise; without one only the header can be checked.
    ``event_names``: scope -> `ce_type`, for scopes that have a destination of their own; others keep their name.
    """

    store_hash: str
    secrets: tuple[str, ...] = field(repr=False)
    client_secrets: tuple[str, ...] = field(default=(), repr=False)
    signature: SignatureMode = "if-present"
    event_names: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.secrets or not all(self.secrets):
            raise GatewayError(
                f"Store {self.store_hash} has no secret for the header of its webhooks, or an empty one, "
                "which would trust everybody: give it one."
            )
        if not all(self.client_secrets):
            raise GatewayError(f"A client_secret of store {self.store_hash} is empty: give its value, or leave it out.")
        if self.signature == "required" and not self.client_secrets:
            raise GatewayError(
                f"Store {self.store_hash} requires signatures but has no client_secret to check them with: "
                "set client_secret, or signature to if-present."
            )


@dataclass(frozen=True, slots=True)
class AccountTrust:
    """How a Brevo account's webhooks are recognised. ``tokens``: last parts of their path, the present one first, those
    still accepted after it."""

    name: str
    tokens: tuple[str, ...] = field(repr=False)

    def __post_init__(self) -> None:
        if not self.tokens or not all(self.tokens):
            raise GatewayError(
                f"Brevo account {self.name} has no token for its webhooks, or an empty one, "
                "which would trust everybody: give it one."
            )


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """``spool``: the file of the local spool, one for each process. Durations are seconds of the real clock.

    ``orphans``: spools of processes that are gone, which this one takes over. ``place``: among processes on one port.

    ``kafka_patience``: how long Kafka may take to acknowledge before the spool takes a delivery; longer makes the
    answer slow when a broker is away, shorter fills the spool when it is only busy.
    ``in_memory``: bytes of deliveries that may wait for Kafka at one moment; beyond it they go to the spool, for whose
    disk as many may wait; beyond that the answer is 503.
    """

    stores: tuple[StoreTrust, ...]
    spool: Path
    accounts: tuple[AccountTrust, ...] = ()
    orphans: tuple[Path, ...] = ()
    place: Place | None = None
    secret_header: str = SECRET_HEADER
    signature_tolerance: float = 300.0
    body_limit: int = 256 << 10
    body_seconds: float = 10.0
    kafka_patience: float = 0.7
    spool_limit: int = 1 << 30
    in_memory: int = 64 << 20
    drain_seconds: float = 10.0
    topic_prefix: str = ""

    def __post_init__(self) -> None:
        hashes = [store.store_hash for store in self.stores]
        if twice := {each for each in hashes if hashes.count(each) > 1}:
            raise GatewayError(f"Store {min(twice)} is configured twice: keep one entry for each store hash.")
        tokens = [(token, account.name) for account in self.accounts for token in account.tokens]
        if len({token for token, _ in tokens}) < len(set(tokens)):
            raise GatewayError("Two Brevo accounts have the same webhook_token, so nobody knows whose an event is.")
