"""Asking a broker for a sign of life, without a client library: `ApiVersions`, version 0."""

import socket
import struct
from typing import Final

_API_VERSIONS: Final = 18  # Kafka protocol guide, "API keys"
_CORRELATION: Final = 0x7461_6A6F
_CLIENT: Final = b"tajo"


def answers(host: str, port: int, *, within: float) -> bool:
    """True if a Kafka broker answers there. A broker opens its port before it is ready, but answers only once it is."""
    header = struct.pack(">hhih", _API_VERSIONS, 0, _CORRELATION, len(_CLIENT)) + _CLIENT
    try:
        with socket.create_connection((host, port), timeout=within) as connection:
            connection.settimeout(within)
            connection.sendall(struct.pack(">i", len(header)) + header)
            correlation, error = struct.unpack(">ih", _read(connection, 10)[4:])
    except (OSError, struct.error):
        return False
    return (correlation, error) == (_CORRELATION, 0)


def _read(connection: socket.socket, count: int) -> bytes:
    """Exactly ``count`` bytes; fewer when the other side closed."""
    data = b""
    while len(data) < count and (chunk := connection.recv(count - len(data))):
        data += chunk
    return data
