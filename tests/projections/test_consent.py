"""Per purpose the newest statement of any source wins; Brevo's own opt-outs stand."""

from projections.consent import CARTS, NEWSLETTER, newest, stated, verdict
from schemas.inner import Decision, Statement

FIVE, SIX = "h1/subscriber:5", "h2/subscriber:6"


def says(
    *consents: str, at: int = 10, source: str = FIVE, withdrawn: int | None = None, gone: bool = False
) -> list[Decision]:
    statement = Statement(
        source=source, store="h1", at=at, consents=list(consents), withdrawn_at=withdrawn, gone=gone, live_since=5
    )
    return stated(statement)


def test_nobody_said_anything_is_neither_in_nor_out() -> None:
    assert verdict([], None, resubscribe=False) == (None, 0, None, False)


def test_a_named_purpose_is_in_and_the_others_say_nothing() -> None:
    assert verdict(says(NEWSLETTER), None, resubscribe=False) == (True, 10, None, False)


def test_a_record_without_consents_that_never_had_any_says_nothing() -> None:
    assert says() == []


def test_a_lost_opt_in_is_an_opt_out_of_what_is_not_named_any_more() -> None:
    said = says(CARTS, at=10, withdrawn=20)
    assert {(one.purpose, one.given, one.at) for one in said} == {(CARTS, True, 10), (NEWSLETTER, False, 20)}
    assert verdict(said, None, resubscribe=False) == (True, 10, True, False)


def test_out_everywhere_is_not_subscribed_since_the_last_opt_out() -> None:
    assert verdict(says(at=10, withdrawn=20), None, resubscribe=False) == (False, 20, False, False)


def test_the_newest_statement_of_any_source_wins() -> None:
    said = says(NEWSLETTER, at=30) + says(source=SIX, withdrawn=20)
    assert verdict(said, None, resubscribe=False).subscribed is True
    said = says(NEWSLETTER, at=10) + says(source=SIX, withdrawn=20)
    assert verdict(said, None, resubscribe=False).subscribed is False


def test_of_statements_of_one_moment_the_greater_source_id_wins() -> None:
    assert [one.source for one in newest(says(NEWSLETTER, at=20) + says(source=SIX, withdrawn=20))] == [SIX, SIX]
    one_source = says(NEWSLETTER, at=20) + says(withdrawn=20)
    assert verdict(one_source, None, resubscribe=False).subscribed is False


def test_a_record_that_left_takes_its_opt_ins_along_and_leaves_its_opt_outs() -> None:
    assert says(NEWSLETTER, CARTS, gone=True) == []
    assert [(one.purpose, one.given) for one in says(NEWSLETTER, withdrawn=20, gone=True)] == [(CARTS, False)]


def test_decisions_from_before_the_store_was_live_have_no_time() -> None:
    assert verdict(says(NEWSLETTER, at=4), None, resubscribe=False) == (True, 0, None, False)
    assert verdict(says(NEWSLETTER, at=5), None, resubscribe=False).decided_at == 5
    unknown = Statement(source=FIVE, store="h1", at=10, consents=[CARTS])
    assert verdict(stated(unknown), None, resubscribe=False) == (True, 0, True, False)


def test_brevos_own_opt_out_stands_against_an_earlier_and_a_later_opt_in() -> None:
    for at in (10, 30):
        assert verdict(says(NEWSLETTER, CARTS, at=at), 20, resubscribe=False) == (False, 20, True, True)


def test_with_resubscribe_only_a_later_opt_in_lifts_brevos_opt_out() -> None:
    assert verdict(says(NEWSLETTER, at=10), 20, resubscribe=True).subscribed is False
    assert verdict(says(NEWSLETTER, at=20), 20, resubscribe=True).subscribed is False
    assert verdict(says(NEWSLETTER, at=21), 20, resubscribe=True) == (True, 21, None, False)


def test_carts_ask_for_their_own_purpose_unless_told_otherwise() -> None:
    newsletter = verdict(says(NEWSLETTER), None, resubscribe=False)
    assert not newsletter.may_tell_of_carts(require_consent=True)
    assert newsletter.may_tell_of_carts(require_consent=False)
    unknown = verdict([], None, resubscribe=False)
    assert not unknown.may_tell_of_carts(require_consent=True)
    assert unknown.may_tell_of_carts(require_consent=False)
    out = verdict(says(withdrawn=20), None, resubscribe=False)
    assert not out.may_tell_of_carts(require_consent=False)


def test_brevos_opt_out_forbids_cart_messages_in_any_case() -> None:
    opted_out = verdict(says(CARTS, at=30), 20, resubscribe=False)
    assert not opted_out.may_tell_of_carts(require_consent=True)
    assert not opted_out.may_tell_of_carts(require_consent=False)
