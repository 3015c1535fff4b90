"""What the gateway counts, for `/metrics`, status and doctor."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

from gateway.figures import Counts, Times

ANSWERS: Final = ("accepted", "dead-letter", "untrusted", "too-large", "not-durable", "gone")
_SECONDS: Final = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 10.0)


class Metrics:
    """One registry for each gateway, so that several live in one process without adding up."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.deliveries = Counts(
            "tajo_webhook_deliveries", "Deliveries by what became of them.", ["answer"], self.registry
        )
        self.signatures = Counts(
            "tajo_webhook_signatures",
            "Verdicts on the signatures of deliveries whose header is right. retry: yes if it came 55 s or more "
            "after its created_at; BigCommerce's first retry comes after 60 s, an ordinary delivery within seconds.",
            ["verdict", "retry"],
            self.registry,
        )
        self.untrusted = Counter(
            "tajo_webhook_untrusted", "Deliveries that were refused, by reason.", ["reason"], registry=self.registry
        )
        self.duplicates = Counter(
            "tajo_webhook_duplicates", "Deliveries whose hash was seen shortly before.", registry=self.registry
        )
        self.seconds = Times("tajo_webhook_seconds", "From request to answer.", _SECONDS, self.registry)
        self.control_refused = Counter(
            "tajo_control_refused", "Requests to the control API without a valid token.", ["token"],
            registry=self.registry,
        )  # fmt: skip
        self.spooled = Counter("tajo_spool_taken", "Records that went through the spool.", registry=self.registry)
        self.drained = Counter("tajo_spool_drained", "Records that went on to Kafka.", registry=self.registry)
        self.spool_records = Gauge("tajo_spool_records", "Records in the spool.", registry=self.registry)
        self.spool_bytes = Gauge("tajo_spool_bytes", "Bytes in the spool, roughly.", registry=self.registry)
        self.kafka_answers = Gauge("tajo_kafka_answers", "1 while Kafka takes records in time.", registry=self.registry)
        self.producers = Counter(
            "tajo_producer_starts", "Producers started; more than one means that some had to be replaced.",
            registry=self.registry,
        )  # fmt: skip
        self.batches = Counter("tajo_producer_batches", "Batches that Kafka acknowledged.", registry=self.registry)
        self.brevo_deliveries = Counts(
            "tajo_brevo_webhook_deliveries", "Webhooks of Brevo by what became of them.", ["answer"], self.registry
        )
        self.brevo_untrusted = Counter(
            "tajo_brevo_webhook_untrusted", "Webhooks of Brevo that were refused, by reason.", ["reason"],
            registry=self.registry,
        )  # fmt: skip
        self.brevo_seconds = Times(
            "tajo_brevo_webhook_seconds", "From request to answer, for Brevo.", _SECONDS, self.registry
        )
        for answer in ANSWERS:
            self.deliveries.labels(answer)
            self.brevo_deliveries.labels(answer)
