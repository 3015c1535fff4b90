"""The past of the shop: real purchases, made-up people."""

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import phonenumbers
import pytest

from emulators import cdnow
from emulators.bigcommerce import Store
from emulators.clock import StandingClock
from emulators.shoppers.people import country_of, email_of, person, phone_of

DAY = 86_400_000


def plain(name: str) -> list[tuple[int, str, Decimal]]:
    """Customer, day and dollars of each line, read without the code under test."""
    lines = [line.split() for line in Path(cdnow.data_file(name)).read_text(encoding="ascii").splitlines()]
    return [(int(line[0]), line[-3], Decimal(line[-1])) for line in lines if line[0].isdigit()]


@pytest.mark.parametrize(
    ("full", "name", "customers", "orders"),
    [
        (False, cdnow.SAMPLE, 2_357, 6_919),
        (True, cdnow.MASTER, 23_570, 69_659),
    ],
)
def test_all_purchases_of_the_file_are_read(full: bool, name: str, customers: int, orders: int) -> None:
    purchases = cdnow.purchases(full=full)
    lines = plain(name)
    assert (len(purchases), len({each.customer_id for each in purchases})) == (orders, customers)
    assert Counter((each.customer_id, each.dollars) for each in purchases) == Counter((c, d) for c, _, d in lines)
    assert sum(each.dollars == 0 for each in purchases) == sum(dollars == 0 for *_, dollars in lines) > 0
    assert [each.at for each in purchases] == sorted(each.at for each in purchases)
    assert purchases[-1].at < cdnow.END


def test_a_file_that_is_not_there_is_told_with_the_cure() -> None:
    with pytest.raises(cdnow.NoPurchases, match=r"NOTHING\.txt is not in the package 'lifetimes'.*pip install"):
        cdnow.data_file("NOTHING.txt")


@pytest.fixture(scope="module")
def store() -> Store:
    store = Store(StandingClock(cdnow.END))
    cdnow.fill(store)
    return store


def test_totals_and_first_purchases_are_those_of_the_file(store: Store) -> None:
    spent: dict[int, Decimal] = {}
    first: dict[int, str] = {}
    for customer_id, day, dollars in plain(cdnow.SAMPLE):
        spent[customer_id] = spent.get(customer_id, Decimal(0)) + dollars
        first[customer_id] = min(day, first.get(customer_id, day))
    for customer in store.customers.table:
        orders = [store.orders.get(order_id) for order_id in store.orders.of_customer(customer.id)]
        assert sum((order.total for order in orders), Decimal(0)) == spent.pop(customer.id)
        assert customer.date_created // DAY == min(order.date_created for order in orders) // DAY
        assert _day(customer.date_created) == first[customer.id]
        assert {order.email for order in orders} == {customer.email}
    assert not spent


def _day(ms: int) -> str:
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y%m%d")


def test_lines_add_up_to_the_order_in_whole_pieces(store: Store) -> None:
    purchases = cdnow.purchases()
    for order, purchase in zip(store.orders.table, purchases, strict=True):
        assert order.total == purchase.dollars
        assert sum(line.quantity for line in order.lines) == purchase.quantity
        assert all(
            line.quantity > 0 and store.catalogue.variant(line.product_id, line.variant_id) for line in order.lines
        )
    assert {order.status_id for order in store.orders.table} == {2, 10}


def test_the_catalogue_has_sixty_products_in_eight_categories_with_all_kinds_of_stock(store: Store) -> None:
    products = list(store.catalogue.products)
    assert (len(products), len(store.catalogue.categories)) == (60, 8)
    assert {category for product in products for category in product.categories} == set(range(1, 9))
    assert {product.tracking for product in products} == {"none", "product", "variant"}
    assert len({variant.sku for product in products for variant in product.variants}) == 120
    assert any(product.sale_price for product in products)


def test_people_are_unique_and_always_the_same() -> None:
    numbers = [*range(1, 24_000), *range(500_000, 500_500)]
    assert len({email_of(number) for number in numbers}) == len(numbers)
    assert len({email_of(number, 1) for number in numbers} | {email_of(number) for number in numbers}) == 2 * len(
        numbers
    )
    assert person(17) == person(17)
    assert {country_of(number) for number in numbers} == {"US", "GB", "DE"}


def test_phones_are_valid_in_their_country_and_unique_but_for_a_few_that_are_none() -> None:
    valid: list[str] = []
    wrong = 0
    for number in [*range(1, 24_000), *range(500_000, 500_500)]:
        try:
            phone = phonenumbers.parse(phone_of(number), country_of(number))
        except phonenumbers.NumberParseException:
            wrong += 1
            continue
        if phonenumbers.is_valid_number(phone):
            valid.append(phonenumbers.format_number(phone, phonenumbers.PhoneNumberFormat.E164))
        else:
            wrong += 1
    assert len(set(valid)) == len(valid)
    assert 0 < wrong < len(valid) // 50


def test_the_full_past_has_the_same_people_as_the_sample(store: Store) -> None:
    full = Store(StandingClock(cdnow.END))
    cdnow.fill(full, full=True)
    assert len(full.orders.table) == 69_659
    for customer in store.customers.table:
        twin = full.customers.get(customer.id)
        assert (twin.email, twin.date_created) == (customer.email, customer.date_created)
