"""A key's partition is the one where every other Kafka client looks for it."""

import pytest
from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from streams.partitioner import partition_of


@given(st.binary(max_size=70), st.integers(1, 1000))
def test_a_key_lies_where_the_default_partitioner_puts_it(key: bytes, count: int) -> None:
    numbers = list(range(count))
    assert partition_of(key, count) == DefaultPartitioner()(key, numbers, numbers)


@pytest.mark.parametrize(
    ("key", "hashed"),  # org.apache.kafka.common.utils.UtilsTest.testMurmur2, of Kafka 4.3.1
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_a_key_lies_where_the_java_client_puts_it(key: bytes, hashed: int) -> None:
    assert partition_of(key, 1 << 20) == (hashed & 0x7FFFFFFF) % (1 << 20)


def test_a_record_without_a_key_belongs_with_the_empty_key() -> None:
    assert partition_of(None, 32) == partition_of(b"", 32)
