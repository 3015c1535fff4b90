"""The broker that tests share, and names of their own in it.

By default it is the embedded Kafka. TAJO_TEST_KAFKA=docker takes a container instead, and TAJO_TEST_KAFKA=host:port a
broker that runs already.
"""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tajo.kafka import EmbeddedKafka
from tajo.kafka.properties import SHARED

# How long an example takes says something of the machine, not of the law.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


# Processes of tests live for seconds. Java's second compiler would cost more than it brings, and Python compiles our
# modules once for all of them.
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with the longest tests first, or one of the two that run them would wait for the other in the end."""
    rank: dict[Path, int] = {}
    for item in items:
        rank[item.path] = min(_rank(item), rank.get(item.path, 2))
    items.sort(key=lambda item: rank[item.path])


def _rank(item: pytest.Item) -> int:
    if item.get_closest_marker("e2e"):
        return 0
    with_kafka = item.get_closest_marker("kafka") or "kafka" in getattr(item, "fixturenames", ())
    return 1 if with_kafka else 2


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """Bootstrap servers, `host:port`. Tests that stop or kill a broker start one of their own."""
    choice = os.environ.get("TAJO_TEST_KAFKA", "embedded")
    if choice == "embedded":
        with EmbeddedKafka() as broker:
            yield broker.bootstrap_servers
    elif choice == "docker":
        yield from _container()
    else:
        yield choice


def _container() -> Iterator[str]:
    from testcontainers.community.kafka import KafkaContainer

    container = KafkaContainer().with_kraft()
    for key, value in SHARED.items():
        container.with_env("KAFKA_" + key.upper().replace(".", "_"), value)
    with container as broker:
        yield broker.get_bootstrap_server()


@pytest.fixture
def topic_prefix() -> str:
    """Leads the names of a test's topics, groups and transactional ids: `t3f9c01ab-`."""
    return f"t{uuid.uuid4().hex[:8]}-"
