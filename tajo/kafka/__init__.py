"""A real Apache Kafka for development, tests and the demo, started from its jars."""

from tajo.kafka.broker import EmbeddedKafka
from tajo.kafka.cluster import EmbeddedCluster
from tajo.kafka.jars import ensure_jars
from tajo.kafka.java import Java, find_java

__all__ = ["EmbeddedCluster", "EmbeddedKafka", "Java", "ensure_jars", "find_java"]
