"""The archive of Kafka's classes: made once, used by every start, and never half."""

import os
import subprocess
from pathlib import Path

import pytest

from tajo.kafka import ensure_jars, find_java
from tajo.kafka.archive import archive_of, using
from tajo.kafka.first_start import _is_whole, ensure_archive

pytestmark = pytest.mark.kafka


@pytest.fixture
def jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As they are, beside a cache that is empty."""
    jars = ensure_jars()
    monkeypatch.setenv("TAJO_KAFKA_LIBS", str(jars))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return jars


def test_it_is_made_once_and_whole_and_classes_come_from_it(jars: Path) -> None:
    java = find_java()
    archive = archive_of(java, jars)
    assert using(archive) == ()
    assert ensure_archive(java, jars)
    made = archive.stat().st_ino
    assert ensure_archive(java, jars)
    assert archive.stat().st_ino == made
    assert [path.name for path in archive.parent.iterdir()] == [archive.name]

    command = [java.command, *using(archive), "-Xlog:class+load", "-cp", f"{jars}/*", "kafka.tools.StorageTool"]
    loaded = subprocess.run([*command, "random-uuid"], capture_output=True, text=True, check=True).stdout
    assert "org.apache.kafka.common.Uuid source: shared objects file (top)" in loaded

    half = archive.with_name("half.jsa")
    half.write_bytes(archive.read_bytes())
    assert _is_whole(half, java, jars)
    os.truncate(half, half.stat().st_size // 2)
    assert not _is_whole(half, java, jars)
    assert not list(Path.cwd().glob("hs_err_pid*")), "Java's report of its crash lies beside the archive"


def test_where_none_can_be_written_kafka_starts_without(jars: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    assert not ensure_archive(find_java(), jars)


def test_another_java_has_another(jars: Path) -> None:
    java = find_java()
    assert java.build
    other = type(java)(java.command, java.major, "21.0.7+6", java.origin)
    assert archive_of(java, jars) != archive_of(other, jars)
