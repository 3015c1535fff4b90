"""The receive path against inputs nobody thought of: a small part of what `make fuzz` does."""

import os
import random
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz import judged
from tests.fuzz.wire import Wire

EXAMPLES = int(os.environ.get("TAJO_FUZZ_EXAMPLES", "1000"))
QUICK = settings(max_examples=max(EXAMPLES // 2, 1), deadline=None, suppress_health_check=list(HealthCheck))
noise = st.binary(max_size=300)


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    wire = Wire()
    yield wire
    wire.close()


@QUICK
@given(noise)
def test_a_delivery_is_accepted_only_with_the_secret_and_no_bad_signature(data: bytes) -> None:
    judged.check(data)


@QUICK
@given(noise)
def test_no_bytes_on_a_connection_are_answered_500_or_accepted_without_the_secret(wire: Wire, data: bytes) -> None:
    wire.check(data)


def test_the_inputs_reach_every_outcome() -> None:
    """Else the tests above would say little."""
    wire = Wire()  # with an empty spool
    dice = random.Random(1)
    found = Counter(judged.check(dice.randbytes(400)) for _ in range(3_000))
    assert min(found[outcome] for outcome in ("accepted", "dead-letter", "untrusted")) > 100
    statuses = Counter(
        status
        for shape in range(64, 256)
        for cut in (0, 200)
        for status in wire.check(bytes([shape, cut, 255]) + bytes(shape & 7))  # as much noise as is taken out
    )
    assert min(statuses[status] for status in (200, 401)) > 100
    wire.close()
