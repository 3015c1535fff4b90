"""Several embedded brokers as one cluster: what happens when one of them dies can be seen only there."""

import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from tajo.errors import KafkaNotStarted
from tajo.kafka.broker import PORT_TAKEN, EmbeddedKafka
from tajo.kafka.context import Embedded
from tajo.kafka.ports import free_port
from tajo.kafka.properties import Member, new_cluster_id

_TRIES: Final = 3


class EmbeddedCluster(Embedded):
    """Apache Kafka brokers that are each other's controllers (KRaft), each in a folder of its own, on the loopback
    interface. Three copies of everything; a write has to reach two.

    A context manager, plain or async, in a temporary folder that goes with it. ``brokers`` holds the single ones, which
    may be stopped, killed and started again while the others go on: they keep their data and their ports.
    """

    def __init__(self, *, brokers: int = 3) -> None:
        if brokers < 3:
            raise ValueError(f"{brokers} brokers cannot lose one and keep a majority: take three or more.")
        self.folder = Path(tempfile.mkdtemp(prefix="tajo-kafka-")).absolute()
        self._count = brokers
        self.brokers: list[EmbeddedKafka] = []

    @property
    def bootstrap_servers(self) -> str:
        """All of them: whoever asks finds one that lives."""
        if not self.brokers:
            raise KafkaNotStarted("The embedded cluster has no ports yet: start it first.")
        return ",".join(broker.bootstrap_servers for broker in self.brokers)

    def start(self) -> None:
        """Formats and starts all at once, returns when all answer. Raises as EmbeddedKafka.start; then none is left."""
        for left in reversed(range(_TRIES)):
            self.brokers = self._new_brokers()
            try:
                self._all(EmbeddedKafka.start)
                return
            except KafkaNotStarted as error:
                self.stop()
                if PORT_TAKEN not in str(error) or not left:  # else somebody took a port since our look: others
                    raise
            except BaseException:
                self.stop()
                raise

    def stop(self) -> None:
        """Ends all at once, by SIGKILL: nothing is kept, and the last one could not end in order without the others."""
        self._all(EmbeddedKafka.kill)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _new_brokers(self) -> list[EmbeddedKafka]:
        nodes = range(1, self._count + 1)
        ports = {node: (free_port(), free_port()) for node in nodes}
        voters = {node: controller for node, (_, controller) in ports.items()}
        cluster = new_cluster_id()
        return [
            EmbeddedKafka(
                self.folder / f"broker-{node}",
                member=Member(node, cluster, voters),
                ports=ports[node],
            )
            for node in nodes
        ]

    def _all(self, work: Callable[[EmbeddedKafka], None]) -> None:
        """On every broker at the same time: none of them answers, and none ends in order, before most of them do."""
        with ThreadPoolExecutor(max_workers=self._count) as threads:
            for done in [threads.submit(work, broker) for broker in self.brokers]:
                done.result()
