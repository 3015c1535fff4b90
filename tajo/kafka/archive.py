"""Kafka's classes as Java holds them in memory (class data sharing, JEP 350), kept in the cache beside the jars.

With them a broker answers in little more than half of the time. Java does without where one does not fit.
"""

from hashlib import sha256
from pathlib import Path

from tajo.kafka.jars import cache_folder
from tajo.kafka.java import Java


def archive_of(java: Java, jars: Path) -> Path:
    """Where it lies, or would: `$XDG_CACHE_HOME/tajo/kafka-4.3.1/classes-0f3a5c….jsa`, one for each Java and jars."""
    files = {jar.name: jar.stat() for jar in jars.glob("*.jar")}
    seen = [java.build, str(jars), *sorted(f"{name} {one.st_size} {one.st_mtime_ns}" for name, one in files.items())]
    return cache_folder().parent / f"classes-{sha256(repr(seen).encode()).hexdigest()[:16]}.jsa"


def using(archive: Path) -> tuple[str, ...]:
    """Options for Java's command line; none while there is no archive."""
    return (f"-XX:SharedArchiveFile={archive}",) if archive.exists() else ()


def making(archive: Path) -> tuple[str, ...]:
    """Options of a run that leaves the archive when it ends in order."""
    return (f"-XX:ArchiveClassesAtExit={archive}",)
