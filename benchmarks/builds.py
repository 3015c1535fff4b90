"""Programs of peers, built by other languages' tools when their sources have changed."""

import fcntl
import os
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path


class NotBuilt(Exception):
    """A tool is missing, or the sources do not compile."""


def ensure_built(target: Path, sources: Iterable[Path], build: Callable[[], None]) -> None:
    """Into the folder ``target``, unless it holds what these ``sources`` make. Raises what ``build`` raises."""
    fingerprint, stamp = _fingerprint(sources), target / ".built"
    if _built(stamp, fingerprint):
        return
    target.mkdir(exist_ok=True)
    with (target / ".lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _built(stamp, fingerprint):
            build()
            stamp.write_text(fingerprint, encoding="ascii")


def compiled(
    tool: str, command: Sequence[str], project: Path, seconds: float, environment: Mapping[str, str] | None = None
) -> None:
    """Runs the ``tool``, with these variables beside ours. Raises NotBuilt, with its last words."""
    try:
        done = subprocess.run(
            command,
            cwd=project,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NotBuilt(f"{tool} did not build {project} within {seconds} s.") from error
    if done.returncode != 0:
        last_words = "\n".join((done.stdout + done.stderr).strip().splitlines()[-20:])
        raise NotBuilt(f"{tool} did not build {project} (exit status {done.returncode}):\n{last_words}")


def _built(stamp: Path, fingerprint: str) -> bool:
    return stamp.exists() and stamp.read_text(encoding="ascii") == fingerprint


def _fingerprint(sources: Iterable[Path]) -> str:
    content = sha256()
    for path in sources:
        content.update(path.name.encode() + b"\0" + path.read_bytes())
    return content.hexdigest()
