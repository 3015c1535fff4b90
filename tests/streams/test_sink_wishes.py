"""What is to be said of a contact: list keys that mean one list, and what an import leaves unsaid."""

from hypothesis import given
from hypothesis import strategies as st

from streams.sink.known import KnownContact
from streams.sink.wishes import by_id, wish
from tests.streams.sink_stand import LISTS, upsert

ANN = "ann@shop.test"
BOTH = ("shop:buyers", "outlet:buyers")

members = st.dictionaries(st.sampled_from([*LISTS, "unknown"]), st.booleans())


@given(members)
def test_who_is_in_one_of_the_keys_of_a_list_is_in_the_list(lists: dict[str, bool]) -> None:
    found = by_id(lists, LISTS)
    assert found.keys() == {LISTS[key] for key in lists if key in LISTS}
    for number, member in found.items():
        assert member is any(lists[key] for key in lists if LISTS.get(key) == number)


def test_a_store_does_not_take_a_contact_out_of_the_list_of_another() -> None:
    for first, second in ((True, False), (False, True)):
        told = upsert(ANN, lists=dict(zip(BOTH, (first, second), strict=True)))
        new = wish([told], None, LISTS)
        assert (new.link, new.unlink, new.lists) == ([41], [], {41: True})
        again = wish([told], KnownContact(lists={41: True}, attributes=new.after_creation(0).attributes), LISTS)
        assert not again.reasons


def test_a_contact_leaves_the_list_when_no_store_has_it_there() -> None:
    left = wish([upsert(ANN, lists=dict.fromkeys(BOTH, False))], KnownContact(lists={41: True}), LISTS)
    assert (left.link, left.unlink) == ([], [41])


def test_moving_from_one_stores_buyers_to_anothers_is_no_change_of_the_list() -> None:
    moved = [upsert(ANN, lists=dict(zip(BOTH, one, strict=True))) for one in ((True, False), (False, True))]
    found = wish(moved, KnownContact(lists={41: True}), LISTS)
    assert (found.link, found.unlink) == ([], [])


def test_an_import_leaves_booleans_unsaid() -> None:
    found = wish([upsert(ANN, attributes={"NAME": "Ann", "YES": True, "NO": False})], None, LISTS)
    assert found.importable == {"NAME": "Ann"}
    after = found.after_import(None, {40: True}, 0)
    assert after.attributes.keys() == {"NAME"}
    assert found.is_left_by_import(after)
    assert not found.is_left_by_import(found.after_creation(0))
