"""Fetches as they go over the wire, written and read in one pass: aiokafka 0.14.0 calls Python once for each field.

A fetch names every partition that is read, with or without news, so for what one record costs these fields are most.
The layout is version 11 of Kafka's Fetch (clients/src/main/resources/common/message), the newest that aiokafka speaks;
with a broker that is older its own code goes on. Private parts of aiokafka: see streams.engine_transport.
"""

from io import BytesIO
from struct import Struct, error
from typing import Any, Final

from aiokafka.protocol import fetch

from connectors.kafka.wire import INT32, answer, count_at, taken, text, text_at

_INT64S: Final = Struct(">qq")
# replica, wait, min and max bytes, isolation, session's id and epoch, number of topics
_REQUEST: Final = Struct(">iiiibiii")
_ASKED: Final = Struct(">iiqqi")  # partition, leader's epoch, offset, log's start, max bytes
_RESPONSE: Final = Struct(">ihii")  # throttled, error, session, number of topics
# partition, error, high watermark, last stable offset, log's start, number of aborted transactions
_ANSWERED: Final = Struct(">ihqqqi")
_RECORDS: Final = Struct(">ii")  # preferred replica, bytes of records


def written(request: Any) -> bytes:
    """``request``: a FetchRequest_v11 that forgets no topics, as aiokafka makes them. Raises ValueError."""
    if request.forgotten_topics_data:
        raise ValueError("A fetch without a session forgets no topics.")
    try:
        parts = [
            _REQUEST.pack(
                request.replica_id,
                request.max_wait_time,
                request.min_bytes,
                request.max_bytes,
                request.isolation_level,
                request.session_id,
                request.session_epoch,
                len(request.topics),
            )
        ]
        for topic, partitions in request.topics:
            parts += text(topic), INT32.pack(len(partitions))
            parts += (_ASKED.pack(*partition) for partition in partitions)
    except error as found:
        raise ValueError(f"This fetch cannot be written: {found}.") from found
    return b"".join((*parts, INT32.pack(0), text(request.rack_id)))


def read(data: BytesIO) -> Any:
    """A FetchResponse_v11, from where ``data`` is. Raises ValueError if it is cut off."""
    return answer(_read, data, "a fetch")


def _read(view: memoryview, at: int) -> Any:
    throttled, code, session, count = _RESPONSE.unpack_from(view, at)
    at += _RESPONSE.size
    topics = []
    for _ in range(count):
        topic, at = text_at(view, at)
        partitions, at = count_at(view, at)
        answered = []
        for _ in range(partitions):
            *known, aborted = _ANSWERED.unpack_from(view, at)
            at += _ANSWERED.size
            transactions = None
            if aborted >= 0:
                end = at + aborted * _INT64S.size
                transactions = [_INT64S.unpack_from(view, start) for start in range(at, end, _INT64S.size)]
                at = end
            replica, size = _RECORDS.unpack_from(view, at)
            at += _RECORDS.size
            records = None if size < 0 else b""
            if size > 0:
                records, at = taken(view, at, size)
            answered.append((*known, transactions, replica, records))
        topics.append((topic, answered))
    return fetch.FetchResponse_v11(throttled, code, session, topics)


fetch.FetchRequest_v11.encode = written
fetch.FetchResponse_v11.decode = staticmethod(read)
