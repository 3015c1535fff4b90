"""The fold `orders`: the rules of the contract with Brevo that concern orders, one example each."""

from typing import Any

import msgspec
import pytest

from projections.fold import Input, Output
from projections.orders import OrdersFold
from schemas import topics
from schemas.commands import PutOrder
from schemas.errors import BadRecord
from schemas.inner import OrderPapers, OrderPart
from tests.projections.orders_made import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    billing,
    events,
    ids,
    order,
    order_fact,
    settings,
    to_customers,
    written,
)
from tests.projections.running import Ran, run

PLACED = "order_placed:shop:100"
CHANGED = "order_status_changed:shop:100"


def folded(*records: Input, account: dict[str, Any] | None = None, **store: Any) -> Ran:
    return run(OrdersFold(settings(account, **store)), records)


def parts(outputs: list[Output]) -> list[tuple[str, OrderPart]]:
    return [(key, message) for key, message in to_customers(outputs) if isinstance(message, OrderPart)]


def records(outputs: list[Output]) -> list[PutOrder]:
    papers = [message for _, message in to_customers(outputs) if isinstance(message, OrderPapers)]
    return [written(message.record) for message in papers if message.record]


# --- what it contributes ----------------------------------------------------------------------------------------------


def test_an_order_contributes_to_its_customer() -> None:
    [(key, part)] = parts(folded(order_fact(order())).outputs)
    assert key == "h1/7"
    assert part == OrderPart(
        order_id=100,
        present=True,
        created_at=NOON,
        modified_at=NOON,
        counted=True,
        currency="USD",
        net=698_400,
        reporting=698_400,
        email="ada@example.com",
    )


def test_a_guest_order_contributes_to_its_email_with_a_profile() -> None:
    [(key, part)] = parts(folded(order_fact(order(customer=0))).outputs)
    assert key == "h1/guest:ada@example.com"
    assert part.guest is not None
    assert (part.guest.attributes["CITY"], part.guest.phone) == ("Austin", "+15125550143")


def test_an_order_that_moves_to_an_account_leaves_the_guest_and_takes_its_record_along() -> None:
    moved = order(customer=7, modified=NOON + HOUR)
    ran = folded(order_fact(order(customer=0)), order_fact(moved, fetched=NOON + HOUR))
    assert [(key, part.present) for key, part in parts(ran.outputs)] == [
        ("h1/guest:ada@example.com", True),
        ("h1/guest:ada@example.com", False),
        ("h1/7", True),
    ]
    assert [key for key, message in to_customers(ran.outputs) if isinstance(message, OrderPapers)] == [
        "h1/guest:ada@example.com",
        "h1/7",
    ]
    assert len(records(ran.outputs)) == 2


def test_a_guest_order_with_a_corrected_email_moves_to_that_guest() -> None:
    corrected = order(customer=0, billing_address=billing(email="ada@new.org"), modified=NOON + HOUR)
    ran = folded(order_fact(order(customer=0)), order_fact(corrected, fetched=NOON + HOUR))
    assert [(key, part.present) for key, part in parts(ran.outputs)][1:] == [
        ("h1/guest:ada@example.com", False),
        ("h1/guest:ada@new.org", True),
    ]


def test_an_incomplete_order_says_nothing_and_takes_back_what_it_said() -> None:
    assert folded(order_fact(order(0))).outputs == []
    ran = folded(order_fact(order()), order_fact(order(0, modified=NOON + HOUR), fetched=NOON + HOUR))
    assert [part.present for _, part in parts(ran.outputs)] == [True, False]
    assert len(ids(ran.outputs)) == 1


def test_a_deleted_order_takes_back_what_it_said_and_leaves_the_table() -> None:
    ran = folded(order_fact(order()), Input(topics.ORDER, b"h1/100", None, NOON + HOUR))
    assert parts(ran.outputs)[-1] == ("h1/7", OrderPart(order_id=100, present=False, modified_at=NOON + HOUR))
    assert ran.states == {}


def test_a_guest_order_without_a_valid_email_counts_for_nobody_until_it_has_one() -> None:
    unknown = order(customer=0, billing_address=billing(email="none"))
    ran = folded(order_fact(unknown))
    assert ran.outputs == []
    assert list(ran.states) == [b"h1/100"]
    ran = folded(order_fact(unknown), order_fact(order(customer=0, modified=NOON + HOUR), fetched=NOON + HOUR))
    assert [key for key, _ in parts(ran.outputs)] == ["h1/guest:ada@example.com"]
    assert ids(ran.outputs) == [PLACED]


def test_a_registered_customers_order_counts_without_a_billing_email() -> None:
    [(key, part)] = parts(folded(order_fact(order(billing_address=billing(email="")))).outputs)
    assert (key, part.email, part.counted) == ("h1/7", "", True)


def test_an_older_fetch_never_overwrites_a_newer_one() -> None:
    newer = order_fact(order(10, total_inc_tax="50.00", modified=NOON + HOUR), fetched=NOON + HOUR)
    ran = folded(newer, order_fact(order()))
    assert [part.net for _, part in parts(ran.outputs)] == [500_000]
    assert ran.states == folded(newer).states


def test_the_pair_of_an_older_fetch_is_told_all_the_same() -> None:
    newer = order_fact(order(10, modified=NOON + HOUR), fetched=NOON + HOUR)
    older = order_fact(order(2), fetched=NOON + 2 * MINUTE, pairs=[("a", NOON + MINUTE, 11, 2)])
    ran = folded(newer, older)
    assert ids(ran.outputs) == [PLACED, f"{CHANGED}:a"]
    assert len(parts(ran.outputs)) == 1


def test_an_opt_in_at_checkout_counts_when_configured() -> None:
    fact = order_fact(order(is_email_opt_in=True))
    assert parts(folded(fact).outputs)[0][1].opted_in_at is None
    part = parts(folded(fact, order_opt_in=True).outputs)[0][1]
    assert (part.opted_in_at, part.opted_in_live) == (NOON, True)


# --- money ------------------------------------------------------------------------------------------------------------


def test_refunds_and_cancellation_reduce_what_is_left() -> None:
    later: dict[str, Any] = {"fetched": NOON + HOUR, "refunds": [(1, NOON + HOUR, "20.00"), (2, NOON + HOUR, 0.34)]}
    ran = folded(
        order_fact(order()),
        order_fact(order(14, modified=NOON + HOUR), **later),
        order_fact(order(5, modified=NOON + DAY), fetched=NOON + DAY),
    )
    assert [(part.counted, part.net) for _, part in parts(ran.outputs)] == [
        (True, 698_400),
        (True, 495_000),
        (False, 0),
    ]
    assert [(record.status, record.amount) for record in records(ran.outputs)] == [
        ("Awaiting Fulfillment", 69.84),
        ("Partially Refunded", 49.5),
        ("Cancelled", 0),
    ]


def test_an_archived_order_keeps_what_it_was() -> None:
    archived = order(is_deleted=True, modified=NOON + HOUR)
    ran = folded(order_fact(order()), order_fact(archived, fetched=NOON + HOUR))
    assert [(part.present, part.counted, part.net) for _, part in parts(ran.outputs)] == [(True, True, 698_400)] * 2


PAID_IN_EUROS: dict[str, Any] = {
    "currency_code": "CHF",
    "default_currency_code": "EUR",
    "store_default_currency_code": "USD",
    "store_default_to_transactional_exchange_rate": "0.9000000000",
}


def test_what_was_paid_in_another_currency_is_divided_by_the_stores_rate_and_rounded_once() -> None:
    ran = folded(order_fact(order(**PAID_IN_EUROS)))
    [(_, part)] = parts(ran.outputs)
    assert (part.currency, part.net, part.reporting) == ("EUR", 698_400, 776_000)
    [record] = records(ran.outputs)
    assert (record.amount, record.products[0].price) == (77.6, 38.8)
    assert record.meta["total"] == "69.84"
    assert (record.meta["currency"], record.meta["reporting_currency"]) == ("EUR", "USD")
    [event] = events(ran.outputs)
    assert (event.properties["total"], event.properties["currency"]) == (69.84, "EUR")
    assert event.properties["total_reporting"] == 77.6


@pytest.mark.parametrize("rate", ["", "1", "1.0000000000"])
def test_an_absent_rate_is_one(rate: str) -> None:
    [(_, part)] = parts(folded(order_fact(order(store_default_to_transactional_exchange_rate=rate))).outputs)
    assert part.reporting == 698_400


def test_an_account_in_another_currency_takes_its_configured_rate_before_the_only_rounding() -> None:
    account = {"currency": "GBP", "rates": {"USD": "0.8333"}}
    ran = folded(order_fact(order(**PAID_IN_EUROS)), account=account)
    assert parts(ran.outputs)[0][1].reporting == 646_600  # 69.84 / 0.9 * 0.8333 = 64.664
    assert records(ran.outputs)[0].meta["reporting_currency"] == "GBP"
    odd = order(total_inc_tax="0.01", store_default_to_transactional_exchange_rate="3")
    ran = folded(order_fact(odd), account={"currency": "JPY", "rates": {"USD": "150"}})
    assert parts(ran.outputs)[0][1].reporting == 0  # half a yen, to even; 0.00 dollars after a first rounding, too
    ran = folded(order_fact(odd), account={"currency": "JPY", "rates": {"USD": "450"}})
    assert parts(ran.outputs)[0][1].reporting == 20_000  # 1.5 yen: rounding to cents first would have made it 0


def test_without_a_rate_the_record_keeps_the_stores_currency_and_the_account_total_is_unknown() -> None:
    ran = folded(order_fact(order(**PAID_IN_EUROS)), account={"currency": "GBP"})
    [(_, part)] = parts(ran.outputs)
    assert (part.currency, part.net, part.reporting) == ("EUR", 698_400, None)
    [record] = records(ran.outputs)
    assert (record.amount, record.meta["reporting_currency"]) == (77.6, "USD")
    assert "total_reporting" not in events(ran.outputs)[0].properties


# --- records ----------------------------------------------------------------------------------------------------------


def test_a_record_has_what_brevo_takes() -> None:
    [record] = records(folded(order_fact(order(payment_method="Visa")), channels={"1": "main site"}).outputs)
    assert (record.id, record.order_id, record.store_id) == ("order:shop:100", "shop:100", "shop")
    assert (record.created_at, record.updated_at, record.email) == (NOON, NOON, "")
    assert record.billing == {
        "address": "1 Main St",
        "city": "Austin",
        "country": "United States",
        "countryCode": "US",
        "phone": "512-555-0143",
        "postCode": "78701",
        "region": "Texas",
        "paymentMethod": "Visa",
    }
    [product] = record.products
    assert (product.product_id, product.variant_id, product.quantity, product.price) == (
        "shop:12",
        "shop:12-77",
        2,
        34.92,
    )
    assert (record.meta["channel"], record.meta["status_id"]) == ("main site", 11)


def test_every_order_but_an_incomplete_one_has_a_record() -> None:
    with_record = [status for status in range(15) if records(folded(order_fact(order(status))).outputs)]
    assert with_record == list(range(1, 15))


def test_a_record_is_told_again_only_when_it_differs() -> None:
    touched = order_fact(order(modified=NOON + HOUR), fetched=NOON + HOUR)
    ran = folded(order_fact(order()), touched, order_fact(order(2, modified=NOON + DAY), fetched=NOON + DAY))
    assert [record.status for record in records(ran.outputs)] == ["Awaiting Fulfillment", "Shipped"]


def test_records_of_orders_from_before_the_store_went_live_are_historical() -> None:
    assert records(folded(order_fact(order(), live=NOON + 1)).outputs)[0].historical
    assert records(folded(order_fact(order(), live=None)).outputs)[0].historical
    assert not records(folded(order_fact(order(), live=NOON)).outputs)[0].historical


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"total_inc_tax": "much"}, "total_inc_tax of order 100: 'much' is not an amount"),
        ({"store_default_to_transactional_exchange_rate": "0.0"}, "is '0.0', where a positive number was expected"),
        ({"store_default_to_transactional_exchange_rate": "x"}, "is 'x', where a positive number was expected"),
        ({"date_created": "soon"}, "'soon' is neither RFC 2822 nor ISO 8601"),
        ({"status_id": "11"}, "Expected `int`, got `str`"),
    ],
)
def test_what_cannot_be_read_is_a_bad_record(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(BadRecord, match=message):
        folded(order_fact({**order(), **fields}))


def test_an_order_of_a_store_that_is_not_configured_is_a_bad_record() -> None:
    fact = order_fact(order())
    assert fact.value is not None
    with pytest.raises(BadRecord, match="Order 100 is of store 'h2', which is not configured"):
        folded(msgspec.structs.replace(fact, value=fact.value.replace(b'"h1"', b'"h2"')))
