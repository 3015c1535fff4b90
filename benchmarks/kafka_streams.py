"""Kafka Streams as a peer: the programs of peers/kafka-streams, built by Maven when their sources have changed.

`python -m benchmarks.kafka_streams` builds them; the benchmarks do so too, on first use.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from benchmarks import builds
from tajo.kafka import find_java

PROJECT: Final = Path(__file__).parent / "peers" / "kafka-streams"
TARGET: Final = PROJECT / "target"
MAVEN_SECONDS: Final = 600
# What is measured lives for seconds: less start-up work, and no heap that grows and shrinks meanwhile.
JVM: Final = ("-Xms512m", "-Xmx512m", "-XX:+UseParallelGC")


def command(
    program: str, bootstrap: str, prefix: str, state: Path, source: str, settings: Mapping[str, str | int]
) -> list[str]:
    """To run a program of Main's registry. ``settings``: of Kafka Streams and its clients (`producer.linger.ms`)."""
    ensure_built()
    classpath = f"{TARGET / 'classes'}:{TARGET / 'libs'}/*"
    java = [str(find_java().command), *JVM, "-cp", classpath, "tajo.benchmarks.Main"]
    return [
        *java,
        program,
        bootstrap,
        prefix,
        str(state),
        source,
        *(f"{key}={value}" for key, value in settings.items()),
    ]


def ensure_built() -> None:
    """Raises NotBuilt, with Maven's words."""
    builds.ensure_built(TARGET, (PROJECT / "pom.xml", *sorted((PROJECT / "src").rglob("*.java"))), _build)


def _build() -> None:
    maven = shutil.which("mvn")
    if maven is None or shutil.which("javac") is None:
        raise builds.NotBuilt(
            "Kafka Streams' programs are built with Maven and a JDK, and one of them is not here. "
            "Install them (Debian, Ubuntu: apt-get install maven openjdk-17-jdk-headless)."
        )
    for old in (TARGET / "classes", TARGET / "libs"):
        shutil.rmtree(old, ignore_errors=True)  # what is no longer asked for would stay on the class path
    builds.compiled("Maven", [maven, "-q", "-B", "process-classes"], PROJECT, MAVEN_SECONDS)


if __name__ == "__main__":
    ensure_built()
    print(f"Kafka Streams' programs are in {TARGET}")
