"""Laws of folding batches: where they end, and where an owner begins anew, changes nothing of what comes out."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.fold import TICK, Output
from schemas import topics
from schemas.facts import CartFact
from streams import due
from streams.batch import Folding, keys_of
from streams.headers import dead_letter
from streams.inbox import Record
from streams.store import Store, open_store
from tests.streams.alarms import Alarms

KEYS = ("a", "b", "c")
SOON = st.integers(1, 40)


class Told(NamedTuple):
    """A record of the log."""

    key: bytes | None
    value: bytes | None
    offset: int = 0
    timestamp: int = 0
    headers: tuple[tuple[str, bytes | None], ...] = ()


def tick(at: int) -> Told:
    return Told(TICK, msgspec.json.encode(CartFact(kind="tick", store="", id="", fetched_at=at)))


def told(key: str, value: Any) -> Told:
    return Told(key.encode(), None if value is None else json.dumps(value).encode())


jams = st.sampled_from((False, False, True))
alarms = st.builds(lambda at, jams: {"at": at, "jams": jams}, st.none() | SOON, jams)
stumbles = st.sampled_from(("record", "bug")).map(lambda kind: {"bad": kind})
records = st.one_of(
    st.builds(told, st.sampled_from(KEYS), alarms | st.none() | stumbles),
    st.builds(tick, SOON),
    st.sampled_from((Told(None, b"{}"), Told(b"__position/x", b"{}"), Told(b"\0due/", b"{}"), Told(TICK, None))),
)
logs = st.lists(records, max_size=25).map(lambda log: [one._replace(offset=at) for at, one in enumerate(log)])


class Owning:
    """A store and who folds into it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.begin()

    def begin(self) -> None:
        """As after a restart: all that is known lies in the store."""
        self.folding = Folding(Alarms(), self.store, self._bury, ticking=True)
        self.folding.resume()

    @staticmethod
    def _bury(topic: str, record: Record, error: Exception) -> Output:
        return dead_letter("dead", topic, 0, record, error)

    def fold(self, log: Sequence[Record]) -> list[Output]:
        batch = [(topics.CART, list(log))]
        outputs, changes = self.folding.fold(batch, self.store.get(keys_of(batch)))
        self.store.write(changes, 0)
        return outputs

    def table(self) -> dict[bytes, bytes]:
        return {key: value for key, value in self.store.items() if not key.startswith(due.PRIVATE)}

    def entries(self) -> list[tuple[int, str]]:
        return [(when, key.decode()) for when, key in due.entries(self.store)]


@contextmanager
def owning() -> Iterator[Owning]:
    with TemporaryDirectory() as folder:
        yield Owning(open_store(str(Path(folder) / "store")))


@settings(max_examples=150)
@given(log=logs, data=st.data())
def test_batches_and_restarts_change_nothing(log: list[Told], data: st.DataObject) -> None:
    with owning() as one_by_one, owning() as other:
        expected = [output for record in log for output in one_by_one.fold([record])]
        found: list[Output] = []
        left = log
        while left:
            size = data.draw(st.integers(1, len(left)), label="records in the batch")
            found += other.fold(left[:size])
            left = left[size:]
            if data.draw(st.booleans(), label="a restart"):
                other.begin()
        assert found == expected
        assert other.table() == one_by_one.table()


@settings(max_examples=100)
@given(log=logs, last=SOON)
def test_corrections_leave_what_ticks_find_as_it_was(log: list[Told], last: int) -> None:
    with owning() as left_alone, owning() as corrected:
        for at, record in enumerate(log):
            assert corrected.fold([record]) == left_alone.fold([record])
            if (changes := corrected.folding.corrections(at)) is not None:
                corrected.store.write(changes, 0)
                assert not [when for when, _ in corrected.entries() if when <= at]
        assert corrected.fold([tick(last)]) == left_alone.fold([tick(last)])


def test_a_time_that_moves_on_costs_nothing_until_the_earlier_one_has_come() -> None:
    with owning() as one:
        one.fold([told("a", {"at": 50}), told("b", {"at": 60})])
        for later in range(51, 100):
            one.fold([told("a", {"at": later})])
        one.fold([told("b", None)])
        assert one.entries() == [(50, "a"), (60, "b")]
        assert one.folding.corrections(50) == [
            (due.entry(50, b"a"), None),
            (due.entry(99, b"a"), b""),
            (due.entry(60, b"b"), None),  # soon enough to be looked at with it
        ]
        assert one.folding.corrections(99) is None


def test_a_tick_moves_entries_of_states_that_are_not_due_yet() -> None:
    with owning() as one:
        one.fold([told("a", {"at": 50})])
        one.fold([told("a", {"at": 70})])
        assert one.fold([tick(55), told("a", {"bad": "bug"})])[0].topic == "dead"
        assert one.entries() == [(70, "a")]
        assert json.loads(one.table()[b"a"]) == {"at": 70, "jams": False, "rang": [], "seen": 2}
        assert [output.value for output in one.fold([tick(70)])] == [b"a rang at 70"]
        assert one.entries() == []


def test_a_state_that_could_not_take_its_tick_is_asked_again_after_its_next_record_only_and_once_a_tick() -> None:
    with owning() as one:
        one.fold([told("a", {"at": 10, "jams": True})])
        dead = one.fold([tick(10), tick(11), tick(12)])
        assert [(output.topic, output.key) for output in dead] == [("dead", b"a")]
        one.begin()
        assert one.fold([tick(13)]) == []
        one.fold([told("a", {"at": 10})])  # due as before
        assert one.entries() == [(10, "a")]
        assert [output.value for output in one.fold([tick(14)])] == [b"a rang at 14"]


def test_neither_a_record_that_fails_nor_an_entry_left_behind_asks_again_who_could_not_take_its_tick() -> None:
    with owning() as one:
        one.fold([told("a", {"at": 50, "jams": True})])
        one.fold([told("a", {"at": 10, "jams": True})])
        dead = one.fold([tick(10), told("a", {"bad": "bug"}), tick(11)])
        assert [output.value for output in dead] == [tick(10).value, b'{"bad": "bug"}']
        assert one.entries() == [(50, "a")]  # left behind when it moved to an earlier time
        assert one.folding.corrections(50) == [(due.entry(50, b"a"), None)]
        assert one.fold([tick(60)]) == []
        assert one.entries() == []
