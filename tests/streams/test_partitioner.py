"""A key's partition is the one where every other Kafka client looks for it."""

from aiokafka.partitioner import DefaultPartitioner
from aiokafka.partitioner import murmur2 as theirs
from hypothesis import given
from hypothesis import strategies as st

from streams.partitioner import murmur2, partition_of

KEYS = st.binary(max_size=70)


@given(KEYS)
def test_murmur2_is_the_one_of_the_clients(data: bytes) -> None:
    assert murmur2(data) == theirs(data) & 0xFFFFFFFF


@given(KEYS, st.integers(1, 64))
def test_a_key_lies_where_the_default_partitioner_puts_it(key: bytes, count: int) -> None:
    numbers = list(range(count))
    assert partition_of(key, count) == DefaultPartitioner()(key, numbers, numbers)
