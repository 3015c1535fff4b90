"""Where the broker of a running `tajo up` is: it chooses a free port, and its folder tells which."""

import re
from pathlib import Path
from typing import Final

_ADVERTISED: Final = re.compile(r"^advertised\.listeners=[A-Z_]+://(\S+:[0-9]+)\s*$", re.MULTILINE)


def embedded(data_dir: Path) -> str | None:
    """Bootstrap servers, whether it runs or not; None if there never was one."""
    try:
        text = (data_dir / "kafka" / "server.properties").read_text(encoding="utf-8")
    except OSError:
        return None
    found = _ADVERTISED.search(text)
    return found[1] if found else None
