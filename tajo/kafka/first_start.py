"""The start of Kafka from which later ones have its classes (tajo.kafka.archive)."""

import subprocess
import tempfile
from pathlib import Path
from typing import Final

from tajo.errors import KafkaNotStarted
from tajo.kafka.archive import archive_of, making, using
from tajo.kafka.broker import EmbeddedKafka
from tajo.kafka.java import Java

_CHECK_SECONDS: Final = 30


def ensure_archive(java: Java, jars: Path) -> bool:
    """Makes the archive if it is missing, which takes as long as two starts. False if it could not be made.

    Nothing depends on it: a Java may be built without the means, a folder may not be writable.
    """
    archive = archive_of(java, jars)
    if archive.exists():
        return True
    try:
        archive.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=archive.parent, prefix="archiving-") as scratch:
            fresh = Path(scratch, archive.name)
            with EmbeddedKafka(making=making(fresh)):
                pass
            if usable := _is_whole(fresh, java, jars):
                fresh.replace(archive)
            return usable
    except (KafkaNotStarted, OSError):
        return False


def _is_whole(archive: Path, java: Java, jars: Path) -> bool:
    """Java believes that an archive is as long as it says, and crashes where it is not, with a report beside it."""
    if not archive.exists():
        return False
    command = [str(java.command), "-Xshare:on", *using(archive), "-cp", f"{jars}/*"]
    command += ["kafka.tools.StorageTool", "random-uuid"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_CHECK_SECONDS, cwd=archive.parent)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
