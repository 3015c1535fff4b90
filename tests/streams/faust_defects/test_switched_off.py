"""The parts of Faust that docs/faust-defects.md says we do not use are not in use."""

from pathlib import Path
from typing import Any

import pytest
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread

from connectors.clock import SystemClock
from schemas.settings import FoldSettings
from streams import topology
from streams.access import Kafka
from streams.engine import Engine
from streams.engine_transport import OwnerThread
from streams.names import Names


@pytest.fixture
def app(tmp_path: Path) -> Any:
    """The Faust application of the live folds, as the worker runs it; it is not started."""
    engine = Engine(
        "folds",
        topology.fold_roles(FoldSettings(stores={}, accounts={}), SystemClock()),
        kafka=Kafka("127.0.0.1:1"),
        names=Names(),
        partitions=4,
        data_dir=tmp_path,
    )
    engine.app.finalize()
    return engine.app


def test_faust_acknowledges_buffers_and_waits_for_nothing(app: Any) -> None:
    assert len(app.agents) == len(topology.FOLDS)
    for agent in app.agents.values():
        assert (agent.concurrency, agent.isolated_partitions) == (1, True)  # D2
        assert agent.channel.acks is False  # D1, D2, D6, D7, D11, D12: there is nothing to acknowledge
        assert (agent.channel.key_serializer, agent.channel.value_serializer) == (None, None)  # nothing is decoded
    assert app.conf.stream_wait_empty is False  # D21
    assert app.conf.producer_threaded is False
    assert app.conf.stream_publish_on_commit is False


def test_tables_are_plain_and_nobody_else_has_them(app: Any) -> None:
    assert app.conf.table_standby_replicas == 0  # D5
    assert app.conf.web_enabled is False  # D22
    for table in app.tables.values():
        assert table.is_global is False  # D17
        assert table.window is None  # D13


def test_faust_has_no_timers_and_no_leader(app: Any) -> None:
    assert [task for tasks in app._tasks.values() for task in tasks] == []  # D16: timers are tasks of the application
    assert app.conf.topic_disable_leader is True  # D24


def test_faust_decides_neither_where_to_begin_nor_what_is_exact(app: Any) -> None:
    assert app.conf.consumer_auto_offset_reset == "none"
    assert app.conf.processing_guarantee.value == "at_least_once"  # transactions are the owners'


def test_the_livelock_detector_looks_at_nothing() -> None:
    assert OwnerThread.verify_event_path is not AIOKafkaConsumerThread.verify_event_path  # D10
