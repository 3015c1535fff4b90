"""What of a program is left in the system: processes, ports, files. From /proc, hence on Linux."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_LISTENING = "0A"  # state of a socket in /proc/net/tcp
_SOCKET = re.compile(r"socket:\[(\d+)\]")


def processes(folder: Path) -> list[int]:
    """Those whose command line or environment names ``folder``."""
    return [int(place.name) for place in Path("/proc").glob("[0-9]*") if _names(place, os.fsencode(folder))]


def _names(place: Path, folder: bytes) -> bool:
    try:
        return folder in (place / "cmdline").read_bytes() or folder in (place / "environ").read_bytes()
    except OSError:  # it has ended meanwhile, or is somebody else's
        return False


def ports(folder: Path) -> set[int]:
    """Those on which these processes listen."""
    ours = {found[1] for pid in processes(folder) for link in _links(pid) if (found := _SOCKET.fullmatch(link))}
    return {port for inode, port in _listening() if inode in ours}


def _links(pid: int) -> list[str]:
    """What its open descriptors point to, without those that are closed meanwhile; [] when it has ended."""
    found: list[str] = []
    try:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                found.append(os.readlink(descriptor))
    except OSError:
        return []
    return found


def _listening() -> Iterator[tuple[str, int]]:
    """Inode and port of every listening socket."""
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        for line in table.read_text(encoding="ascii").splitlines()[1:] if table.exists() else ():
            fields = line.split()
            if fields[3] == _LISTENING:
                yield fields[9], int(fields[1].rpartition(":")[2], 16)


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())
