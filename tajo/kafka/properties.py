"""The configuration files of the embedded broker."""

import base64
import uuid
from collections.abc import Mapping
from typing import Final, NamedTuple

from schemas.topics import MAX_MESSAGE

_ROLES: Final = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
}

# What our program counts on, for any broker of a development machine; containers get the same by their environment.
SHARED: Final = {
    # Topics are created by `tajo topics apply` only, with their settings.
    "auto.create.topics.enable": "false",
    # One broker: one copy of everything.
    "default.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # A dead owner's transaction holds up read_committed readers until this scan finds it timed out.
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    # The members of a small group arrive together; sessions of 6 s and shorter ones in tests.
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    # After a SIGKILL the controller takes the old registration for alive that long (9 s by default).
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    # A record may have 8 MiB; the batch around it a little more.
    "message.max.bytes": str(MAX_MESSAGE),
    # A small heap: the cleaner's default buffer alone is 128 MiB.
    "log.cleaner.dedupe.buffer.size": str(32 << 20),
    "log.cleaner.threads": "1",
    # Segments that were purged or have expired go at the next look: by default that is 5 minutes of traffic later.
    "log.retention.check.interval.ms": "30000",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "4",
}

# What changes with several brokers: three copies of everything, of which two have to have a write.
SEVERAL: Final = {
    "default.replication.factor": "3",
    "min.insync.replicas": "2",
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "share.coordinator.state.topic.replication.factor": "3",
    "share.coordinator.state.topic.min.isr": "2",
}

HEAP: Final = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-Djava.awt.headless=true")

LOG4J: Final = """\
status = error
rootLogger.level = info
rootLogger.appenderRef.stdout.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %-5p %c{1}: %m%n
"""


class Member(NamedTuple):
    """A broker's place among those that are each other's controllers. Alone, it is the only one.

    ``cluster``: the id that all of them are formatted with. ``voters``: node -> its controller's port.
    """

    node: int
    cluster: str
    voters: Mapping[int, int]


def new_cluster_id() -> str:
    """22 characters, as `kafka-storage random-uuid` makes them; it refuses a leading `-`."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode().replace("-", "A")


def server_properties(
    *,
    log_dir: str,
    broker_port: int,
    controller_port: int,
    member: Member | None = None,
    other: Mapping[str, str] | None = None,
) -> str:
    """`server.properties` of a broker that is a controller too, on the loopback interface.

    ``other``: settings that are to differ from ours.
    """
    broker, controller = f"PLAINTEXT://127.0.0.1:{broker_port}", f"CONTROLLER://127.0.0.1:{controller_port}"
    voters = member.voters if member else {1: controller_port}
    own = {
        "node.id": str(member.node if member else 1),
        "log.dirs": log_dir,
        "listeners": f"{broker},{controller}",
        "advertised.listeners": broker,
        "controller.quorum.voters": ",".join(f"{node}@127.0.0.1:{port}" for node, port in voters.items()),
    }
    shared = SHARED | SEVERAL if len(voters) > 1 else SHARED
    # In this format a backslash escapes: a path of another system would lose its separators.
    lines = (
        f"{key}={value}".replace("\\", "\\\\") for key, value in (_ROLES | shared | own | dict(other or {})).items()
    )
    return "\n".join(lines) + "\n"
