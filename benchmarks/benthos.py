"""The Go programs of peers/benthos: Bento's core as a peer, and the load that all gateways are put under.

`python -m benchmarks.benthos` builds them; the benchmark `gateway` does so too, on first use.
"""

import os
import shutil
from pathlib import Path
from typing import Final

from benchmarks import builds

PROJECT: Final = Path(__file__).parent / "peers" / "benthos"
TARGET: Final = PROJECT / "target"
STREAM: Final = TARGET / "stream"
LOAD: Final = TARGET / "load"
BUILD_SECONDS: Final = 900


def ensure_built() -> None:
    """Raises NotBuilt, with Go's words."""
    builds.ensure_built(TARGET, (PROJECT / "go.mod", PROJECT / "go.sum", *sorted(PROJECT.rglob("*.go"))), _build)


def _build() -> None:
    go = shutil.which("go")
    if go is None:
        raise builds.NotBuilt(
            "The gateway's peer and the load on it are built with Go 1.26 or newer: install it (go.dev/dl)."
        )
    command = [go, "build", "-trimpath", "-buildvcs=false", "-o", f"{TARGET}{os.sep}", "./stream", "./load"]
    builds.compiled("Go", command, PROJECT, BUILD_SECONDS, {"GOFLAGS": "-mod=readonly"})


if __name__ == "__main__":
    ensure_built()
    print(f"The programs of {PROJECT.name} are in {TARGET}")
