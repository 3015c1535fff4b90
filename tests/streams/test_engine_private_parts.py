"""What the engine uses of Faust's and aiokafka's private parts is still there, in the pinned versions."""

import inspect
import re
import subprocess
import sys

import aiokafka
import faust
import pytest
from aiokafka import client, conn
from aiokafka.consumer import fetcher, group_coordinator, subscription_state
from aiokafka.protocol import fetch
from faust.stores import rocksdb
from faust.tables import manager, recovery
from faust.transport.drivers import aiokafka as driver
from mode import threads as mode_threads

from streams.engine_records import InputFetch, InputRecords
from streams.store import OFFSET_KEY


def test_the_versions_are_those_that_the_engine_was_written_for() -> None:
    assert (faust.__version__, aiokafka.__version__) == ("0.15.3", "0.14.0")


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (fetcher.PartitionRecords, "_consumer_record"),
        (fetcher.FetchResult, "getall"),
        (subscription_state.Assignment, "state_value"),
        (driver.AIOKafkaConsumerThread, "_create_worker_consumer"),
        (driver.AIOKafkaConsumerThread, "verify_event_path"),
        (driver.Consumer, "_new_consumer_thread"),
        (driver.Consumer, "on_partitions_assigned"),
        (driver.Consumer, "on_partitions_revoked"),
        (driver.Consumer, "highwaters"),
        (driver.Consumer, "earliest_offsets"),
        (driver.Consumer, "perform_seek"),
        (driver.Consumer, "seek_wait"),
        (driver.Consumer, "resume_partitions"),
        (driver.Consumer, "_drain_messages"),
        (driver.Consumer, "_getmany"),
        (driver.Consumer, "_filter_committable_offsets"),
        (driver.Consumer, "_should_commit"),
        (faust.Topic, "_create_event"),
        (rocksdb.Store, "_db_for_partition"),
        (recovery.Recovery, "on_recovery_completed"),
        (recovery.Recovery, "_wait"),
    ],
)
def test_an_upstream_attribute_that_is_overridden_or_called_exists(owner: type, name: str) -> None:
    assert callable(getattr(owner, name))


def test_faust_reads_committed_only_by_the_flag_that_the_engine_sets() -> None:
    assert "if self.consumer.in_transaction" in inspect.getsource(driver.AIOKafkaConsumerThread._create_worker_consumer)


def test_heartbeats_go_through_the_method_that_notes_their_answers() -> None:
    assert "await self._do_heartbeat()" in inspect.getsource(group_coordinator.GroupCoordinator._heartbeat_routine)
    assert "self._coordinator = GroupCoordinator(" in inspect.getsource(aiokafka.AIOKafkaConsumer.start)
    assert callable(group_coordinator.GroupCoordinator._start_heartbeat_task)
    assert callable(driver.AIOKafkaConsumerThread.on_partitions_assigned)


def test_a_member_leaves_its_group_by_the_time_of_the_last_poll_that_the_engine_notes() -> None:
    idle = subscription_state.SubscriptionState.fetcher_idle_time.fget
    assert idle
    assert "self._last_fetch_ended" in inspect.getsource(idle)
    assert "self._subscription = SubscriptionState(" in inspect.getsource(aiokafka.AIOKafkaConsumer.__init__)


def test_faust_keeps_the_changelog_offset_where_the_store_writes_it() -> None:
    assert rocksdb.Store.offset_key == OFFSET_KEY


def test_fetched_records_are_wrapped_by_the_method_that_leaves_ours_alone() -> None:
    assert "self._consumer_record(" in inspect.getsource(InputRecords.__base__)
    assert "self._records_iterator = self._unpack_records()" in inspect.getsource(InputRecords.__base__)


def test_what_is_fetched_is_ours_before_anybody_can_reach_kafka() -> None:
    """A consumer that fetched before it would find results of a class that it does not know any more."""
    program = (
        "import streams.access; from aiokafka.consumer import consumer, fetcher; "
        "places = fetcher.MemoryRecords, fetcher.PartitionRecords, fetcher.FetchResult, consumer.Fetcher; "
        "assert {place.__module__ for place in places} == {'streams.engine_records'}, places"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_whole_batches_pass_through_the_steps_that_upstream_takes() -> None:
    made = inspect.getsource(fetcher.Fetcher)
    order = ("tp", "records", "aborted_transactions", "fetch_offset", "self._key_deserializer")
    assert re.search(r"= PartitionRecords\(\s*" + r",\s*".join(map(re.escape, order)), made)
    assert "records = MemoryRecords(part_data[-1])" in made
    assert "elif records.size_in_bytes() > 0:" in made
    source = inspect.getsource(fetcher.PartitionRecords.__base__._unpack_records)
    steps = (
        "records.has_next()",
        "records.next_batch()",
        "not next_batch.validate_crc()",
        "for record in next_batch",
        "record.offset <",
        "record.offset + 1",
    )
    assert [step for step in steps if step not in source] == []


def test_a_fetcher_ends_the_fetches_that_it_is_known_to_have_begun() -> None:
    source = inspect.getsource(fetcher.Fetcher)
    assert "self._fetch_task = create_task(self._fetch_requests_routine())" in source
    assert source.count("self._pending_tasks.add(") == 1  # in that routine


def test_a_fetch_is_made_where_its_wait_is_shortened() -> None:
    source = inspect.getsource(fetcher.Fetcher)
    assert source.count("= self._get_actions_per_node(assignment)") == 1
    assert "fetch_requests.append((node_id, req))" in source
    assert "self._max_wait_ms = max_wait_time" in inspect.getsource(fetch.FetchRequest)


def test_the_thread_that_polls_takes_a_loop_and_closes_its_own() -> None:
    source = inspect.getsource(mode_threads.ServiceThread)
    assert "self.thread_loop = thread_loop or" in source
    assert source.count("_close_thread_loop_on_stop") == 2


def test_what_was_fetched_begins_at_the_position_of_its_partition() -> None:
    source = inspect.getsource(InputFetch.__base__)
    assert "position != self._partition_records.next_fetch_offset" in source
    assert "consumed_to(self._partition_records.next_fetch_offset)" in source
    assert "type(res_or_error) is FetchResult" in inspect.getsource(fetcher.Fetcher.fetched_records)


def test_tables_wait_a_second_by_the_method_that_the_engine_replaces_and_for_nothing_else() -> None:
    assert inspect.getsource(manager.TableManager).count("self.sleep(") == 1
    assert "await self.sleep(1.0)" in inspect.getsource(manager.TableManager.on_start)


def test_connections_tell_the_method_that_is_replaced_that_they_have_ended() -> None:
    assert "on_close=self._on_connection_closed" in inspect.getsource(client.AIOKafkaClient._get_conn)
    source = inspect.getsource(conn.AIOKafkaConnection.close)
    assert "self._on_close_cb(self, reason)" in source
    assert "request.prepare(self._versions)" in inspect.getsource(conn.AIOKafkaConnection.send)


def test_how_far_was_read_is_noted_in_the_table_that_is_replaced() -> None:
    source = inspect.getsource(driver.Consumer._drain_messages)
    assert "set_read_offset = self._read_offset.__setitem__" in source
    assert "get_read_offset = self._read_offset.__getitem__" in source
