"""Fetches are written and read as aiokafka's own, slower code writes and reads them."""

from io import BytesIO
from typing import Any

import pytest
from aiokafka.protocol.fetch import FetchRequest, FetchRequest_v11, FetchResponse_v11
from aiokafka.protocol.struct import Struct
from hypothesis import given
from hypothesis import strategies as st

from streams import engine_fetches

int16, int32, int64 = (st.integers(-(1 << bits), (1 << bits) - 1) for bits in (15, 31, 63))
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
asked = st.lists(st.tuples(names, st.lists(st.tuples(int32, int64, int32), max_size=4)), max_size=4)
aborted = st.none() | st.lists(st.tuples(int64, int64), max_size=3)
records = st.none() | st.binary(max_size=30)
answered = st.tuples(int32, int16, int64, int64, int64, aborted, int32, records)
answers = st.builds(
    FetchResponse_v11, int32, int16, int32, st.lists(st.tuples(names, st.lists(answered, max_size=4)), max_size=4)
)
HEADER = b"\0\0\0\7"  # read before, by who knows the request


def request(topics: Any, rack: str = "") -> Any:
    return FetchRequest(500, 1, 50 << 20, 1, topics, rack_id=rack).prepare({1: (0, 11)})


@given(topics=asked, rack=names)
def test_a_fetch_is_written_as_aiokafka_writes_it(topics: Any, rack: str) -> None:
    made = request(topics, rack)
    assert type(made) is FetchRequest_v11
    assert made.encode() == Struct.encode(made)


@given(answer=answers)
def test_an_answer_is_read_as_it_was_written(answer: Any) -> None:
    data = BytesIO(HEADER + answer.encode())
    data.seek(len(HEADER))
    assert FetchResponse_v11.decode(data) == answer


@given(answer=answers, data=st.data())
def test_an_answer_that_is_cut_off_is_told_as_such(answer: Any, data: st.DataObject) -> None:
    whole = answer.encode()
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ValueError, match="cut off"):
        FetchResponse_v11.decode(BytesIO(whole[:cut]))


def test_what_cannot_be_written_is_told() -> None:
    with pytest.raises(ValueError, match="cannot be written"):
        request([("topic", [(1, 1 << 63, 1)])]).encode()
    forgetting = request([])
    forgetting.forgotten_topics_data = [("topic", [1])]
    with pytest.raises(ValueError, match="forgets no topics"):
        forgetting.encode()


def test_the_places_are_taken_in_the_newest_version_that_aiokafka_speaks() -> None:
    assert FetchRequest_v11.encode is engine_fetches.written
    assert FetchResponse_v11.decode is engine_fetches.read
    assert type(FetchRequest(1, 1, 1, 1, []).prepare({1: (0, 99)})) is FetchRequest_v11
