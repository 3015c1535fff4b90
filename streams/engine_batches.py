"""Records into batches for the broker, past aiokafka's Python layer: half of what an append costs.

Private parts of aiokafka 0.14.0: see streams.engine_transport.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from streams.inbox import Headers

Item = tuple[bytes | None, bytes | None, Headers]
"""(key, value, headers)"""
_NO_HEADERS: Final[list[tuple[str, bytes | None]]] = []


def batches(new: Callable[[], Any], items: Iterable[Item], timestamp: int) -> Iterator[Any]:
    """All items in order, in batches that ``new`` makes (`AIOKafkaProducer.create_batch`). ``timestamp``: Unix ms."""
    builder = new()
    append, count = builder._builder.append, 0
    for key, value, headers in items:
        listed = list(headers) if headers else _NO_HEADERS
        if append(count, timestamp, key, value, listed) is None:
            builder._relative_offset = count
            yield builder
            builder = new()
            append, count = builder._builder.append, 0
            append(count, timestamp, key, value, listed)  # the first one always fits
        count += 1
    builder._relative_offset = count
    yield builder
