"""Bodies and answers of the control API. Its OpenAPI description is made from these."""

import re
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

STORE_HASH: Final = "^[0-9A-Za-z]{1,64}$"
"""It becomes part of the address that is asked; nothing else of a request does."""

StoreHash = Annotated[str, Field(pattern=STORE_HASH, description="The hash of the store, the end of its API path.")]
_VISIBLE: Final = "^[!-~]+$"


def _visible(value: SecretStr) -> SecretStr:
    """It is sent in a header."""
    if not re.fullmatch(_VISIBLE, value.get_secret_value()):
        raise ValueError("it has to be visible ASCII characters without spaces")
    return value


Secret = Annotated[
    SecretStr,
    AfterValidator(_visible),
    Field(min_length=1, max_length=500, json_schema_extra={"pattern": _VISIBLE}),
]


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)


class ToldDelivery(Model):
    """What happened, trusted by the token: the envelope is built around it."""

    topic: Annotated[str, Field(min_length=1, max_length=200)]
    """The scope, as `store/order/created`."""
    payload: dict[str, Any] | list[Any]
    """The `data` of the delivery."""
    store_hash: StoreHash | None = None
    """Required when several stores are connected."""


class PassedDelivery(Model):
    """A delivery of BigCommerce as it came in elsewhere, checked like one that comes in here."""

    raw: str
    """The body, unchanged."""
    encoding: Literal["text", "base64"] = "text"
    """How `raw` holds the body."""
    headers: dict[str, str]
    """Its headers: that of the shared secret, and those of the signature."""
    store_hash: StoreHash | None = None
    """The store it was delivered for, if the address that it was sent to says so."""


class Delivered(Model):
    """It is durable: in Kafka, or in the spool until Kafka has it."""

    store_hash: str
    scope: str
    hash: str
    """The id of the delivery; the same content told twice has the same."""


class Connect(Model):
    """A store to connect, or new credentials of one that is."""

    store_hash: StoreHash
    access_token: Secret
    """Access token of an API account of the store."""
    client_id: Annotated[str, Field(min_length=1, max_length=200)]
    client_secret: Secret | None = None
    """Key of the webhooks' signatures; without it only the shared header is checked."""
    name: Annotated[str, Field(pattern="^[0-9A-Za-z][0-9A-Za-z_.-]{0,63}$")] | None = None
    """Leads the ids of order records and is the property `store` of events; the hash unless given."""
    brevo_api_key: Secret | None = None
    """Key of the Brevo account that the store reports to; that of the configuration unless given."""


class Connector(Model):
    type: Literal["bigcommerce"]
    store_hash: str
    name: str
    source: Literal["configuration", "control API"]
    """Where the credentials in use are from."""


class Connectors(Model):
    connectors: list[Connector]


class Connected(Model):
    """What BigCommerce says the store is. The components take it up within seconds."""

    connector: Connector
    store_name: str
    currency: str
    """The store's default currency."""
    replaced: bool
    """Whether the store was connected before, and has new credentials now."""


class Disconnected(Model):
    store_hash: str
    remains: bool
    """Whether it stays connected with the credentials of the configuration file."""


class Trouble(Model):
    error: str
    """A sentence: what was found, and the cure."""
