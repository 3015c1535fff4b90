"""Kafka's jars: in a folder of the user's, or in a cache shared by all checkouts, else fetched once with Maven."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from tajo.errors import KafkaJarsMissing

POM: Final = Path(__file__).with_name("pom.xml")
FOLDER_VARIABLE: Final = "TAJO_KAFKA_LIBS"
MAVEN_SECONDS: Final = 600
_STAMP: Final = ".complete"

WAYS_OUT: Final = (
    "Install Maven (Debian, Ubuntu: apt-get install maven; macOS: brew install maven), "
    f"or unpack a Kafka distribution and set {FOLDER_VARIABLE} to its libs folder, "
    "or use a broker you have: start one with Docker (docker compose up kafka) and pass --bootstrap-servers."
)


def kafka_version() -> str:
    """The version that the pom asks for: '4.3.1'."""
    match = re.search(r"<kafka\.version>([^<]+)<", POM.read_text(encoding="utf-8"))
    if match is None:
        raise KafkaJarsMissing(f"{POM} does not name a kafka.version; restore the file.")
    return match[1]


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """`$XDG_CACHE_HOME/tajo/kafka-4.3.1/libs`, with `~/.cache` when the variable is not set."""
    root = environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME") or Path.home(), ".cache")
    return Path(root, "tajo", f"kafka-{kafka_version()}", "libs")


def ensure_jars(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of the jars, after fetching them if need be. Raises KafkaJarsMissing, which names the ways out."""
    if own := environ.get(FOLDER_VARIABLE):
        return _checked(Path(own))
    folder = cache_folder(environ)
    if not is_complete(folder):
        _fetch(folder, environ)
    return folder


def _checked(folder: Path) -> Path:
    if not any(folder.glob("kafka_2.*.jar")):
        raise KafkaJarsMissing(
            f"{FOLDER_VARIABLE} is {folder}, but there is no kafka_2.13-….jar in it. "
            "Set it to the libs folder of a Kafka 4 distribution, or unset it."
        )
    return folder


def _fingerprint() -> str:
    return sha256(POM.read_bytes()).hexdigest()


def is_complete(folder: Path) -> bool:
    """Whether ``folder`` holds all jars that the pom of today asks for."""
    try:
        return (folder / _STAMP).read_text(encoding="ascii") == _fingerprint()
    except OSError:
        return False


def _fetch(folder: Path, environ: Mapping[str, str]) -> None:
    maven = shutil.which("mvn", path=environ.get("PATH", ""))
    if maven is None:
        raise KafkaJarsMissing(
            f"Kafka's jars are not in {folder}, and Maven, which fetches them, is not here. {WAYS_OUT}"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Fetched beside, then renamed: whoever looks meanwhile sees all jars or none.
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetching-") as scratch:
        fresh = Path(scratch, "libs")
        _run_maven(maven, fresh, environ)
        (fresh / _STAMP).write_text(_fingerprint(), encoding="ascii")
        _put_in_place(fresh, folder, Path(scratch, "old"))


def _run_maven(maven: str, target: Path, environ: Mapping[str, str]) -> None:
    command = [maven, "-q", "-B", "-f", str(POM), "dependency:copy-dependencies"]
    command += ["-DincludeScope=runtime", f"-DoutputDirectory={target}"]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=MAVEN_SECONDS,
            check=False,
            env=dict(environ),
            cwd=target.parent,
        )
    except subprocess.TimeoutExpired as error:
        raise KafkaJarsMissing(f"Maven did not fetch Kafka's jars within {MAVEN_SECONDS} s. {WAYS_OUT}") from error
    if done.returncode != 0 or not any(target.glob("kafka_2.*.jar")):
        last_words = "\n".join((done.stdout + done.stderr).strip().splitlines()[-8:])
        raise KafkaJarsMissing(
            f"Maven could not fetch Kafka's jars (exit status {done.returncode}). {WAYS_OUT}\nMaven said:\n{last_words}"
        )


def _put_in_place(fresh: Path, folder: Path, discarded: Path) -> None:
    if folder.exists():
        folder.rename(discarded)
    try:
        fresh.rename(folder)
    except OSError:
        if not is_complete(folder):  # else somebody else fetched them at the same time
            raise
