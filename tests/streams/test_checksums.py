"""Batches are checked as they are fetched: whatever is changed in one of them is found, and the others are read."""

from typing import Any

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from streams.engine_records import Fetched

CHECKSUM = 17  # where it begins; everything after it is checked
values = st.lists(st.binary(max_size=40), min_size=1, max_size=5)


def written(values: list[bytes], compression: int = 0) -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=compression, is_transactional=1, producer_id=7, producer_epoch=3, base_sequence=0,
        batch_size=1 << 20,
    )  # fmt: skip
    for offset, value in enumerate(values):
        builder.append(offset, 1_000, b"key", value, [("h", value)])
    return bytes(builder.build())


def legacy(value: bytes, magic: int) -> bytes:
    builder = LegacyRecordBatchBuilder(magic=magic, compression_type=0, batch_size=1 << 20)
    builder.append(0, 1_000, b"key", value)
    return bytes(builder.build())


def verdicts(records: Any) -> list[bool]:
    found = []
    while records.has_next():
        found.append(records.next_batch().validate_crc())
    return found


@given(batches=st.lists(values, min_size=1, max_size=4), compression=st.sampled_from([0, 1, 3]), data=st.data())
def test_what_was_changed_is_found_as_aiokafka_finds_it(
    batches: list[list[bytes]], compression: int, data: st.DataObject
) -> None:
    each = [bytearray(written(values, compression)) for values in batches]
    assert verdicts(Fetched(b"".join(each))) == [True] * len(each)
    spoilt = data.draw(st.integers(0, len(each) - 1))
    at = data.draw(st.integers(CHECKSUM, len(each[spoilt]) - 1))
    each[spoilt][at] ^= 1 << data.draw(st.integers(0, 7))
    expected = [number != spoilt for number in range(len(each))]
    assert verdicts(MemoryRecords(b"".join(each))) == expected
    assert verdicts(Fetched(b"".join(each))) == expected


@pytest.mark.parametrize("whole", [False, True])
@given(batches=st.lists(values, min_size=1, max_size=4))
def test_records_are_those_that_were_written(whole: bool, batches: list[list[bytes]]) -> None:
    data = b"".join(map(written, batches))
    fetched, found = Fetched(data), []
    fetched.whole = whole
    assert fetched.size_in_bytes() == len(data)
    while fetched.has_next():
        for one in fetched.next_batch():
            found += [record.value for record in one] if whole else [one.value]
    assert found == [value for values in batches for value in values]


@pytest.mark.parametrize("magic", [0, 1])
def test_messages_of_brokers_of_old_are_checked_too(magic: int) -> None:
    good, bad = legacy(b"value", magic), bytearray(legacy(b"value", magic))
    bad[-1] ^= 1
    assert verdicts(Fetched(good + bytes(bad) + good)) == [True, False, True]
