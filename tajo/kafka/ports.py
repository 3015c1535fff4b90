"""Free TCP ports on the loopback interface."""

import random
import socket
from pathlib import Path
from typing import Final

_RANGE: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST: Final = 15_000


def free_port() -> int:
    """A free port below the range that the system hands out to clients.

    From that range, a broker that restarts on its port could find it taken by anybody's outgoing connection, and a
    client that dials a dead port on its own machine can even connect to itself (TCP simultaneous open).
    """
    upper = _first_client_port()
    for port in random.sample(range(_LOWEST, upper), 200):
        if is_free(port):
            return port
    raise OSError(f"None of 200 ports tried between {_LOWEST} and {upper} is free on 127.0.0.1; end some programs.")


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Java does: TIME_WAIT does not count
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _first_client_port() -> int:
    try:
        first = int(_RANGE.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        first = 32_768  # Linux' default; other systems hand out higher ones
    return max(first, _LOWEST + 1_000)
