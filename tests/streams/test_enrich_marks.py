"""Dirty marks: when an entity is read, in which company, and that nothing of what made it dirty is forgotten."""

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from connectors.clock import SystemClock
from projections.fold import Output
from schemas.facts import Cause, StatusChange
from streams.enrich.marks import Marks
from streams.enrich.state import Changes, Mark, State
from streams.enrich.writer import Writer
from streams.store import Store, open_store


class Books:
    """A state whose commits go straight to the local store. ``hold``: commits wait while it is clear."""

    def __init__(self, folder: Path) -> None:
        self.store: Store = open_store(str(folder))
        self.commits: list[int] = []
        self.hold = asyncio.Event()
        self.hold.set()
        self.breaks = False
        self.writer = Writer(
            self.commit, self.store, SystemClock(), lambda work, name: asyncio.create_task(work, name=name)
        )
        self.state = State("store", self.writer)
        self.marks = Marks(self.state, 2_000)

    async def commit(
        self, outputs: Iterable[Output], changes: Iterable[tuple[bytes, bytes | None]], position: Mapping[str, int]
    ) -> None:
        await self.hold.wait()
        if self.breaks:
            raise ConnectionError("The broker is gone.")
        changed = list(changes)
        self.commits.append(len(changed))
        self.store.write(changed, len(self.commits))

    async def write(self, changes: Changes) -> None:
        await self.writer.write([], changes)

    def restored(self) -> Marks:
        """What a new owner would know."""
        return Marks(State("store", self.writer), 2_000)


@pytest.fixture
async def books(tmp_path: Path) -> Books:
    return Books(tmp_path / "store")


def cause(n: int) -> Cause:
    return Cause("store/order/updated", str(n), n)


async def test_an_entity_is_due_a_while_after_its_first_mark_whatever_follows(books: Books) -> None:
    for now in (0, 500, 1_900):
        books.marks.add("order", "7", now, cause=cause(now))
    assert books.marks.next_due("order") == 2_000
    assert books.marks.take("order", 1_999, 10) == []
    (wanted,) = books.marks.take("order", 2_000, 10)
    assert [each.hash for each in wanted.mark.causes] == ["0", "500", "1900"]
    assert books.marks.next_due("order") is None


async def test_marks_and_what_joined_them_while_they_were_read_survive_a_restart(books: Books) -> None:
    await books.write(books.marks.add("order", "7", 0, cause=cause(1), refunded=True))
    (wanted,) = books.marks.take("order", 2_000, 10)
    change = StatusChange("h", 2, 11, 2)
    await books.write(books.marks.add("order", "7", 2_001, cause=cause(2), change=change))
    (restored,) = books.restored().waiting("order")
    assert restored.mark == Mark(0, [cause(1), cause(2)], 2, [change], refunded=True)
    await books.write(books.marks.done(wanted))
    (restored,) = books.restored().waiting("order")
    assert restored.mark == Mark(2_001, [cause(2)], 1, [change])
    (second,) = books.marks.take("order", 5_000, 10)
    await books.write(books.marks.done(second))
    assert books.restored().count("order") == 0


async def test_what_is_being_read_is_not_read_again_before_that_has_ended(books: Books) -> None:
    """Else two readings of one entity might be written in the wrong order."""
    books.marks.add("order", "7", 0, cause=cause(1))
    (first,) = books.marks.take("order", 2_000, 10)
    books.marks.add("order", "7", 2_001, cause=cause(2))
    books.marks.add("order", "8", 2_002)
    assert [each.id for each in books.marks.take("order", 9_000, 10)] == ["8"]
    assert books.marks.next_due("order") is None
    books.marks.add("order", "7", 9_000, asked_due=0)  # somebody waits for it, which does not help
    assert books.marks.take("order", 9_000, 10) == []
    books.marks.done(first)
    assert books.marks.next_due("order") == 4_001
    (second,) = books.marks.take("order", 9_000, 10)
    assert second.mark.causes == [cause(2)]
    assert books.marks.take("order", 99_000, 10) == []


async def test_what_failed_is_one_with_what_came_meanwhile(books: Books) -> None:
    books.marks.add("order", "7", 0, cause=cause(1))
    (wanted,) = books.marks.take("order", 2_000, 10)
    books.marks.add("order", "7", 2_001, cause=cause(1))  # the same delivery again
    books.marks.add("order", "7", 2_002, cause=cause(2))
    books.marks.failed(wanted, 60_000)
    assert books.marks.take("order", 59_999, 10) == []
    (again,) = books.marks.take("order", 60_000, 10)
    assert (again.mark.causes, again.mark.causes_count, again.attempts) == ([cause(1), cause(2)], 2, 1)


async def test_what_fails_together_is_split_until_each_is_alone(books: Books) -> None:
    for n in range(250):
        books.marks.add("customer", str(n), 0)
    sizes, now = [], 2_000
    for _ in range(5):
        taken = books.marks.take("customer", now, 250)
        sizes.append(len(taken))
        now += 1_000
        for wanted in taken:
            books.marks.failed(wanted, now)
        for wanted in books.marks.waiting("customer"):
            wanted.attempts = max(each.attempts for each in taken)  # all have failed as often
    assert sizes == [250, 62, 15, 3, 1]


async def test_the_first_and_the_latest_causes_are_kept_and_all_are_counted(books: Books) -> None:
    for n in range(80):
        books.marks.add("cart", "c", 0, cause=cause(n))
    (wanted,) = books.marks.take("cart", 2_000, 1)
    hashes = [int(each.hash) for each in wanted.mark.causes]
    assert hashes == [*range(10), *range(40, 80)]
    assert wanted.mark.causes_count == 80


async def test_a_question_hurries_a_mark_but_not_before_its_time(books: Books) -> None:
    books.marks.add("cart", "now", 0, cause=cause(1))
    books.marks.add("cart", "now", 100, asked_due=50)
    books.marks.add("cart", "later", 100, asked_due=9_000)
    assert [wanted.id for wanted in books.marks.take("cart", 100, 10)] == ["now"]
    assert books.marks.take("cart", 8_999, 10) == []
    (later,) = books.marks.take("cart", 9_000, 10)
    assert (later.id, later.mark.asked_due) == ("later", 9_000)


async def test_a_page_is_told_what_was_marked_or_read_since_it_was_asked_for(books: Books) -> None:
    books.marks.add("customer", "before", 0)
    seen = books.marks.watch("customer")
    books.marks.add("customer", "marked", 0)
    books.marks.add("order", "other kind", 0)
    books.marks.take("customer", 2_000, 1)
    books.marks.unwatch(seen)
    books.marks.add("customer", "after", 0)
    assert seen == {"marked", "before"}


async def test_what_is_ready_while_a_commit_is_under_way_shares_the_next_one(books: Books) -> None:
    books.hold.clear()
    writes = [asyncio.create_task(books.write({b"store/%d" % n: b"x"})) for n in range(10)]
    await asyncio.sleep(0)
    assert books.writer.get([b"store/3"]) == {b"store/3": b"x"}  # as if it were committed
    books.hold.set()
    await asyncio.gather(*writes)
    assert books.commits in ([1, 9], [10])
    assert not books.writer.pending


async def test_after_a_failed_commit_nothing_more_is_written(books: Books) -> None:
    books.breaks = True
    with pytest.raises(ConnectionError):
        await books.write({b"store/a": b"1"})
    books.breaks = False
    with pytest.raises(ConnectionError):
        await books.write({b"store/b": b"2"})
    assert books.commits == []
