"""Pieces of Kafka's wire format, for requests that are written and read in one pass."""

from collections.abc import Callable
from io import BytesIO
from struct import Struct, error
from typing import Any, Final

INT16: Final = Struct(">h")
INT32: Final = Struct(">i")


def text(text: str) -> bytes:
    """A STRING."""
    encoded = text.encode()
    return INT16.pack(len(encoded)) + encoded


def nullable(value: str | None) -> bytes:
    """A NULLABLE_STRING."""
    return INT16.pack(-1) if value is None else text(value)


def answer(read: Callable[[memoryview, int], Any], data: BytesIO, request: str) -> Any:
    """What ``read`` makes of it, from where ``data`` is. Raises ValueError if it is cut off; ``request``: for that."""
    with data.getbuffer() as view:
        try:
            return read(view, data.tell())
        except error as found:
            raise ValueError(f"This answer to {request} is cut off: {found}.") from found


def taken(view: memoryview, at: int, size: int) -> tuple[bytes, int]:
    """These bytes, and where they end. Raises struct.error if they are cut off."""
    end = at + size
    if end > len(view):
        raise error(f"{end - len(view)} bytes are missing")
    return bytes(view[at:end]), end


def text_at(view: memoryview, at: int) -> tuple[str, int]:
    """A STRING, and where it ends. Raises struct.error if it is cut off."""
    encoded, at = taken(view, at + INT16.size, INT16.unpack_from(view, at)[0])
    return encoded.decode(), at


def count_at(view: memoryview, at: int) -> tuple[int, int]:
    """The length of an ARRAY, and where its first element begins. Raises struct.error."""
    return INT32.unpack_from(view, at)[0], at + INT32.size
