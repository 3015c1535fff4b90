"""What a broker knows of transactions, and the marker that ends one: requests that aiokafka (0.14.0) does not have.

Kafka's own tool for hanging transactions uses the same three (KIP-664). Private parts of aiokafka: see
streams.engine_transport.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Final, NamedTuple, TypeVar

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.errors import (
    KafkaError,
    NotLeaderForPartitionError,
    TransactionCoordinatorFenced,
    for_code,
)
from aiokafka.protocol.api import RequestStruct, Response
from aiokafka.protocol.offset import OffsetRequest, OffsetResetStrategy
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)

from connectors.kafka.requests import supported
from connectors.kafka.sending import look_again

_T = TypeVar("_T")
_NO_SUCH_ID: Final = 105  # TRANSACTIONAL_ID_NOT_FOUND
_NO_OFFSET_YET: Final = 78  # OFFSET_NOT_AVAILABLE: a new leader that does not know its high watermark
_NO_TAGS: Final[Mapping[int, bytes]] = {}


class Last(NamedTuple):
    """What a transactional id's coordinator remembers. ``state``: as Kafka calls it, `CompleteCommit`."""

    state: str
    producer_id: int
    epoch: int


class Undecided(NamedTuple):
    """A producer's open transaction in a partition. ``start``: the offset of its first record."""

    epoch: int
    coordinator_epoch: int
    start: int


class Marks:
    """Asks through the client of a producer. Whatever passes is tried again: bound it in time.

    Raises KafkaError for what does not pass: a refusal, or a broker that does not know these requests.
    """

    def __init__(self, client: AIOKafkaClient) -> None:
        self._client = client

    async def last(self, transactional_id: str) -> Last | None:
        """How things stand with this id; None if the broker does not know it, so that it has written nothing."""

        async def ask() -> Last | None:
            node = await self._client.coordinator_lookup(CoordinationType.TRANSACTION, transactional_id)
            (answer,) = (await self._client.send(node, _Asked(_DescribeTransactionsRequest, [transactional_id]))).states
            code, _, state, _, _, producer_id, epoch, _, _ = answer
            if code == _NO_SUCH_ID:
                return None
            _check(code)
            return Last(state, producer_id, epoch)

        return await self._until_answered(ask)

    async def unstable(self, tps: Collection[TopicPartition]) -> list[TopicPartition]:
        """Those in which somebody's transaction is open; a partition that does not exist is none."""
        for topic in {tp.topic for tp in tps}:
            self._client.add_topic(topic)

        async def ask() -> list[TopicPartition]:
            await self._client.force_metadata_update()
            written = await self._ends(tps, isolation=0)
            stable = await self._ends(tps, isolation=1)  # asked later: it stands still while something is open
            return [tp for tp, end in written.items() if stable[tp] < end]

        return await self._until_answered(ask)

    async def undecided(self, tps: Collection[TopicPartition], producer_id: int) -> dict[TopicPartition, Undecided]:
        """The transactions that this producer has open in these partitions."""

        async def ask() -> dict[TopicPartition, Undecided]:
            found = {}
            for node, topics in self._by_leader(tps).items():
                listed = [(topic, numbers, _NO_TAGS) for topic, numbers in topics.items()]
                request = _Asked(_DescribeProducersRequest, listed)
                for topic, partitions, _ in (await self._client.send(node, request)).topics:
                    for number, code, _, producers, _ in partitions:
                        _check(code)
                        for who, epoch, _, _, coordinator_epoch, start, _ in producers:
                            if who == producer_id and start >= 0:
                                # A partition that was never marked does not know of any coordinator: -1.
                                one = Undecided(epoch, max(coordinator_epoch, 0), start)
                                found[TopicPartition(topic, number)] = one
            return found

        return await self._until_answered(ask)

    async def mark(self, tp: TopicPartition, producer_id: int, undecided: Undecided, *, commit: bool) -> None:
        """Ends it in this partition; what a coordinator has ended meanwhile stays as it is."""

        async def ask() -> None:
            ((node, topics),) = self._by_leader([tp]).items()
            topic = [(name, numbers, _NO_TAGS) for name, numbers in topics.items()]
            marker = (producer_id, undecided.epoch, commit, topic, undecided.coordinator_epoch, _NO_TAGS)
            for _, answered, _ in (await self._client.send(node, _Asked(_WriteMarkersRequest, [marker]))).markers:
                for _, partitions, _ in answered:
                    for _, code, _ in partitions:
                        if code != TransactionCoordinatorFenced.errno:  # one of a later epoch than known has marked it
                            _check(code)

        await self._until_answered(ask)

    async def _until_answered(self, ask: Callable[[], Awaitable[_T]]) -> _T:
        while True:
            try:
                return await ask()
            except KafkaError as error:
                if not error.retriable:
                    raise
                await look_again(self._client)

    async def _ends(self, tps: Collection[TopicPartition], isolation: int) -> dict[TopicPartition, int]:
        ends = {}
        for node, topics in self._by_leader(tps).items():
            wanted = [(topic, [(n, OffsetResetStrategy.LATEST) for n in numbers]) for topic, numbers in topics.items()]
            answer = await self._client.send(node, OffsetRequest(-1, isolation, wanted))
            for topic, partitions in answer.topics:
                for number, code, _, offset, *_ in partitions:
                    _check(code)
                    ends[TopicPartition(topic, number)] = offset
        return ends

    def _by_leader(self, tps: Collection[TopicPartition]) -> dict[int, dict[str, list[int]]]:
        """Node -> topic -> partitions."""
        found: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for tp in tps:
            known = self._client.cluster.partitions_for_topic(tp.topic)
            if known is None or tp.partition not in known:
                continue
            leader = self._client.cluster.leader_for_partition(tp)
            if leader is None or leader < 0:
                raise NotLeaderForPartitionError(f"{tp.topic}/{tp.partition} has no leader")
            found[leader][tp.topic].append(tp.partition)
        return found


def _check(code: int) -> None:
    if code == _NO_OFFSET_YET:
        raise NotLeaderForPartitionError
    if code:
        raise for_code(code)


# --- the requests, as Kafka's message definitions (clients/src/main/resources/common/message) give them ---------------

_TEXT: Final = CompactString("utf-8")
_TAGS: Final = ("tags", TaggedFields)


def _list(name: str, *fields: tuple[str, Any]) -> tuple[str, CompactArray]:
    return name, CompactArray(*fields, _TAGS)


_TOPICS: Final = _list("topics", ("name", _TEXT), ("partitions", CompactArray(Int32)))


class _DescribeProducersResponse(Response):  # type: ignore[misc]
    API_KEY, API_VERSION = 61, 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        _list(
            "topics",
            ("name", _TEXT),
            _list(
                "partitions",
                ("partition", Int32),
                ("error_code", Int16),
                ("error_message", _TEXT),
                _list(
                    "active_producers",
                    ("producer_id", Int64),
                    ("producer_epoch", Int32),
                    ("last_sequence", Int32),
                    ("last_timestamp", Int64),
                    ("coordinator_epoch", Int32),
                    ("current_txn_start_offset", Int64),
                ),
            ),
        ),
        _TAGS,
    )


class _DescribeProducersRequest(RequestStruct):  # type: ignore[misc]
    API_KEY, API_VERSION, FLEXIBLE_VERSION = 61, 0, True
    RESPONSE_TYPE = _DescribeProducersResponse
    SCHEMA = Schema(_TOPICS, _TAGS)


class _DescribeTransactionsResponse(Response):  # type: ignore[misc]
    API_KEY, API_VERSION = 65, 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        _list(
            "states",
            ("error_code", Int16),
            ("transactional_id", _TEXT),
            ("state", _TEXT),
            ("timeout_ms", Int32),
            ("start_time_ms", Int64),
            ("producer_id", Int64),
            ("producer_epoch", Int16),
            _TOPICS,
        ),
        _TAGS,
    )


class _DescribeTransactionsRequest(RequestStruct):  # type: ignore[misc]
    API_KEY, API_VERSION, FLEXIBLE_VERSION = 65, 0, True
    RESPONSE_TYPE = _DescribeTransactionsResponse
    SCHEMA = Schema(("transactional_ids", CompactArray(_TEXT)), _TAGS)


class _WriteMarkersResponse(Response):  # type: ignore[misc]
    API_KEY, API_VERSION = 27, 1
    SCHEMA = Schema(
        _list(
            "markers",
            ("producer_id", Int64),
            _list("topics", ("name", _TEXT), _list("partitions", ("partition", Int32), ("error_code", Int16))),
        ),
        _TAGS,
    )


class _WriteMarkersRequest(RequestStruct):  # type: ignore[misc]
    API_KEY, API_VERSION, FLEXIBLE_VERSION = 27, 1, True
    RESPONSE_TYPE = _WriteMarkersResponse
    SCHEMA = Schema(
        _list(
            "markers",
            ("producer_id", Int64),
            ("producer_epoch", Int16),
            ("committed", Boolean),
            _TOPICS,
            ("coordinator_epoch", Int32),
        ),
        _TAGS,
    )


class _Asked:
    """A request whose only field is a list, in the one version that is known here; what aiokafka calls a `Request`."""

    def __init__(self, struct: type[RequestStruct], listed: list[Any]) -> None:
        self._struct, self._listed = struct, listed

    def prepare(self, versions: Mapping[int, tuple[int, int]]) -> RequestStruct:
        supported(versions, self._struct.API_KEY, self._struct.API_VERSION, self._struct.__name__.strip("_"))
        return self._struct(self._listed, _NO_TAGS)
