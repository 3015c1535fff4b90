"""The configuration, key by key. The one registry: the file, the environment, `.env.example` and docs/configuration.md.

A docstring under a key is its line in the reference. Durations are milliseconds, sizes bytes, money Decimal.
"""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from projections.statuses import COUNTED, INCOMPLETE, TABLE
from tajo.settings.durations import DAY, HOUR, MINUTE, Bytes, Duration
from tajo.settings.paths import check
from tajo.settings.values import (
    BaseUrl,
    BootstrapServers,
    Count,
    Currency,
    EncryptionKeys,
    EventName,
    Folder,
    ListTarget,
    MappingTarget,
    Money,
    Name,
    Natural,
    Prefix,
    Proxies,
    PublicUrl,
    Rate,
    Secret,
    Switch,
    Text,
    Token,
)
from tajo.settings.webhooks import Scope

MAX_AGE_LIMIT: Final = 14 * DAY


class Part(BaseModel):
    """A block of keys. Unknown keys are errors; nothing is guessed from another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)


class Sync(Part):
    customers: Switch = True
    """Customers and newsletter subscribers become contacts."""
    orders: Switch = True
    """Orders become order records and events, and count on their contacts."""
    products: Switch = True
    """Products, variants and categories go into Brevo's catalogue."""
    carts: Switch = True
    """Carts are watched; abandoned ones are announced."""
    inventory: Switch = False
    """Stock levels are followed; needed for back-in-stock messages."""


class Lists(Part):
    all_customers: ListTarget | None = None
    """List of the registered customers (with `include_guests` of guests too): an id, or a name that is created."""
    buyers: ListTarget | None = None
    """List of those with at least one order that counts."""
    abandoned_cart: ListTarget | None = None
    """List of those who have an abandoned cart now."""

    def configured(self) -> Mapping[str, int | str]:
        """Purpose -> id or name, of those that are set."""
        found = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: target for name, target in found.items() if target is not None}


class Webhook(Part):
    scope: Scope
    """The scope at BigCommerce."""
    destination: EventName
    """The name under which the event reaches Brevo, and its CloudEvents type."""


def _mapping_path(path: str) -> str:
    check(path)
    return path


MappingPath = Annotated[Text, AfterValidator(_mapping_path)]
CustomerMapping = dict[MappingPath, MappingTarget]


class StoreBrevo(Part):
    """The Brevo account of one store, where it is not the one under `brevo`."""

    account: Name | None = None
    """Name of the account in topics and messages; the store's name unless given. It must not change later."""
    api_key: Secret
    """API key of the account. Stores with the same key share the account."""
    webhook_token: Token | None = None
    """As `brevo.webhook_token`, for this account."""
    previous_api_key: Secret | None = None
    """As `brevo.previous_api_key`, for this account."""
    previous_webhook_token: Token | None = None
    """As `brevo.previous_webhook_token`, for this account."""
    currency: Currency | None = None
    """Reporting currency of the account; that of its first store unless given."""
    rates: dict[Currency, Rate] = Field(default_factory=dict)
    """As `rates`, for this account."""


class Channel(Part):
    name: Name | None = None
    """Name of the channel in events; its id unless given."""
    url: BaseUrl | None = None
    """Address of its storefront, if BigCommerce's own is not the one that shoppers use."""
    lists: Lists = Lists()
    """Lists of this channel, beside those of the store."""


class Credentials(Part):
    store_hash: Name | None = None
    """The hash of the store: the last part of its API path."""
    access_token: Secret | None = None
    """Access token of an API account of the store."""
    client_id: Text | None = None
    """Client id of that API account."""
    client_secret: Secret | None = None
    """Its client secret: key of the webhooks' signatures. Without it only the shared header is checked."""
    webhook_secret: Secret | None = None
    """Value of the shared header of our webhooks. Without it one is derived from the access token."""
    previous_access_token: Secret | None = None
    """The token before, while it is replaced: the header's value that was derived from it is still accepted."""
    previous_client_secret: Secret | None = None
    """The client secret before, while it is replaced: signatures made with it are still accepted."""
    previous_webhook_secret: Secret | None = None
    """The header's value before, while it is replaced: still accepted (docs/webhooks.md)."""


class BigCommerceConnector(Credentials):
    enabled: Switch = True
    """Whether it is connected at all; `false` keeps the values and starts nothing."""


class Connectors(Part):
    bigcommerce: BigCommerceConnector | None = None


class Store(Credentials):
    name: Name | None = None
    """Leads the ids of order records and is the property `store` of events; the hash unless given. Do not change it."""
    brevo: StoreBrevo | None = None
    lists: Lists | None = None
    """Instead of `lists`."""
    customer_mapping: CustomerMapping | None = None
    """Instead of `customer_mapping`."""
    channels: dict[Annotated[int, Field(gt=0)], Channel] = Field(default_factory=dict)
    """By channel id: name, lists and address of a storefront."""


class Brevo(Part):
    account: Name = "main"
    """Name of the account in topics and messages. It must not change later."""
    api_key: Secret | None = None
    """API key of the account. Required, unless every store has its own."""
    webhook_token: Token | None = None
    """Last part of the address that Brevo's webhooks are sent to. Without it one is derived from the API key."""
    previous_api_key: Secret | None = None
    """The API key before, while it is replaced: the address that was derived from it is still accepted."""
    previous_webhook_token: Token | None = None
    """The token before, while it is replaced: still accepted."""
    currency: Currency | None = None
    """Reporting currency of the account; that of its first store unless given."""
    base_url: BaseUrl = "https://api.brevo.com/v3"
    """Address of Brevo's API."""
    tracker_url: BaseUrl = "https://in-automate.brevo.com/api/v2/trackEvent"
    """Address of Brevo's tracker, for `carts.emitter: tracker`."""


class BigCommerce(Part):
    base_url: BaseUrl = "https://api.bigcommerce.com"
    """Address of BigCommerce's API."""


class Consent(Part):
    unknown: Literal["blocklist", "leave"] = "blocklist"
    """A contact that we create without a recorded opt-in: `blocklist` it, or `leave` it open to mailings."""
    resubscribe: Switch = False
    """Whether a later opt-in at BigCommerce lifts an opt-out made at Brevo."""
    order_opt_in: Switch = False
    """Whether the opt-in box of a checkout counts as an opt-in to the newsletter."""


class Sink(Part):
    mode: Literal["live", "dry-run"] = "live"
    """`dry-run`: everything runs, nothing is sent to Brevo, what would be sent is shown."""


class Carts(Part):
    emitter: Literal["events", "tracker"] = "events"
    """`events`: our rules decide, an automation starts on `cart_abandoned`. `tracker`: Brevo's own workflow decides."""
    steps: Annotated[tuple[Duration, ...], Field(min_length=1, max_length=10)] = (HOUR, 24 * HOUR, 72 * HOUR)
    """Ages since the cart's last change at which it is announced."""
    min_value: Money = Decimal(0)
    """Carts of less, in their own currency, are not announced."""
    min_items: Count = 1
    """Carts with fewer items are not announced."""
    max_age: Duration = 7 * DAY
    """Nothing is announced of a cart that has not changed for longer. At most 13d."""
    require_consent: Switch = True
    """Whether a reminder needs an opt-in to `abandoned_cart`."""
    both: Switch = False
    """Lets our events and Brevo's workflow run side by side; shoppers may get two reminders."""


class Reconcile(Part):
    every: Duration = HOUR
    """How often everything that was modified is asked for, to find what no webhook told."""


def _statuses(ids: tuple[int, ...]) -> tuple[int, ...]:
    known = {status.id: status.name for status in TABLE}
    for status in ids:
        if status not in known:
            raise ValueError(f"{status} is no order status: there are 0 to 14 (docs/order-statuses.md)")
        if status == INCOMPLETE:
            raise ValueError("status 0, Incomplete, never counts: the checkout was not finished")
    return ids


class Orders(Part):
    counted_statuses: Annotated[tuple[Natural, ...], AfterValidator(_statuses)] = COUNTED
    """Ids of the order statuses that count, see docs/order-statuses.md."""
    unexplained_after: Duration = 15 * MINUTE
    """How long a changed status waits for the delivery that explains it, before it is told as one jump."""


class Kafka(Part):
    bootstrap_servers: BootstrapServers | None = None
    """`host:port` of brokers, separated by commas. Without it `tajo up` starts a broker of its own."""
    partitions: Count | None = None
    """Partitions of each topic, fixed when it is created (docs/partitions.md). 4 with the embedded broker, else 32."""
    replication: Count | None = None
    """Copies of each topic. 1 with the embedded broker, else 3."""
    prefix: Prefix | None = None
    """Leads the names of all topics and groups, on clusters that are shared."""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """How the brokers are spoken to."""
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    """How we log in, with a SASL protocol."""
    sasl_username: Text | None = None
    """Name for the login."""
    sasl_password: Secret | None = None
    """Password for the login."""
    ssl_cafile: Folder | None = None
    """File with the certificate authorities of the brokers; the system's unless given."""


class Worker(Part):
    processes: Annotated[int, Field(ge=1, le=64)] = 1
    """Processes of a worker, each with its share of the partitions: one folds on one core, and on a bit of another."""


class Gateway(Part):
    host: Text = "127.0.0.1"
    """Address that the gateway listens on; 0.0.0.0 in a container."""
    port: Annotated[int, Field(ge=1, le=65535)] = 8080
    """Port that the gateway listens on."""
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Processes of the gateway that share the port (Linux); each keeps a local store of `spool_limit` at most."""
    spool_limit: Bytes = 1 << 30
    """Size of the local store that takes deliveries while Kafka does not answer."""
    control: Literal["token", "loopback"] = "token"
    """Who may use the control API: `token`: who has one; `loopback`: also this machine, with `host` 127.0.0.1."""
    forwarded_allow_ips: Proxies | None = None
    """Addresses or networks of the proxies in front, whose `X-Forwarded-For` and `-Proto` are believed."""
    tls_certificate: Folder | None = None
    """File with the certificate chain (PEM), to speak https without a proxy."""
    tls_key: Folder | None = None
    """File with its private key (PEM), without a passphrase."""


DOCUMENTED_MAPPING: Final = {
    "email": "email",
    "first_name": "FIRSTNAME",
    "last_name": "LASTNAME",
    "phone": "SMS",
    "company": "COMPANY",
    "addresses[0].city": "CITY",
    "addresses[0].state": "STATE",
    "addresses[0].country": "COUNTRY",
    "addresses[0].zip": "ZIP",
    "orders_count": "ORDER_COUNT",
    "total_spent": "TOTAL_SPENT",
    "date_created": "SIGNUP_DATE",
    "customer_group_id": "CUSTOMER_GROUP",
}


class Registry(Part):
    """All keys, as they stand in the file."""

    connectors: Connectors = Connectors()
    stores: tuple[Store, ...] = ()
    """Several stores; instead of `connectors.bigcommerce`."""
    sync: Sync = Sync()
    lists: Lists = Lists()
    customer_mapping: CustomerMapping = Field(default_factory=lambda: dict(DOCUMENTED_MAPPING), validate_default=True)
    """Path in a BigCommerce customer -> attribute at Brevo, which is created if it is missing."""
    webhooks: tuple[Webhook, ...] = ()
    """Further scopes, and names of events: `{scope, destination}` each. Never takes a needed hook away."""
    brevo: Brevo = Brevo()
    bigcommerce: BigCommerce = BigCommerce()
    public_url: PublicUrl | None = None
    """Where BigCommerce and Brevo reach the gateway. Without it no hooks are made; reconcile alone finds changes."""
    signature: Literal["required", "if-present", "off"] = "if-present"
    """Whether webhooks have to be signed. `tajo doctor` recommends `required` once good signatures were seen."""
    consent: Consent = Consent()
    on_customer_deleted: Literal["keep", "delete"] = "keep"
    """`keep`: the contact leaves `all_customers` and stays. `delete`: it goes."""
    include_guests: Switch = False
    """Whether guests are in the list `all_customers` too."""
    sink: Sink = Sink()
    carts: Carts = Carts()
    reconcile: Reconcile = Reconcile()
    orders: Orders = Orders()
    back_in_stock: Literal["brevo_alert", "event"] = "brevo_alert"
    """Who keeps a wish and tells: Brevo, or we by the event `back_in_stock`."""
    rates: dict[Currency, Rate] = Field(default_factory=dict)
    """What one unit of another currency is in the reporting currency, as `{EUR: 1.08}`."""
    kafka: Kafka = Kafka()
    gateway: Gateway = Gateway()
    worker: Worker = Worker()
    encryption_key: EncryptionKeys | None = None
    """Encrypts the credentials of connected stores. Of several, separated by commas, the first encrypts, all open."""
    data_dir: Folder = Path("data")
    """Folder of the embedded broker, tables, spool and read models."""
