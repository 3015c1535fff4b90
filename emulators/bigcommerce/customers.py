"""Registered customers and their addresses. A guest is no customer."""

from dataclasses import replace

from emulators.bigcommerce.events import Events, NoSuchThing
from emulators.bigcommerce.records import Address, Customer
from emulators.bigcommerce.table import Table


class Customers:
    """``first_id`` is the id of the first one who registers, if the store does not have a higher one by then."""

    def __init__(self, events: Events, first_id: int = 1) -> None:
        self.table: Table[Customer] = Table()
        self._events = events
        self._first_id = first_id
        self._by_email: dict[str, int] = {}
        self._address_owner: dict[int, int] = {}
        self._next_address = 1

    def load(self, customer: Customer) -> None:
        """Puts a customer of the past in place, with its addresses, and tells nobody."""
        self._claim(customer.email, customer.id)
        self.table.add(customer)
        for address in customer.addresses:
            self._place(customer, address)

    def get(self, customer_id: int) -> Customer:
        customer = self.table.get(customer_id)
        if customer is None:
            raise NoSuchThing(f"There is no customer {customer_id}: it was never registered, or is deleted.")
        return customer

    def by_email(self, email: str) -> Customer | None:
        customer_id = self._by_email.get(email.lower())
        return None if customer_id is None else self.table[customer_id]

    def owner_of(self, address_id: int) -> Customer | None:
        customer_id = self._address_owner.get(address_id)
        return None if customer_id is None else self.table[customer_id]

    def register(
        self, *, email: str, first_name: str, last_name: str, phone: str = "", address: Address | None = None
    ) -> Customer:
        now = self._events.second()
        customer = Customer(
            id=self.table.next_id(self._first_id),
            email=email,
            first_name=first_name,
            last_name=last_name,
            phone=phone,
            date_created=now,
            date_modified=now,
        )
        self._claim(email, customer.id)
        self.table.add(customer)
        self._emit("created", customer.id)
        if address is not None:
            self.add_address(customer.id, address)
        return customer

    def change_email(self, customer_id: int, email: str) -> None:
        customer = self.get(customer_id)
        if customer.email == email:
            return
        old = customer.email.lower()
        self._claim(email, customer_id)
        if old != email.lower():
            del self._by_email[old]
        customer.email = email
        self._changed(customer)

    def change_profile(
        self, customer_id: int, *, first_name: str | None = None, last_name: str | None = None, phone: str | None = None
    ) -> None:
        """What is None stays; identical values are no change, and nothing is told."""
        customer = self.get(customer_id)
        before = (customer.first_name, customer.last_name, customer.phone)
        customer.first_name = customer.first_name if first_name is None else first_name
        customer.last_name = customer.last_name if last_name is None else last_name
        customer.phone = customer.phone if phone is None else phone
        if before != (customer.first_name, customer.last_name, customer.phone):
            self._changed(customer)

    def add_address(self, customer_id: int, address: Address) -> Address:
        customer = self.get(customer_id)
        stored = replace(address, id=0)
        customer.addresses.append(stored)
        self._place(customer, stored)
        self._address_changed("created", customer, stored.id)
        return stored

    def change_address(self, customer_id: int, address: Address, *, place: int = 0) -> None:
        """Replaces the address at ``place``. Fires the address scope only: ``customer/updated`` ignores addresses."""
        customer = self.get(customer_id)
        if place >= len(customer.addresses):
            raise NoSuchThing(f"Customer {customer_id} has {len(customer.addresses)} addresses, none at {place}.")
        old = customer.addresses[place]
        new = replace(address, id=old.id, customer_id=customer_id)
        if new != old:
            customer.addresses[place] = new
            self._address_changed("updated", customer, new.id)

    def remove_address(self, customer_id: int, *, place: int = 0) -> None:
        customer = self.get(customer_id)
        address = customer.addresses.pop(place)
        del self._address_owner[address.id]
        self._address_changed("deleted", customer, address.id)

    def change_form_field(self, customer_id: int, name: str, value: str) -> None:
        """Bumps ``date_modified`` and fires nothing, as BigCommerce does for form fields."""
        customer = self.get(customer_id)
        customer.form_fields[name] = value
        self.table.touch(customer, self._events.second())

    def delete(self, customer_id: int) -> Customer:
        """Orders and subscriber record of the customer stay."""
        customer = self.get(customer_id)
        self.table.remove(customer_id)
        del self._by_email[customer.email.lower()]
        for address in customer.addresses:
            del self._address_owner[address.id]
        self._emit("deleted", customer_id)
        return customer

    def _claim(self, email: str, customer_id: int) -> None:
        owner = self._by_email.setdefault(email.lower(), customer_id)
        if owner != customer_id:
            raise ValueError(f"The e-mail {email} belongs to customer {owner}: customer {customer_id} needs another.")

    def _place(self, customer: Customer, address: Address) -> None:
        address.id, address.customer_id = self._next_address, customer.id
        self._address_owner[address.id] = customer.id
        self._next_address += 1

    def _changed(self, customer: Customer) -> None:
        self.table.touch(customer, self._events.second())
        self._emit("updated", customer.id)

    def _address_changed(self, what: str, customer: Customer, address_id: int) -> None:
        self.table.touch(customer, self._events.second())
        data = {"type": "customer", "id": address_id, "address": {"customer_id": customer.id}}
        self._events.emit(f"store/customer/address/{what}", data)

    def _emit(self, what: str, customer_id: int) -> None:
        self._events.emit(f"store/customer/{what}", {"type": "customer", "id": customer_id})
