"""The embedded broker: it starts, keeps what it was given, and leaves nothing behind."""

import asyncio
import os
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from tajo.errors import KafkaNotStarted
from tajo.kafka import EmbeddedKafka
from tajo.kafka.ports import is_free
from tajo.kafka.properties import SHARED

pytestmark = pytest.mark.kafka

PARENT = """
import sys
from pathlib import Path
from threading import Thread
from tajo.kafka import EmbeddedKafka
kafka = EmbeddedKafka(Path(sys.argv[1]))
starter = Thread(target=kafka.start)
starter.start()
starter.join()
print(kafka.pid, kafka.bootstrap_servers, flush=True)
sys.stdin.read()
kafka.stop()
"""


async def _create(bootstrap: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()


async def _produce(bootstrap: str, topic: str, *values: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True) as producer:
        for value in values:
            await producer.send_and_wait(topic, value)


async def _read(bootstrap: str, topic: str, count: int) -> list[bytes | None]:
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap) as consumer:
        consumer.assign([TopicPartition(topic, 0)])
        await consumer.seek_to_beginning()
        async with asyncio.timeout(20):
            return [(await consumer.getone()).value for _ in range(count)]


def _port(bootstrap: str) -> int:
    return int(bootstrap.partition(":")[2])


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def test_it_keeps_records_and_leaves_neither_process_nor_port_nor_folder() -> None:
    async with EmbeddedKafka() as broker:
        pid, port = broker.pid, _port(broker.bootstrap_servers)
        assert pid is not None
        await _create(broker.bootstrap_servers, "kept")
        await _produce(broker.bootstrap_servers, "kept", b"one", b"two")
        assert await _read(broker.bootstrap_servers, "kept", 2) == [b"one", b"two"]
    assert not _runs(pid)
    assert is_free(port)
    assert not broker.folder.exists()


async def test_records_survive_a_kill_and_an_orderly_end_on_the_same_port(tmp_path: Path) -> None:
    broker = EmbeddedKafka(tmp_path / "kafka")
    await asyncio.to_thread(broker.start)
    try:
        address = broker.bootstrap_servers
        await _create(address, "kept")
        await _produce(address, "kept", b"before the kill")
        broker.kill()
        assert broker.pid is None
        await asyncio.to_thread(broker.restart)
        assert broker.bootstrap_servers == address
        await _produce(address, "kept", b"after it")
    finally:
        broker.stop()
    async with EmbeddedKafka(tmp_path / "kafka") as later:
        assert later.bootstrap_servers == address
        assert await _read(address, "kept", 2) == [b"before the kill", b"after it"]
    assert (tmp_path / "kafka").exists()


async def test_the_broker_runs_with_all_that_the_program_counts_on(kafka: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.BROKER, "1")])
    finally:
        await admin.close()
    effective = {entry[0]: entry[1] for entry in answer.resources[0][4]}
    assert {key: effective[key] for key in SHARED} == SHARED
    assert effective["auto.create.topics.enable"] == "false"


def test_java_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path / "kafka")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid_text, address = parent.stdout.readline().split()
        java = os.pidfd_open(int(pid_text))
        try:
            parent.kill()
            parent.wait(20)
            _await_end(java)
        finally:
            os.close(java)
    assert not _runs(int(pid_text))
    assert is_free(_port(address))


def test_a_ctrl_c_in_the_terminal_does_not_reach_java(tmp_path: Path) -> None:
    with EmbeddedKafka(tmp_path / "kafka") as broker:
        assert broker.pid is not None
        assert os.getsid(broker.pid) != os.getsid(0)
        assert os.getpgid(broker.pid) != os.getpgid(0)


def test_two_at_once_in_one_folder_are_refused(tmp_path: Path) -> None:
    with EmbeddedKafka(tmp_path / "kafka") as first:
        with pytest.raises(KafkaNotStarted, match=r"Another process runs a Kafka in .*choose another data_dir"):
            EmbeddedKafka(tmp_path / "kafka").start()
        assert first.pid is not None


def test_a_broker_that_does_not_answer_in_time_is_ended_and_its_log_quoted(tmp_path: Path) -> None:
    broker = EmbeddedKafka(tmp_path / "kafka", answer_within=0)
    with pytest.raises(KafkaNotStarted, match=r"did not answer on 127\.0\.0\.1:\d+ within 0 s") as caught:
        broker.start()
    assert str(broker.log) in str(caught.value)
    assert broker.pid is None


def test_a_broker_that_ends_at_once_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    with EmbeddedKafka(tmp_path / "kafka") as broker:
        data = broker.folder / "data"
    properties = (data / "meta.properties").read_text(encoding="utf-8")
    (data / "meta.properties").write_text(properties.replace("node.id=1", "node.id=7"), encoding="utf-8")
    with pytest.raises(KafkaNotStarted, match="ended with exit status 1 before it answered") as caught:
        EmbeddedKafka(tmp_path / "kafka").start()
    assert "node" in str(caught.value).partition("\n")[2]


async def test_a_start_that_is_cancelled_leaves_no_process(tmp_path: Path) -> None:
    broker = EmbeddedKafka(tmp_path / "kafka")
    entering = asyncio.create_task(broker.__aenter__())
    await asyncio.to_thread(_await_file, broker.log)
    entering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await entering
    assert broker.pid is None
    assert _processes_in(tmp_path) == []


def test_a_signal_to_stop_ends_parent_and_java_in_order(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path / "kafka")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdin is not None
        pid = int(parent.stdout.readline().split()[0])
        parent.stdin.close()
        assert parent.wait(30) == 0
    assert not _runs(pid)
    assert (tmp_path / "kafka" / "data" / ".kafka_cleanshutdown").exists()


def _await_end(pidfd: int) -> None:
    """Returns when the process of ``pidfd`` has ended; a pidfd becomes readable then (pidfd_open(2))."""
    ready, _, _ = select.select([pidfd], [], [], 20)
    assert ready, "the process outlived its parent by 20 s"


def _await_file(path: Path) -> None:
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear within 20 s"
        os.sched_yield()


def _processes_in(folder: Path) -> list[str]:
    """Command lines of live processes that name ``folder``."""
    lines = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            lines.append(line)
    return lines
