"""Whether this machine's component is alive in Kafka's eyes: `python -m tajo.health worker`.

For health checks of containers. A component is alive when the broker counts as many members of its consumer group from
this address as it has processes: one that hangs or died is dropped after the session time-out. Exit status 0 or 1, and
a sentence.
"""

import asyncio
import socket
import sys
from pathlib import Path
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from schemas.errors import TajoError
from streams.access import Kafka
from streams.names import Names
from tajo.settings import load

GROUPS: Final = {"enrich": "enrich", "worker": Names().version, "sink": "sink"}
SECONDS: Final = 10


async def check(kafka: Kafka, group: str, wanted: int = 1) -> str | None:
    """None if the group has ``wanted`` members from this address; else a sentence."""
    admin = AIOKafkaAdminClient(**kafka.client(), request_timeout_ms=SECONDS * 1000)
    try:
        await admin.start()
        here = await asyncio.to_thread(_own_address, kafka.bootstrap_servers)
        answers = await admin.describe_consumer_groups([group])
    except (KafkaError, OSError, TimeoutError) as error:
        return f"Kafka does not answer at {kafka.bootstrap_servers}: {error}"
    finally:
        await admin.close()
    # error, group, state, protocol type, protocol, members (id, client id, client host, …)
    members = [member for answer in answers for described in answer.groups for member in described[5]]
    hosts = [member[2].lstrip("/") for member in members]
    if here not in hosts:
        return f"group {group} has no member from {here}, only from {', '.join(sorted(set(hosts))) or 'nowhere'}"
    found = hosts.count(here)
    return None if found >= wanted else f"group {group} has {found} of its {wanted} members from {here}"


def _own_address(bootstrap_servers: str) -> str:
    """The address that the broker sees us by."""
    host, _, port = bootstrap_servers.partition(",")[0].rpartition(":")
    with socket.create_connection((host, int(port)), timeout=SECONDS) as connection:
        return str(connection.getsockname()[0])


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in GROUPS:
        print(f"usage: python -m tajo.health {'|'.join(GROUPS)}", file=sys.stderr)
        return 2
    try:
        settings = load(Path("tajo.yml") if Path("tajo.yml").exists() else None)
        group = Names(prefix=settings.kafka.prefix or "").group(GROUPS[arguments[0]])
        wanted = settings.worker.processes if arguments[0] == "worker" else 1
        trouble = asyncio.run(check(settings.kafka_access(), group, wanted))
    except TajoError as error:
        trouble = str(error)
    print(trouble or f"{arguments[0]}: a member of {group}")
    return 1 if trouble else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
