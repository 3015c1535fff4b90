"""The folder of an embedded broker: one user at a time, and the end of its log for messages."""

import fcntl
import os
from pathlib import Path
from typing import IO, Final

from tajo.errors import KafkaNotStarted

_TAIL_LINES: Final = 20
_TAIL_BYTES: Final = 16_384


class FolderLock:
    """Held from start to end of a broker. The system releases it when the process dies."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[bytes] | None = None

    def take(self) -> None:
        """Raises KafkaNotStarted if another process, or another object, holds it."""
        if self._file is not None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        file = (self._folder / "lock").open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.close()
            raise KafkaNotStarted(
                f"Another process runs a Kafka in {self._folder}. End it, or choose another data_dir."
            ) from error
        self._file = file

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def log_tail(log: Path, *, since: int = 0) -> str:
    """The last lines of ``log``, of what was written after its first ``since`` bytes."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(since, size - _TAIL_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError as error:
        return f"(the log cannot be read: {error})"
    return "\n".join(text.splitlines()[-_TAIL_LINES:])
