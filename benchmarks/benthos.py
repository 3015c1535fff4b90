"""The Go programs of peers/benthos: Bento's core as a peer, and the load that all gateways are put under.

`python -m benchmarks.benthos` builds them; the benchmark `gateway` does so too, on first use.
"""

import fcntl
import os
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).parent / "peers" / "benthos"
TARGET: Final = PROJECT / "target"
STREAM: Final = TARGET / "stream"
LOAD: Final = TARGET / "load"
BUILD_SECONDS: Final = 900
_STAMP: Final = TARGET / ".built"


class NotBuilt(Exception):
    """Go is missing, or the programs do not compile."""


def ensure_built() -> None:
    """Raises NotBuilt, with Go's words."""
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
    for path in (PROJECT / "go.mod", PROJECT / "go.sum", *sorted(PROJECT.rglob("*.go"))):
        content.update(path.name.encode() + b"\0" + path.read_bytes())
    return content.hexdigest()


def _build() -> None:
    go = shutil.which("go")
    if go is None:
        raise NotBuilt("The gateway's peer and the load on it are built with Go 1.26 or newer: install it (go.dev/dl).")
    command = [go, "build", "-trimpath", "-buildvcs=false", "-o", f"{TARGET}{os.sep}", "./stream", "./load"]
    environment = os.environ | {"GOFLAGS": "-mod=readonly"}
    try:
        done = subprocess.run(
            command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise NotBuilt(f"Go did not build {PROJECT} within {BUILD_SECONDS} s.") from error
    if done.returncode != 0:
        last_words = "\n".join((done.stdout + done.stderr).strip().splitlines()[-20:])
        raise NotBuilt(f"Go did not build {PROJECT} (exit status {done.returncode}):\n{last_words}")


if __name__ == "__main__":
    ensure_built()
    print(f"The programs of {PROJECT.name} are in {TARGET}")
