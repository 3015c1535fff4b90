"""The requests of a transaction are written, and their answers read, as by the slower code of aiokafka."""

from io import BytesIO
from itertools import groupby
from operator import attrgetter
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import IncompatibleBrokerVersion
from aiokafka.protocol import produce, transaction
from hypothesis import given
from hypothesis import strategies as st

from connectors.kafka.requests import AddPartitionsToTxn, CommitTxn, Produce

int16, int32, int64 = (st.integers(-(1 << bits), (1 << bits) - 1) for bits in (15, 31, 63))
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
places = st.builds(TopicPartition, names, int32)
HEADER = b"\0\0\0\7"  # read before, by who knows the request
ANSWERS = {
    AddPartitionsToTxn: transaction.AddPartitionsToTxnResponse_v0,
    Produce: produce.ProduceResponse_v7,
    CommitTxn: transaction.EndTxnResponse_v0,
}


def by_topic(rows: dict[TopicPartition, tuple[Any, ...]]) -> list[tuple[str, list[tuple[Any, ...]]]]:
    ordered = sorted(rows, key=attrgetter("topic"))
    return [
        (topic, [(tp.partition, *rows[tp]) for tp in those]) for topic, those in groupby(ordered, attrgetter("topic"))
    ]


def read(kind: Any, *fields: Any) -> Any:
    data = BytesIO(HEADER + ANSWERS[kind](*fields).encode())
    data.seek(len(HEADER))
    return kind.decode(data)


@given(name=names, producer=int64, epoch=int16, tps=st.sets(places, max_size=6))
def test_partitions_are_added_as_aiokafka_adds_them(name: str, producer: int, epoch: int, tps: Any) -> None:
    ordered = sorted(tps)
    topics = [(topic, [row[0] for row in rows]) for topic, rows in by_topic(dict.fromkeys(ordered, ()))]
    theirs = transaction.AddPartitionsToTxnRequest(name, producer, epoch, topics).prepare({24: (0, 0)})
    assert AddPartitionsToTxn(name, producer, epoch, ordered).encode() == theirs.encode()


@given(name=st.none() | names, timeout=int32, batches=st.dictionaries(places, st.binary(max_size=20), max_size=6))
def test_batches_are_sent_as_aiokafka_sends_them(name: str | None, timeout: int, batches: Any) -> None:
    ordered = dict(sorted(batches.items()))
    topics = by_topic({tp: (batch,) for tp, batch in ordered.items()})
    theirs = produce.ProduceRequest(name, -1, timeout, topics).prepare({0: (0, 7)})
    assert type(theirs) is produce.ProduceRequest_v7
    sent = Produce(name, timeout, {tp: bytearray(batch) for tp, batch in ordered.items()})
    assert sent.encode() == theirs.encode()


@given(name=names, producer=int64, epoch=int16)
def test_a_transaction_is_committed_as_aiokafka_commits_it(name: str, producer: int, epoch: int) -> None:
    theirs = transaction.EndTxnRequest(name, producer, epoch, True).prepare({26: (0, 0)})
    assert CommitTxn(name, producer, epoch).encode() == theirs.encode()


@given(codes=st.dictionaries(places, int16, max_size=6), throttled=int32)
def test_each_partition_that_was_added_has_its_answer(codes: Any, throttled: int) -> None:
    assert read(AddPartitionsToTxn, throttled, by_topic({tp: (code,) for tp, code in codes.items()})) == codes


@given(
    told=st.dictionaries(places, st.tuples(int16, int64, int64, int64), max_size=6),
    throttled=int32,
)
def test_each_batch_has_its_answer(told: Any, throttled: int) -> None:
    assert read(Produce, by_topic(told), throttled) == {tp: row[:2] for tp, row in told.items()}


@given(code=int16, throttled=int32)
def test_a_commit_has_its_answer(code: int, throttled: int) -> None:
    assert read(CommitTxn, throttled, code) == code


@given(data=st.data())
def test_an_answer_that_is_cut_off_is_told_as_such(data: st.DataObject) -> None:
    at = {TopicPartition("topic", 1): (0,), TopicPartition("topic", 2): (3,)}
    written = {tp: (*row, 5, 6, 7) for tp, row in at.items()}
    kind, fields = data.draw(
        st.sampled_from(
            [(AddPartitionsToTxn, (1, by_topic(at))), (Produce, (by_topic(written), 1)), (CommitTxn, (1, 0))]
        )
    )
    whole: bytes = ANSWERS[kind](*fields).encode()
    needed = len(whole) - 4 if kind is Produce else len(whole)  # its throttle time comes last, and nobody reads it
    with pytest.raises(ValueError, match=f"This answer to {kind.__name__} is cut off"):
        kind.decode(BytesIO(whole[: data.draw(st.integers(0, needed - 1))]))


@pytest.mark.parametrize(
    ("request_", "key", "version"),
    [
        (AddPartitionsToTxn("id", 1, 1, []), 24, 0),
        (Produce("id", 1, {}), 0, 7),
        (CommitTxn("id", 1, 1), 26, 0),
    ],
)
def test_a_broker_that_does_not_know_a_request_is_not_asked(request_: Any, key: int, version: int) -> None:
    assert request_.prepare({key: (version, version + 3)}) is request_
    for versions in ({}, {key: (version + 1, version + 3)}, {key: (0, version - 1)}):
        with pytest.raises(IncompatibleBrokerVersion, match=f"does not know {type(request_).__name__}"):
            request_.prepare(versions)
