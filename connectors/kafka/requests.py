"""The requests of a producer, each written and read in one pass: aiokafka calls Python once for each field.

Layouts: Kafka's message definitions (clients/src/main/resources/common/message), in versions that every broker since
2.1 knows, the newest in which aiokafka's connections can carry them without tagged fields. What aiokafka calls a
`Request`, a `RequestStruct` and a `Response` is one class here. Private parts of aiokafka (0.14.0): what its
`AIOKafkaConnection.send` asks of a request.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from io import BytesIO
from struct import Struct
from typing import Any, ClassVar, Final, Self

from aiokafka import TopicPartition
from aiokafka.errors import IncompatibleBrokerVersion
from aiokafka.protocol.api import RequestHeader_v1, ResponseHeader_v0

from connectors.kafka.wire import INT32, answer, count_at, nullable, text, text_at

_PRODUCER: Final = Struct(">qh")  # id, epoch
_ACKS: Final = Struct(">hi")  # acks, time-out in ms
_SENT: Final = Struct(">ii")  # partition, bytes of its batch
_ADDED: Final = Struct(">ih")  # partition, error
_WRITTEN: Final = Struct(">ihqqq")  # partition, error, offset, the broker's time, log's start
_ENDED: Final = Struct(">ih")  # throttled, error
_ALL: Final = -1


def supported(versions: Mapping[int, tuple[int, int]], key: int, version: int, name: str) -> None:
    """``versions``: API key -> those that the broker knows, as it has said itself. Raises IncompatibleBrokerVersion."""
    oldest, newest = versions.get(key, (0, -1))
    if not oldest <= version <= newest:
        raise IncompatibleBrokerVersion(f"The broker does not know {name}.")


class _Request:
    API_KEY: ClassVar[int]
    API_VERSION: ClassVar[int]

    def prepare(self, versions: Mapping[int, tuple[int, int]]) -> Self:
        supported(versions, self.API_KEY, self.API_VERSION, type(self).__name__)
        return self

    def build_request_header(self, correlation_id: int, client_id: str) -> RequestHeader_v1:
        return RequestHeader_v1(self, correlation_id, client_id)

    parse_response_header = staticmethod(ResponseHeader_v0.decode)

    def encode(self) -> bytes:
        raise NotImplementedError

    @property
    def RESPONSE_TYPE(self) -> type[Self]:  # noqa: N802
        return type(self)

    @classmethod
    def decode(cls, data: BytesIO) -> Any:
        """What the broker answers, from where ``data`` is. Raises ValueError if it is cut off."""
        return answer(cls._read, data, cls.__name__)

    @classmethod
    def _read(cls, view: memoryview, at: int) -> Any:
        raise NotImplementedError


class AddPartitionsToTxn(_Request):
    """The answer: {partition: error code}."""

    API_KEY, API_VERSION = 24, 0

    def __init__(
        self, transactional_id: str, producer_id: int, epoch: int, partitions: Iterable[TopicPartition]
    ) -> None:
        self._whose = transactional_id, producer_id, epoch
        self._partitions = partitions

    def encode(self) -> bytes:
        transactional_id, *producer = self._whose
        topics = defaultdict(list)
        for topic, partition in self._partitions:
            topics[topic].append(INT32.pack(partition))
        parts = [text(transactional_id), _PRODUCER.pack(*producer), INT32.pack(len(topics))]
        for topic, partitions in topics.items():
            parts += text(topic), INT32.pack(len(partitions)), *partitions
        return b"".join(parts)

    @classmethod
    def _read(cls, view: memoryview, at: int) -> dict[TopicPartition, int]:
        answered = {}
        topics, at = count_at(view, at + INT32.size)  # after the throttle time
        for _ in range(topics):
            topic, at = text_at(view, at)
            partitions, at = count_at(view, at)
            for _ in range(partitions):
                partition, code = _ADDED.unpack_from(view, at)
                answered[TopicPartition(topic, partition)] = code
                at += _ADDED.size
        return answered


class Produce(_Request):
    """One batch for each partition, acknowledged by all replicas. The answer: {partition: (error code, first offset)}.

    ``transactional_id``: None outside of a transaction. ``timeout_ms``: how long the leader waits for the others.
    """

    API_KEY, API_VERSION = 0, 7

    def __init__(
        self, transactional_id: str | None, timeout_ms: int, batches: Mapping[TopicPartition, bytes | bytearray]
    ) -> None:
        self._transactional_id, self._timeout_ms, self._batches = transactional_id, timeout_ms, batches

    def encode(self) -> bytes:
        topics: dict[str, list[bytes | bytearray]] = defaultdict(list)
        for (topic, partition), batch in self._batches.items():
            topics[topic] += _SENT.pack(partition, len(batch)), batch
        parts: list[bytes | bytearray] = [
            nullable(self._transactional_id),
            _ACKS.pack(_ALL, self._timeout_ms),
            INT32.pack(len(topics)),
        ]
        for topic, sent in topics.items():
            parts += text(topic), INT32.pack(len(sent) // 2)
            parts += sent
        return b"".join(parts)

    @classmethod
    def _read(cls, view: memoryview, at: int) -> dict[TopicPartition, tuple[int, int]]:
        answered = {}
        topics, at = count_at(view, at)
        for _ in range(topics):
            topic, at = text_at(view, at)
            partitions, at = count_at(view, at)
            for _ in range(partitions):
                partition, code, offset, _, _ = _WRITTEN.unpack_from(view, at)
                answered[TopicPartition(topic, partition)] = code, offset
                at += _WRITTEN.size
        return answered


class CommitTxn(_Request):
    """Kafka's EndTxn that commits. The answer: an error code."""

    API_KEY, API_VERSION = 26, 0

    def __init__(self, transactional_id: str, producer_id: int, epoch: int) -> None:
        self._whose = transactional_id, producer_id, epoch

    def encode(self) -> bytes:
        transactional_id, *producer = self._whose
        return text(transactional_id) + _PRODUCER.pack(*producer) + b"\x01"

    @classmethod
    def _read(cls, view: memoryview, at: int) -> int:
        code: int = _ENDED.unpack_from(view, at)[1]
        return code
