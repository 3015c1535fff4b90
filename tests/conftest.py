"""The broker that tests share, and names of their own in it.

By default it is the embedded Kafka. TAJO_TEST_KAFKA=docker takes a container instead, and TAJO_TEST_KAFKA=host:port a
broker that runs already.
"""

import os
import uuid
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tajo.kafka import EmbeddedKafka
from tajo.kafka.properties import SHARED

# How long an example takes says something of the machine, not of the law.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


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
