"""One embedded Kafka broker: formatted, started, watched, stopped by us."""

import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tajo.errors import KafkaNotStarted
from tajo.kafka.archive import archive_of, using
from tajo.kafka.context import Embedded
from tajo.kafka.folder import FolderLock, log_tail
from tajo.kafka.handshake import answers
from tajo.kafka.jars import ensure_jars
from tajo.kafka.java import find_java
from tajo.kafka.ports import free_port, is_free
from tajo.kafka.process import end, start_bound
from tajo.kafka.properties import HEAP, LOG4J, Member, new_cluster_id, server_properties

ANSWER_SECONDS: Final = 60.0
FORMAT_SECONDS: Final = 60.0
STOP_SECONDS: Final = 15.0
PORT_TAKEN: Final = "Address already in use"


class EmbeddedKafka(Embedded):
    """Apache Kafka in KRaft mode, in a folder of its own, on free ports of the loopback interface.

    A context manager, plain or async. Without ``folder`` it works in a temporary one that goes with it; with one, a
    later instance on the same folder continues with the same data and, if it is free, on the same port.

    The Java process dies when we do, even by SIGKILL (Linux), and a Ctrl-C in the terminal reaches only us. Its output
    is in ``log``. Methods block and belong to one thread at a time; in a coroutine use `async with`, or
    `asyncio.to_thread`.

    ``member``: its place in a cluster (tajo.kafka.cluster), with ``ports``, the broker's and its controller's.
    ``making``: Java's options of a start that leaves an archive of classes (tajo.kafka.archive). ``settings``: of the
    broker, where they are to differ from ours (tajo.kafka.properties).
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        answer_within: float = ANSWER_SECONDS,
        member: Member | None = None,
        ports: tuple[int, int] | None = None,
        making: tuple[str, ...] = (),
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._temporary = folder is None
        self.folder = (folder or Path(tempfile.mkdtemp(prefix="tajo-kafka-"))).absolute()
        self.log = self.folder / "kafka.log"
        self._lock = FolderLock(self.folder)
        self._answer_within = answer_within
        self._process: subprocess.Popen[bytes] | None = None
        self._member = member
        self._ports = ports  # the broker's, its controller's; None while they may still be chosen
        self._making = making
        self._settings = settings
        self._given_up = threading.Event()

    @property
    def bootstrap_servers(self) -> str:
        """`127.0.0.1:port`; the port stays the same over ``kill`` and ``restart``."""
        if self._ports is None:
            raise KafkaNotStarted("The embedded broker has no port yet: start it first.")
        return f"127.0.0.1:{self._ports[0]}"

    @property
    def pid(self) -> int | None:
        """The process id of Java, None while there is none."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Formats the folder the first time, starts the broker, returns when it answers.

        Raises JavaMissing, KafkaJarsMissing, or KafkaNotStarted with the end of its log; no process is left then.
        """
        if self.pid is not None:
            return
        self._given_up.clear()
        try:
            self._lock.take()
            command = self._command()
            while not self._try(command):
                self._ports = None  # somebody took a port between our look and the broker's start
        except BaseException:
            self.kill()
            self._remove_if_temporary()
            raise

    def stop(self) -> None:
        """SIGTERM, and SIGKILL if that takes more than 15 s. A temporary folder goes too. Harmless when not running."""
        self._end()
        self._remove_if_temporary()

    def kill(self) -> None:
        """SIGKILL, as in a power cut; the folder stays, for ``restart``."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        self._lock.release()

    def give_up(self) -> None:
        self._given_up.set()

    def restart(self) -> None:
        """Ends it in order if it runs, then starts it on the same folder and port."""
        self._end()
        self.start()

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _config(self) -> Path:
        return self.folder / "server.properties"

    def _command(self) -> list[str]:
        java, jars = find_java(), ensure_jars()
        logging = f"-Dlog4j2.configurationFile={self.folder / 'log4j2.properties'}"
        return [str(java.command), *HEAP, *using(archive_of(java, jars)), logging, "-cp", f"{jars}/*"]

    def _try(self, command: list[str]) -> bool:
        """False if a port was taken that nobody relies on yet."""
        fixed = self._prepare()
        if not (self._data / "meta.properties").exists():
            self._format(command)
        began = self.log.stat().st_size if self.log.exists() else 0
        self._process = start_bound(
            [*command, *self._making, "kafka.Kafka", str(self._config)], folder=self.folder, log=self.log
        )
        try:
            self._await_answer(self._process, began)
        except KafkaNotStarted as error:
            if fixed or PORT_TAKEN not in str(error):
                raise
            return False
        return True

    def _prepare(self) -> bool:
        """Writes the configuration. True if the ports were given, or are those of an earlier start of this object."""
        fixed = self._ports is not None
        self._data.mkdir(parents=True, exist_ok=True)
        self._ports = self._ports or self._ports_of_the_folder() or (free_port(), free_port())
        broker, controller = self._ports
        properties = server_properties(
            log_dir=str(self._data),
            broker_port=broker,
            controller_port=controller,
            member=self._member,
            other=self._settings,
        )
        self._config.write_text(properties, encoding="utf-8")
        (self.folder / "log4j2.properties").write_text(LOG4J, encoding="utf-8")
        return fixed

    def _ports_of_the_folder(self) -> tuple[int, int] | None:
        if not self._config.exists():
            return None
        found = re.search(r"^listeners=\S+?:(\d+),\S+?:(\d+)$", self._config.read_text(encoding="utf-8"), re.MULTILINE)
        if found is None or not (is_free(int(found[1])) and is_free(int(found[2]))):
            return None
        return int(found[1]), int(found[2])

    def _format(self, command: list[str]) -> None:
        cluster = self._member.cluster if self._member else new_cluster_id()
        # It runs for a moment: what the second compiler does would be for nobody.
        format_it = [*command, "-XX:TieredStopAtLevel=1", "kafka.tools.StorageTool", "format"]
        format_it += ["-t", cluster, "-c", str(self._config)]
        self._process = start_bound(format_it, folder=self.folder, log=self.log)
        deadline = time.monotonic() + FORMAT_SECONDS
        while (status := self._process.poll()) is None and time.monotonic() < deadline:
            if self._given_up.wait(0.02):
                break
        if status != 0:
            raise KafkaNotStarted(f"Kafka could not format {self._data}.\n{log_tail(self.log)}")
        self._process = None

    def _await_answer(self, process: subprocess.Popen[bytes], began: int) -> None:
        """``began``: the size of the log before this start."""
        assert self._ports is not None
        deadline = time.monotonic() + self._answer_within
        while not (answers("127.0.0.1", self._ports[0], within=1.0) and process.poll() is None):
            if (status := process.poll()) is not None:
                raise KafkaNotStarted(
                    f"The embedded Kafka ended with exit status {status} before it answered. {self._hint(began)}"
                )
            if time.monotonic() > deadline:
                raise KafkaNotStarted(
                    f"The embedded Kafka did not answer on {self.bootstrap_servers} within {self._answer_within:g} s. "
                    f"{self._hint(began)}"
                )
            if self._given_up.wait(0.05):
                raise KafkaNotStarted("The start of the embedded Kafka was given up.")

    def _hint(self, began: int) -> str:
        return (
            f"The end of its log, {self.log}, says why; a broker you have can be used with --bootstrap-servers.\n"
            f"{log_tail(self.log, since=began)}"
        )

    def _end(self) -> None:
        if self._process is not None:
            end(self._process, within=STOP_SECONDS)
            self._process = None
        self._lock.release()

    def _remove_if_temporary(self) -> None:
        if self._temporary:
            shutil.rmtree(self.folder, ignore_errors=True)
