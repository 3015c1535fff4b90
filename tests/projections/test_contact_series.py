"""Cart series at the contact: consent, one at a time, and what was begun is ended."""

from typing import Any

from projections.consent import CARTS, NEWSLETTER
from projections.contacts import ContactsFold
from projections.fold import Input
from schemas.commands import SendEvent
from schemas.inner import ContactInput
from schemas.settings import CartSettings
from tests.projections.carts_made import DAY, HOUR, MINUTE, NOON, STORE, settings
from tests.projections.contacts_made import (
    ADA,
    CART,
    cart,
    commands,
    consent,
    contribution,
    event,
    events,
    guest,
    members,
    shapes,
    statement,
    to,
    upserts,
)
from tests.projections.running import Ran, run

GUEST = f"{STORE}/guest:{ADA}"
OTHER = "c0ffee00-0000-4000-8000-000000000002"
ABANDONED, RECOVERED = f"cart_abandoned:shop:{CART}:{NOON}", f"cart_recovered:shop:{CART}:{NOON}"
KNOWN = [contribution(), statement(CARTS)]
FIRST = cart("due", at=NOON + HOUR, step=1)


def folded(*messages: ContactInput | Input, carts: CartSettings | None = None, **store: Any) -> Ran:
    records = [message if isinstance(message, Input) else to(ADA, message) for message in messages]
    return run(ContactsFold(settings(carts=carts, **store)), records)


def lists(ran: Ran) -> list[bool]:
    """Whether each upsert has the contact in `abandoned_cart`."""
    return [one.lists["shop:abandoned_cart"] for one in upserts(ran)]


# --- what is announced ------------------------------------------------------------------------------------------------


def test_a_due_step_joins_the_list_and_sends_the_event_after_it() -> None:
    ran = folded(*KNOWN, cart("open", at=NOON), FIRST)
    assert events(ran) == [f"{ABANDONED}:1"]
    assert shapes(ran)[-2:] == [("contact", ADA), ("event", ADA)]
    assert lists(ran) == [False, False, True]


def test_each_step_is_announced_and_the_same_one_only_once() -> None:
    second = cart("due", at=NOON + DAY, step=2)
    assert events(folded(*KNOWN, FIRST, FIRST, second, FIRST, second)) == [f"{ABANDONED}:1", f"{ABANDONED}:2"]


def test_a_changed_cart_is_announced_from_the_first_step_again() -> None:
    again = cart("due", at=NOON + 3 * HOUR, changed=NOON + 2 * HOUR, step=1)
    assert events(folded(*KNOWN, FIRST, again)) == [f"{ABANDONED}:1", f"cart_abandoned:shop:{CART}:{NOON + 2 * HOUR}:1"]


def test_without_the_consent_for_carts_nothing_is_announced() -> None:
    for said in ([contribution()], [contribution(), statement(NEWSLETTER)], [*KNOWN, statement(withdrawn_at=NOON)]):
        ran = folded(*said, FIRST)
        assert (events(ran), members(ran)) == ([], {"all_customers"})


def test_without_required_consent_only_who_opted_out_is_spared() -> None:
    free = CartSettings(require_consent=False)
    assert events(folded(contribution(), FIRST, carts=free)) == [f"{ABANDONED}:1"]
    assert events(folded(contribution(), statement(withdrawn_at=NOON), FIRST, carts=free)) == []


def test_brevos_opt_out_forbids_it_always() -> None:
    free = CartSettings(require_consent=False)
    for carts in (None, free):
        assert events(folded(*KNOWN, consent(ADA, NOON), FIRST, carts=carts)) == []


def test_an_opt_out_that_only_the_fresh_look_saw_counts() -> None:
    assert events(folded(*KNOWN, cart("due", at=NOON + HOUR, step=1, consents=[]))) == []
    assert events(folded(*KNOWN, cart("due", at=NOON + HOUR, step=1, consents=[NEWSLETTER]))) == []


def test_an_opt_in_that_only_the_fresh_look_saw_counts() -> None:
    seen = cart("due", at=NOON + HOUR, step=1, consents=[CARTS], statement=statement(CARTS, at=NOON + MINUTE))
    ran = folded(contribution(), seen)
    assert (events(ran), members(ran)) == ([f"{ABANDONED}:1"], {"all_customers", "abandoned_cart"})
    assert upserts(ran)[-1].subscribed is True


def test_a_newer_opt_out_at_another_store_stands_against_the_fresh_look() -> None:
    elsewhere = statement(source="h2/subscriber:9", store="h2", withdrawn_at=NOON + 10 * MINUTE)
    seen = cart("due", at=NOON + HOUR, step=1, consents=[CARTS], statement=statement(CARTS, at=NOON))
    assert events(folded(contribution(), statement(CARTS), elsewhere, seen)) == []


def test_the_fresh_look_never_overrides_a_newer_word_of_the_same_record() -> None:
    seen = cart("due", at=NOON + HOUR, step=1, consents=[CARTS], statement=statement(CARTS, at=NOON))
    assert events(folded(contribution(), statement(withdrawn_at=NOON + MINUTE), seen)) == []


def test_who_is_no_contact_is_not_written_to() -> None:
    free = CartSettings(require_consent=False)
    due = cart("due", at=NOON + HOUR, step=1, source=GUEST)
    assert commands(folded(guest(known_orders=0), due, carts=free)) == []
    assert events(folded(guest(known_orders=1), due, carts=free)) == [f"{ABANDONED}:1"]


def test_a_deleted_customers_cart_is_not_announced_and_its_series_ends() -> None:
    gone = contribution(deleted=True, orders=1, known_orders=1)
    assert events(folded(*KNOWN, gone, FIRST)) == []
    assert members(folded(*KNOWN, FIRST, gone)) == {"buyers"}


# --- one at a time ----------------------------------------------------------------------------------------------------


def test_while_a_series_runs_another_cart_is_not_announced() -> None:
    other = cart("due", at=NOON + 2 * HOUR, step=1, cart_id=OTHER)
    assert events(folded(*KNOWN, FIRST, other)) == [f"{ABANDONED}:1"]


def test_the_other_cart_has_its_turn_when_the_first_has_ended() -> None:
    later = cart("due", at=NOON + DAY, step=2, cart_id=OTHER)
    for end in (cart("gone", at=NOON + 2 * HOUR), cart("converted", at=NOON + 2 * HOUR, event=None)):
        assert events(folded(*KNOWN, FIRST, end, later))[-1] == f"cart_abandoned:shop:{OTHER}:{NOON}:2"


def test_after_its_last_step_a_series_blocks_no_other_but_the_list_stays() -> None:
    other = cart("due", at=NOON + 4 * DAY, step=1, cart_id=OTHER)
    ran = folded(*KNOWN, cart("due", at=NOON + 3 * DAY, step=3, last=True), other)
    assert events(ran) == [f"{ABANDONED}:3", f"cart_abandoned:shop:{OTHER}:{NOON}:1"]
    gone = cart("gone", at=NOON + 5 * DAY, cart_id=OTHER)
    after = folded(*KNOWN, cart("due", at=NOON + 3 * DAY, step=3, last=True), other, gone)
    assert members(after) == {"all_customers", "abandoned_cart"}


# --- ends -------------------------------------------------------------------------------------------------------------


def test_an_order_ends_the_series_with_an_event_and_leaves_the_list_first() -> None:
    ran = folded(*KNOWN, FIRST, cart("converted", at=NOON + 2 * HOUR, step=1))
    assert events(ran) == [f"{ABANDONED}:1", RECOVERED]
    assert lists(ran)[-1] is False
    assert shapes(ran)[-2:] == [("contact", ADA), ("event", ADA)]


def test_the_recovery_names_the_step_that_this_contact_was_told() -> None:
    changed = NOON + 2 * HOUR
    ran = folded(
        *KNOWN,
        FIRST,
        cart("open", at=changed, changed=changed),
        cart("converted", at=NOON + DAY, changed=changed, step=2),
    )
    told = commands(ran)[-1]
    assert isinstance(told, SendEvent)
    assert told.id == RECOVERED
    assert (told.properties["tajo_id"], told.properties["step"]) == (RECOVERED, 1)


def test_an_order_of_a_cart_that_was_not_announced_recovers_nothing() -> None:
    assert events(folded(*KNOWN, cart("converted", at=NOON + HOUR, step=1))) == []


def test_a_recovery_is_told_once_and_only_to_who_may_be_written_to() -> None:
    order = cart("converted", at=NOON + 2 * HOUR, step=1)
    assert events(folded(*KNOWN, FIRST, order, order)) == [f"{ABANDONED}:1", RECOVERED]
    assert events(folded(*KNOWN, FIRST, consent(ADA, NOON + HOUR), order)) == [f"{ABANDONED}:1"]


def test_a_cart_that_is_gone_leaves_the_list_silently() -> None:
    ran = folded(*KNOWN, FIRST, cart("gone", at=NOON + 2 * HOUR))
    assert (events(ran), lists(ran)[-1]) == ([f"{ABANDONED}:1"], False)


def test_an_opt_out_leaves_the_list_silently() -> None:
    for out in (statement(withdrawn_at=NOON + 2 * HOUR), statement(NEWSLETTER, withdrawn_at=NOON + 2 * HOUR)):
        ran = folded(*KNOWN, FIRST, out)
        assert (events(ran), lists(ran)[-1]) == ([f"{ABANDONED}:1"], False)
    assert lists(folded(*KNOWN, FIRST, consent(ADA, NOON + HOUR)))[-1] is False


def test_a_cart_taken_over_by_a_login_goes_on_whichever_customer_is_heard_first() -> None:
    both = [contribution(), guest(), statement(CARTS)]
    first = cart("due", at=NOON + HOUR, step=1, source=GUEST)
    login = NOON + 2 * HOUR
    gone, opened = cart("gone", at=login, source=GUEST), cart("open", at=login)
    order = cart("converted", at=NOON + 3 * HOUR, step=1)
    for handed in ([gone, opened], [opened, gone]):
        ran = folded(*both, first, *handed)
        assert members(ran) == {"all_customers", "abandoned_cart"}
        assert events(folded(*both, first, *handed, order)) == [f"{ABANDONED}:1", RECOVERED]


def test_an_old_word_of_who_had_the_cart_before_does_not_take_it_back() -> None:
    both = [contribution(), guest(), statement(CARTS)]
    before, after = cart("open", at=NOON, source=GUEST), cart("gone", at=NOON + HOUR, source=GUEST)
    ran = folded(*both, cart("due", at=NOON + 2 * HOUR, step=1), before, after)
    assert members(ran) == {"all_customers", "abandoned_cart"}


def test_an_order_heard_of_after_the_cart_was_gone_is_still_a_recovery() -> None:
    ran = folded(*KNOWN, FIRST, cart("gone", at=NOON + 2 * HOUR), cart("converted", at=NOON + 2 * HOUR, step=1))
    assert events(ran) == [f"{ABANDONED}:1", RECOVERED]


def test_created_and_updated_go_only_to_who_may_be_written_to() -> None:
    created = cart("open", at=NOON, event=event(f"cart_created:shop:{CART}"))
    assert events(folded(*KNOWN, created)) == [f"cart_created:shop:{CART}"]
    assert events(folded(contribution(), created)) == []


def test_an_ended_cart_is_forgotten_after_a_month() -> None:
    over = [*KNOWN, FIRST, cart("gone", at=NOON + 2 * HOUR)]
    later = cart("open", at=NOON + 40 * DAY, cart_id=OTHER)
    fold = ContactsFold(settings())
    ran = run(fold, [to(ADA, message) for message in [*over, later]])
    assert fold.load(b"", ran.states[f"main/{ADA}".encode()]).carts == {}


def test_lists_of_a_channel_follow_the_carts_of_that_channel() -> None:
    channels = {"1": ("abandoned_cart",), "2": ("abandoned_cart",)}
    ran = folded(*KNOWN, cart("due", at=NOON + HOUR, step=1, channel=2), lists=(), channel_lists=channels)
    assert upserts(ran)[-1].lists == {"shop:1:abandoned_cart": False, "shop:2:abandoned_cart": True}
