"""Records of a transaction in batches: all of them, in order, numbered as a broker expects."""

from typing import Any

from aiokafka.record.default_records import DefaultRecordBatch
from hypothesis import given
from hypothesis import strategies as st

from connectors.kafka.batches import batches, builder

LIMIT = 200  # bytes of a batch
items = st.lists(
    st.tuples(
        st.none() | st.binary(max_size=20),
        st.none() | st.binary(max_size=2 * LIMIT),
        st.lists(st.tuples(st.text(max_size=5), st.binary(max_size=5)), max_size=2).map(tuple),
    ),
    max_size=30,
)


def new(sequence: int) -> Any:
    return builder(7, 3, sequence, LIMIT, transactional=True)


@given(items=items, first=st.sampled_from([0, 5, 2**31 - 3]))
def test_all_records_come_in_order_and_their_numbers_follow_each_other(items: Any, first: int) -> None:
    found, sequence = [], first
    for batch in batches(new, items, 1_000, first):
        read = DefaultRecordBatch(bytes(batch.data))
        assert read.validate_crc()
        assert (read.producer_id, read.producer_epoch, read.is_transactional) == (7, 3, True)
        assert read.base_sequence == sequence
        records = [(record.key, record.value, tuple(record.headers), record.timestamp) for record in read]
        assert len(records) == batch.records
        assert len(batch.data) <= LIMIT or batch.records == 1
        found += records
        sequence = (sequence + batch.records) % 2**31
        assert batch.following == sequence
    assert found == [(*item, 1_000) for item in items]
