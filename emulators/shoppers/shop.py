"""What shoppers and the merchant do, done in the store and noted in the ledger in the same breath."""

from collections.abc import Sequence
from decimal import Decimal

from emulators.bigcommerce.carts import CENT, Item
from emulators.bigcommerce.records import NOTHING, Cart, Customer, Order
from emulators.bigcommerce.store import Store
from emulators.ledger import (
    AddressChanged,
    CartChanged,
    CartConverted,
    CartGone,
    CustomerDeleted,
    EmailChanged,
    Happening,
    Ledger,
    OrderPlaced,
    OrderRefunded,
    OrderStatusChanged,
    ProductEdited,
    Registered,
    SubscriberChanged,
)
from emulators.shoppers.people import Person


class Shop:
    def __init__(self, store: Store, ledger: Ledger) -> None:
        self.store = store
        self._ledger = ledger

    def now(self) -> int:
        return self.store.clock.now()

    def register(self, who: Person) -> Customer:
        customer = self.store.customers.register(
            email=who.email,
            first_name=who.first_name,
            last_name=who.last_name,
            phone=who.phone,
            address=who.address(),
        )
        self._note(Registered(at=self.now(), customer_id=customer.id, email=customer.email))
        return customer

    def move(self, customer_id: int, who: Person) -> None:
        self.store.customers.change_address(customer_id, who.address(move=1))
        self._note(AddressChanged(at=self.now(), customer_id=customer_id))

    def change_email(self, customer_id: int, new: str) -> None:
        old = self.store.customers.get(customer_id).email
        self.store.customers.change_email(customer_id, new)
        self._note(EmailChanged(at=self.now(), customer_id=customer_id, old=old, new=new))

    def delete_customer(self, customer_id: int) -> None:
        customer = self.store.customers.delete(customer_id)
        self._note(CustomerDeleted(at=self.now(), customer_id=customer_id, email=customer.email))

    def subscribe(self, email: str, consents: Sequence[str]) -> None:
        self.store.subscribers.subscribe(email, tuple(consents))
        self._note_subscriber(email)

    def unsubscribe(self, email: str) -> None:
        self.store.subscribers.unsubscribe(email)
        self._note_subscriber(email)

    def delete_subscriber(self, email: str) -> None:
        gone = self.store.subscribers.delete(email)
        self._note(SubscriberChanged(at=self.now(), subscriber_id=gone.id, email=email, consents=(), deleted=True))

    def fill_cart(self, items: Sequence[Item], customer_id: int, currency: str) -> Cart:
        cart = self.store.carts.create(items, customer_id=customer_id, currency=currency)
        self._note_cart(cart)
        return cart

    def add(self, cart: Cart, item: Item) -> None:
        self.store.carts.add(cart.id, item)
        self._note_cart(cart)

    def set_quantity(self, cart: Cart, line_id: str, quantity: int) -> None:
        """Not to 0 for the last line: that is ``empty``."""
        self.store.carts.set_quantity(cart.id, line_id, quantity)
        self._note_cart(cart)

    def give_email(self, cart: Cart, email: str) -> None:
        self.store.carts.set_email(cart.id, email)
        self._note_cart(cart)

    def empty(self, cart: Cart) -> None:
        self.store.carts.empty(cart.id)
        self._note(CartGone(at=self.now(), cart_id=cart.id))

    def delete_cart(self, cart: Cart) -> None:
        self.store.carts.delete(cart.id)
        self._note(CartGone(at=self.now(), cart_id=cart.id))

    def order(
        self,
        who: Person,
        bought: Sequence[Item] | Cart,
        *,
        status_id: int,
        customer_id: int = 0,
        currency: str = "USD",
        opt_in: bool = False,
    ) -> Order:
        """Of items, or of a cart, which is then gone. A cart of 30 or more ships free, all else for 4.50."""
        cart = bought if isinstance(bought, Cart) else None
        customer = self.store.customers.table.get(customer_id)
        email = who.email if customer is None else customer.email
        had_record = self.store.subscribers.by_email(email)
        consents = had_record.consents if had_record is not None else None
        order = self.store.orders.place(
            () if isinstance(bought, Cart) else bought,
            email=email,
            billing=who.address() if customer is None else customer.addresses[0],
            customer_id=customer_id,
            cart_id=None if cart is None else cart.id,
            status_id=status_id,
            currency=currency,
            shipping=NOTHING if cart is not None and cart.amount >= 30 else Decimal("4.50"),
            opt_in=opt_in,
        )
        self._note_order(order)
        if cart is not None:
            self._note(CartConverted(at=self.now(), cart_id=cart.id, order_id=order.id))
        record = self.store.subscribers.by_email(email)
        if record is not None and record.consents != consents:
            self._note_subscriber(email)
        return order

    def set_status(self, order: Order, status_id: int) -> None:
        old = order.status_id
        self.store.orders.change_status(order.id, status_id)
        self._note(OrderStatusChanged(at=self.now(), order_id=order.id, old=old, new=status_id))

    def refund(self, order: Order, share: Decimal) -> None:
        """A ``share`` of what is left of it; 1 is all."""
        left = order.total - order.refunded
        amount = max(CENT, (left * share).quantize(CENT))
        refund = self.store.orders.refund(order.id, amount, reason="Returned")
        self._note(
            OrderRefunded(
                at=self.now(), order_id=order.id, refund_id=refund.id, amount=str(amount), new=order.status_id
            )
        )

    def reprice(self, product_id: int, price: Decimal) -> None:
        self.store.catalogue.edit_product(product_id, price=price)
        self._note(ProductEdited(at=self.now(), product_id=product_id))

    def rename(self, product_id: int, name: str) -> None:
        self.store.catalogue.edit_product(product_id, name=name)
        self._note(ProductEdited(at=self.now(), product_id=product_id))

    def show(self, product_id: int, is_visible: bool) -> None:
        self.store.catalogue.edit_product(product_id, is_visible=is_visible)
        self._note(ProductEdited(at=self.now(), product_id=product_id))

    def restock(self, product_id: int, variant_id: int, level: int) -> None:
        self.store.catalogue.set_stock(product_id, variant_id, level)
        self._note(ProductEdited(at=self.now(), product_id=product_id))

    def _note_order(self, order: Order) -> None:
        self._note(
            OrderPlaced(
                at=self.now(),
                order_id=order.id,
                customer_id=order.customer_id,
                email=order.email,
                status_id=order.status_id,
                total=str(order.total),
                currency=order.currency,
                rate=str(order.rate),
                cart_id=order.cart_id,
            )
        )

    def _note_cart(self, cart: Cart) -> None:
        """Somebody is known by signing in or by an e-mail given at the checkout."""
        customer = self.store.customers.table.get(cart.customer_id)
        self._note(
            CartChanged(
                at=self.now(),
                cart_id=cart.id,
                customer_id=cart.customer_id,
                email=cart.email or ("" if customer is None else customer.email),
                items=cart.items,
                total=str(cart.amount),
                currency=cart.currency,
            )
        )

    def _note_subscriber(self, email: str) -> None:
        record = self.store.subscribers.by_email(email)
        assert record is not None, f"{email} was subscribed a moment ago"
        self._note(
            SubscriberChanged(at=self.now(), subscriber_id=record.id, email=record.email, consents=record.consents)
        )

    def _note(self, happening: Happening) -> None:
        self._ledger.note(happening)
