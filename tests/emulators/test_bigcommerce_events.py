"""Which act in the store tells what, by the rules of BigCommerce's event pages."""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from emulators.bigcommerce import Store
from emulators.bigcommerce.carts import Item
from emulators.bigcommerce.events import NoSuchThing
from emulators.bigcommerce.hooks import SCOPES
from emulators.clock import StandingClock
from emulators.shoppers.people import person
from tests.emulators.bigcommerce_shop import FIRST, OTHER, START, listening, new_store, place, register

CALLBACKS = Path(__file__).parent.parent / "specs" / "bigcommerce" / "callbacks"
# A single format, stock by product; and two formats, stock by variant.
BY_PRODUCT, BY_VARIANT = (102, 1020), (103, 1030)

HOUR = 3_600_000


def scopes(store: Store, act: Callable[[], object]) -> list[str]:
    with listening(store) as told:
        act()
    return [scope.removeprefix("store/") for scope, _ in told]


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock(START)


@pytest.fixture
def store(clock: StandingClock) -> Store:
    return new_store(clock)


def test_customers_tell_of_themselves_and_addresses_apart(store: Store) -> None:
    assert scopes(store, lambda: register(store)) == ["customer/created", "customer/address/created"]
    customers = store.customers
    assert scopes(store, lambda: customers.change_address(1, person(3).address(1))) == ["customer/address/updated"]
    assert scopes(store, lambda: customers.change_address(1, person(3).address(1))) == []
    assert scopes(store, lambda: customers.change_email(1, "new@example.com")) == ["customer/updated"]
    assert scopes(store, lambda: customers.change_profile(1, phone="+1 212 230 1000")) == ["customer/updated"]
    assert scopes(store, lambda: customers.change_form_field(1, "Size", "L")) == []
    assert scopes(store, lambda: customers.remove_address(1)) == ["customer/address/deleted"]
    assert scopes(store, lambda: customers.delete(1)) == ["customer/deleted"]
    with pytest.raises(NoSuchThing, match="no customer 1"):
        customers.delete(1)


def test_an_e_mail_is_one_customers_only_and_free_again_after_a_change(store: Store) -> None:
    first, second = register(store, 3), register(store, 4)
    with pytest.raises(ValueError, match="belongs to customer 1"):
        store.customers.change_email(second, person(3).email.upper())
    assert store.customers.get(second).email == person(4).email
    store.customers.change_email(first, "new@example.com")
    store.customers.change_email(second, person(3).email)
    assert store.customers.by_email(person(3).email) is store.customers.get(second)


def test_ids_of_deleted_customers_do_not_come_back(store: Store) -> None:
    store.customers.delete(register(store, 3))
    assert register(store, 3) == 2


def test_subscribers_tell_of_changes_only(store: Store) -> None:
    subscribers = store.subscribers
    both = ("marketing_newsletter", "abandoned_cart")
    assert scopes(store, lambda: subscribers.subscribe("a@example.com", both)) == ["subscriber/created"]
    assert scopes(store, lambda: subscribers.subscribe("A@example.com", both)) == []
    assert scopes(store, lambda: subscribers.unsubscribe("a@example.com")) == ["subscriber/updated"]
    assert scopes(store, lambda: subscribers.delete("a@example.com")) == ["subscriber/deleted"]
    assert subscribers.by_email("a@example.com") is None


def test_a_cart_tells_created_and_updated_at_once_and_its_last_item_takes_it_away(store: Store) -> None:
    begun = scopes(store, lambda: store.carts.create([FIRST]))
    assert begun == ["cart/created", "cart/updated", "cart/lineItem/created"]
    (cart,) = store.carts.open.values()
    assert scopes(store, lambda: store.carts.add(cart.id, OTHER)) == ["cart/updated", "cart/lineItem/created"]
    assert scopes(store, lambda: store.carts.set_email(cart.id, "a@example.com")) == ["cart/updated"]
    assert scopes(store, lambda: store.carts.set_email(cart.id, "a@example.com")) == []
    assert cart.version == 3
    emptied = scopes(store, lambda: store.carts.empty(cart.id))
    assert emptied == ["cart/updated", "cart/lineItem/deleted", "cart/updated", "cart/lineItem/deleted", "cart/deleted"]
    with pytest.raises(NoSuchThing, match="no open cart"):
        store.carts.get(cart.id)


def test_an_order_from_a_cart_converts_it_and_leaves_a_subscriber_without_consents(store: Store) -> None:
    cart = store.carts.create([Item(*BY_PRODUCT, 2), Item(*BY_VARIANT, 3)], currency="EUR")
    with listening(store) as told:
        order = store.orders.place(email="a@example.com", billing=person(3).address(), cart_id=cart.id, status_id=0)
    assert [scope for scope, _ in told] == [
        "store/order/created",
        "store/cart/converted",
        "store/subscriber/created",
        "store/product/inventory/order/updated",
        "store/sku/inventory/order/updated",
    ]
    assert told[1][1] == {"type": "cart", "id": cart.id, "orderId": order.id}
    assert (order.currency, order.rate, order.total) == ("EUR", Decimal("0.92"), cart.amount)
    record = store.subscribers.by_email("a@example.com")
    assert record is not None
    assert (record.consents, record.source, record.order_id) == ((), "order", order.id)
    assert cart.id not in store.carts.open


def test_a_ticked_box_at_the_checkout_is_a_consent_that_is_added(store: Store) -> None:
    store.subscribers.subscribe(person(3).email, ("abandoned_cart",))
    place(store, opt_in=False)
    assert store.subscribers.by_email(person(3).email).consents == ("abandoned_cart",)  # type: ignore[union-attr]
    order = store.orders.get(place(store, opt_in=True))
    assert store.subscribers.by_email(person(3).email).consents == (  # type: ignore[union-attr]
        "abandoned_cart",
        "marketing_newsletter",
    )
    assert order.is_email_opt_in


def test_a_status_change_tells_the_pair_and_the_same_status_nothing(store: Store) -> None:
    order_id = place(store, status_id=0)
    with listening(store) as told:
        store.orders.change_status(order_id, 11)
        store.orders.change_status(order_id, 11)
    pair = {"previous_status_id": 0, "new_status_id": 11}
    assert told == [
        ("store/order/statusUpdated", {"type": "order", "id": order_id, "status": pair}),
        ("store/order/updated", {"type": "order", "id": order_id}),
    ]


def test_refunds_in_parts_make_14_and_the_last_one_makes_4(store: Store) -> None:
    order_id = place(store)
    once = ["order/refund/created", "order/statusUpdated", "order/updated"]
    assert scopes(store, lambda: store.orders.refund(order_id, Decimal(5))) == once
    assert store.orders.get(order_id).status_id == 14
    again = ["order/refund/created", "order/updated"]
    assert scopes(store, lambda: store.orders.refund(order_id, Decimal(5))) == again
    with pytest.raises(ValueError, match=r"has 5\.98 left"):
        store.orders.refund(order_id, Decimal(6))
    assert scopes(store, lambda: store.orders.refund(order_id, Decimal("5.98"))) == once
    assert store.orders.get(order_id).status_id == 4


def test_an_archived_order_and_one_that_moves_to_an_account_say_so(store: Store) -> None:
    order_id, customer_id = place(store), register(store)
    assert scopes(store, lambda: store.orders.assign(order_id, customer_id)) == ["order/updated"]
    assert store.orders.of_customer(customer_id) == [order_id]
    assert scopes(store, lambda: store.orders.archive(order_id)) == ["order/archived"]
    assert scopes(store, lambda: store.orders.archive(order_id)) == []


def test_products_and_variants_tell_their_own_and_images_nothing(store: Store) -> None:
    catalogue = store.catalogue
    assert scopes(store, lambda: catalogue.edit_product(103, price=Decimal(30))) == ["product/updated"]
    assert scopes(store, lambda: catalogue.edit_product(103, price=Decimal(30))) == []
    assert scopes(store, lambda: catalogue.edit_variant(103, 1030, price=Decimal(31))) == ["sku/updated"]
    assert scopes(store, lambda: catalogue.add_image(103, "inlay")) == []
    assert scopes(store, lambda: catalogue.change_mpn(103, "X-1")) == []
    assert scopes(store, lambda: catalogue.set_stock(*BY_PRODUCT, 0)) == ["product/inventory/updated"]
    assert scopes(store, lambda: catalogue.set_stock(*BY_VARIANT, 0)) == ["sku/inventory/updated"]
    assert scopes(store, lambda: catalogue.set_stock(101, 1010, 0)) == []
    assert scopes(store, lambda: catalogue.rename_category(1, "Rock and Roll")) == ["category/updated"]
    assert scopes(store, lambda: catalogue.delete_product(103)) == ["product/deleted"]


def test_every_change_moves_the_date_of_change(store: Store, clock: StandingClock) -> None:
    customer_id, order_id = register(store), place(store)
    store.subscribers.subscribe("a@example.com", ())
    clock.advance(START + 61_500)
    store.customers.change_address(customer_id, person(3).address(1))
    store.orders.change_status(order_id, 2)
    store.subscribers.subscribe("a@example.com", ("abandoned_cart",))
    store.catalogue.add_image(101, "inlay")
    record = store.subscribers.by_email("a@example.com")
    assert record is not None
    for row in (store.customers.get(customer_id), store.orders.get(order_id), store.catalogue.get(101), record):
        assert row.date_modified == START + 61_000
    assert [order.id for order in store.orders.table.by_modified(START + 61_000)] == [order_id]


def test_a_cart_left_alone_for_an_hour_is_told_once_per_change(store: Store, clock: StandingClock) -> None:
    cart = store.carts.create([FIRST])
    clock.advance(START + 30 * 60_000)
    store.carts.add(cart.id, OTHER)
    clock.advance(START + HOUR)
    assert scopes(store, store.carts.abandon_due) == []
    assert store.carts.next_abandonment() == START + HOUR + 30 * 60_000
    clock.advance(START + 2 * HOUR)
    assert scopes(store, store.carts.abandon_due) == ["cart/abandoned"]
    assert scopes(store, store.carts.abandon_due) == []
    store.carts.add(cart.id, OTHER)
    clock.advance(START + 4 * HOUR)
    assert scopes(store, store.carts.abandon_due) == ["cart/abandoned"]


def test_a_cart_that_is_gone_is_not_abandoned(store: Store, clock: StandingClock) -> None:
    store.carts.delete(store.carts.create([FIRST]).id)
    clock.advance(START + 2 * HOUR)
    assert scopes(store, store.carts.abandon_due) == []


def test_the_data_of_every_scope_has_the_shape_of_its_sample(store: Store, clock: StandingClock) -> None:
    with listening(store) as told:
        _everything(store, clock)
    shapes = {scope: _shape(data) for scope, data in told}
    assert set(shapes) <= SCOPES
    assert len(shapes) == 31
    for scope, shape in shapes.items():
        sample = json.loads((CALLBACKS / f"{scope.replace('/', '_')}.json").read_text(encoding="utf-8"))
        assert shape == _shape(sample["data"]), scope


def _everything(store: Store, clock: StandingClock) -> None:
    customer_id = register(store)
    store.customers.change_address(customer_id, person(3).address(1))
    store.customers.change_email(customer_id, "new@example.com")
    store.customers.remove_address(customer_id)
    store.subscribers.subscribe("a@example.com", ())
    store.subscribers.subscribe("a@example.com", ("abandoned_cart",))
    store.subscribers.delete("a@example.com")
    emptied = store.carts.create([FIRST, OTHER])
    store.carts.set_quantity(emptied.id, next(iter(emptied.lines)), 5)
    store.carts.empty(emptied.id)
    store.carts.create([FIRST])
    clock.advance(START + 2 * HOUR)
    store.carts.abandon_due()
    bought = store.carts.create([Item(*BY_PRODUCT), Item(*BY_VARIANT)])
    order = store.orders.place(email="b@example.com", billing=person(4).address(), cart_id=bought.id)
    store.orders.refund(order.id, Decimal(1))
    store.orders.archive(order.id)
    store.customers.delete(customer_id)
    store.catalogue.edit_product(101, price=Decimal(30))
    store.catalogue.edit_variant(103, 1031, price=Decimal(31))
    store.catalogue.set_stock(*BY_PRODUCT, 7)
    store.catalogue.set_stock(*BY_VARIANT, 7)
    store.catalogue.rename_category(1, "Rock and Roll")
    product = store.catalogue.get(104)
    store.catalogue.delete_product(104)
    store.catalogue.add_product(product)


def _shape(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _shape(each) for key, each in value.items()}
    return type(value).__name__
