"""Kafka Streams as a peer: the programs of peers/kafka-streams, built by Maven when their sources have changed.

`python -m benchmarks.kafka_streams` builds them; the benchmarks do so too, on first use.
"""

import fcntl
import shutil
import subprocess
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from tajo.kafka import find_java

PROJECT: Final = Path(__file__).parent / "peers" / "kafka-streams"
TARGET: Final = PROJECT / "target"
MAVEN_SECONDS: Final = 600
_STAMP: Final = TARGET / ".built"
# What is measured lives for seconds: less start-up work, and no heap that grows and shrinks meanwhile.
JVM: Final = ("-Xms512m", "-Xmx512m", "-XX:+UseParallelGC")


class NotBuilt(Exception):
    """Maven or a JDK is missing, or the sources do not compile."""


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
    if _built():
        return
    TARGET.mkdir(exist_ok=True)
    with (TARGET / ".lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _built():
            _build()
            _STAMP.write_text(_fingerprint(), encoding="ascii")


def _built() -> bool:
    return _STAMP.exists() and _STAMP.read_text(encoding="ascii") == _fingerprint()


def _fingerprint() -> str:
    content = sha256()
    for path in (PROJECT / "pom.xml", *sorted((PROJECT / "src").rglob("*.java"))):
        content.update(path.name.encode() + b"\0" + path.read_bytes())
    return content.hexdigest()


def _build() -> None:
    maven = shutil.which("mvn")
    if maven is None or shutil.which("javac") is None:
        raise NotBuilt(
            "Kafka Streams' programs are built with Maven and a JDK, and one of them is not here. "
            "Install them (Debian, Ubuntu: apt-get install maven openjdk-17-jdk-headless)."
        )
    for old in (TARGET / "classes", TARGET / "libs"):
        shutil.rmtree(old, ignore_errors=True)  # what is no longer asked for would stay on the class path
    try:
        done = subprocess.run(
            [maven, "-q", "-B", "process-classes"],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=MAVEN_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NotBuilt(f"Maven did not build {PROJECT} within {MAVEN_SECONDS} s.") from error
    if done.returncode != 0:
        last_words = "\n".join((done.stdout + done.stderr).strip().splitlines()[-20:])
        raise NotBuilt(f"Maven did not build {PROJECT} (exit status {done.returncode}):\n{last_words}")


if __name__ == "__main__":
    ensure_built()
    print(f"Kafka Streams' programs are in {TARGET}")
