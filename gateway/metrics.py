"""What the gateway counts, for `/metrics`, status and doctor."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

ANSWERS: Final = ("accepted", "dead-letter", "untrusted", "too-large", "not-durable", "gone")
_SECONDS: Final = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 10.0)


class Metrics:
    """One registry for each gateway, so that several live in one process without adding up."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.deliveries = Counter(
            "tajo_webhook_deliveries", "Deliveries by what became of them.", ["answer"], registry=self.registry
        )
        self.signatures = Counter(
            "tajo_webhook_signatures", "Verdicts on the signatures of deliveries.", ["verdict"], registry=self.registry
        )
        self.untrusted = Counter(
            "tajo_webhook_untrusted", "Deliveries that were refused, by reason.", ["reason"], registry=self.registry
        )
        self.duplicates = Counter(
            "tajo_webhook_duplicates", "Deliveries whose hash was seen shortly before.", registry=self.registry
        )
        self.seconds = Histogram(
            "tajo_webhook_seconds", "From request to answer.", buckets=_SECONDS, registry=self.registry
        )
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
        for answer in ANSWERS:
            self.deliveries.labels(answer)
