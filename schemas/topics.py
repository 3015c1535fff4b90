"""The topics: names, keys, how long they are kept, who may read them. The one list that `tajo topics apply` creates."""

from typing import Final, Literal

import msgspec

DAY: Final = 86_400_000
MAX_RECORD: Final = 8 << 20
MAX_MESSAGE: Final = MAX_RECORD + (64 << 10)  # with its key, headers and the batch around it

WEBHOOK: Final = "bigcommerce.webhook.v1"
CUSTOMER: Final = "commerce.customer.v1"
SUBSCRIBER: Final = "commerce.subscriber.v1"
ORDER: Final = "commerce.order.v1"
CART: Final = "commerce.cart.v1"
CART_LIFECYCLE: Final = "commerce.cart-lifecycle.v1"
PRODUCT: Final = "commerce.product.v1"
CATEGORY: Final = "commerce.category.v1"
CONSENT: Final = "brevo.consent.v1"
BREVO_EVENT: Final = "brevo.event.v1"
REQUEST: Final = "tajo.request.v1"
PROJECTION: Final = "tajo.projection.v1"
CONNECTION: Final = "tajo.connection.v1"
DECISION: Final = "tajo.dead-letter-decision.v1"
COMMAND: Final = "brevo.command.v1"
RECEIPT: Final = "brevo.receipt.v1"

# What folds tell each other (schemas.inner): logical name -> key. At the broker they belong to a version of the folds.
INNER: Final = {"customers": "store/customer id, or store/guest:e-mail", "contacts": "account/e-mail"}


class Topic(msgspec.Struct, frozen=True):
    name: str
    key: str
    value: str  # what lies in it, in a line
    cleanup: Literal["delete", "compact", "compact,delete"] = "delete"
    retention: int = 14 * DAY  # ms; -1: for ever
    internal: bool = False
    partitioned: bool = True  # False: one partition
    own: tuple[tuple[str, str], ...] = ()  # settings in which it differs from others of its kind

    def config(self) -> dict[str, str]:
        """Kafka's topic configuration."""
        config = {"cleanup.policy": self.cleanup, "max.message.bytes": str(MAX_MESSAGE)}
        if "delete" in self.cleanup:
            config["retention.ms"] = str(self.retention)
        if "compact" in self.cleanup:
            config |= {
                "min.compaction.lag.ms": str(14 * DAY),
                "max.compaction.lag.ms": str(21 * DAY),
                "segment.ms": str(DAY),
            }
        return config | dict(self.own)


# A changelog is read for its last states only, so compaction waits for nothing but small segments to be closed. What
# must stay are tombstones, for a worker that comes back after days to a local store that still has those keys; and no
# longer, since keys hold e-mails: closed after a day, compacted within 3, kept 14, gone within 3 more is 21 days.
_CHANGELOG: Final = (
    ("segment.bytes", str(32 << 20)),
    ("min.compaction.lag.ms", "0"),
    ("max.compaction.lag.ms", str(3 * DAY)),
    ("delete.retention.ms", str(14 * DAY)),
)
# What was folded is deleted (streams.purge), but Kafka frees whole segments only, and never the active one.
_INNER: Final = (("segment.bytes", str(16 << 20)), ("segment.ms", str(DAY)))

# A revoked token and replaced credentials are to be gone from the disk soon, not after weeks.
_CONNECTION: Final = (("min.compaction.lag.ms", "0"), ("max.compaction.lag.ms", str(DAY)))


def changelog(name: str) -> Topic:
    """The changelog of a fold (named after its version), of the enricher or the sink."""
    return Topic(name, "as the table's", "state of a table", "compact", internal=True, own=_CHANGELOG)


def inner(version: str, name: str) -> str:
    """The inner input of a fold, named after the version."""
    return f"tajo.{version}.{name}"


def inner_topic(version: str, name: str) -> Topic:
    what = "what folds tell each other"
    return Topic(inner(version, name), INNER[name], what, "delete", -1, internal=True, own=_INNER)


def dead(topic: str) -> str:
    """The dead-letter topic of a topic: `commerce.order.v1` -> `commerce.order.dead.v1`."""
    stem, _, version = topic.rpartition(".")
    return f"{stem}.dead.{version}"


_PUBLIC = (
    Topic(WEBHOOK, "store hash", "deliveries, byte for byte", retention=-1),
    Topic(CUSTOMER, "store/id", "customers as fetched", "compact"),
    Topic(SUBSCRIBER, "store/id", "newsletter subscribers as fetched", "compact"),
    Topic(ORDER, "store/id", "orders as fetched, with refunds", "compact"),
    Topic(CART, "store/cart id, or tick", "carts as fetched, converted, deleted; ticks", "compact,delete", 90 * DAY),
    Topic(
        CART_LIFECYCLE,
        "store/cart id",
        "at risk, abandoned, recovered, converted, expired, emptied",
        retention=90 * DAY,
    ),
    Topic(PRODUCT, "store/id", "products as fetched", "compact"),
    Topic(CATEGORY, "store/id", "categories as fetched", "compact"),
    Topic(CONSENT, "account/e-mail", "opt-outs made at Brevo", "compact"),
    Topic(BREVO_EVENT, "account", "Brevo's own webhooks, byte for byte"),
    Topic(REQUEST, "store hash", "what a store's owner is asked to do"),
    Topic(PROJECTION, "version", "phase and settings of a version", "compact", partitioned=False),
    Topic(
        CONNECTION,
        "token or store",
        "hashes of tokens, encrypted credentials of stores",
        "compact",
        partitioned=False,
        own=_CONNECTION,
    ),
    Topic(DECISION, "dead letter", "what was decided about it: retried or dropped", "compact", partitioned=False),
    Topic(COMMAND, "account", "intents for Brevo"),
    Topic(RECEIPT, "account", "what was sent, and what Brevo said", retention=30 * DAY),
)
# Whatever is in partitions may be folded by somebody, and what is folded can fail.
WITH_DEAD_LETTERS: Final = tuple(topic.name for topic in _PUBLIC if topic.partitioned)

CATALOGUE: Final = (
    *_PUBLIC,
    *(Topic(dead(name), "as the source", "what could not be used") for name in WITH_DEAD_LETTERS),
)
