"""Newsletter subscribers: one record per e-mail, which is a consent only if ``consents`` says so."""

from emulators.bigcommerce.events import Events, NoSuchThing
from emulators.bigcommerce.records import Subscriber
from emulators.bigcommerce.table import Table

NEWSLETTER, ABANDONED_CART = "marketing_newsletter", "abandoned_cart"


class Subscribers:
    def __init__(self, events: Events) -> None:
        self.table: Table[Subscriber] = Table()
        self._events = events
        self._by_email: dict[str, int] = {}

    def load(self, subscriber: Subscriber) -> None:
        """Puts a record of the past in place, and tells nobody."""
        if self._by_email.setdefault(subscriber.email.lower(), subscriber.id) != subscriber.id:
            raise ValueError(f"The e-mail {subscriber.email} has a subscriber record already: change that one.")
        self.table.add(subscriber)

    def by_email(self, email: str) -> Subscriber | None:
        subscriber_id = self._by_email.get(email.lower())
        return None if subscriber_id is None else self.table[subscriber_id]

    def subscribe(
        self,
        email: str,
        consents: tuple[str, ...],
        *,
        first_name: str = "",
        last_name: str = "",
        source: str = "storefront",
        order_id: int | None = None,
    ) -> Subscriber:
        """Makes the record or sets its consents to exactly these; the same consents again are no change."""
        unknown = set(consents) - {NEWSLETTER, ABANDONED_CART}
        if unknown:
            raise ValueError(f"{sorted(unknown)} are no consents: BigCommerce knows {NEWSLETTER} and {ABANDONED_CART}.")
        known = self.by_email(email)
        if known is not None:
            self._set(known, consents)
            return known
        now = self._events.second()
        subscriber = Subscriber(
            id=self.table.next_id(),
            email=email,
            first_name=first_name,
            last_name=last_name,
            source=source,
            order_id=order_id,
            date_created=now,
            date_modified=now,
            consents=consents,
        )
        self.load(subscriber)
        self._emit("created", subscriber.id)
        return subscriber

    def unsubscribe(self, email: str) -> Subscriber:
        """Empties the consents; the record stays."""
        subscriber = self._known(email)
        self._set(subscriber, ())
        return subscriber

    def delete(self, email: str) -> Subscriber:
        subscriber = self._known(email)
        self.table.remove(subscriber.id)
        del self._by_email[subscriber.email.lower()]
        self._emit("deleted", subscriber.id)
        return subscriber

    def seen_at_checkout(self, email: str, first_name: str, last_name: str, order_id: int, opt_in: bool) -> None:
        """Every checkout leaves a record, without consents unless the box was ticked (bigcommerce/docs PR 273, 275)."""
        known = self.by_email(email)
        if known is None:
            consents = (NEWSLETTER,) if opt_in else ()
            names = {"first_name": first_name, "last_name": last_name}
            self.subscribe(email, consents, source="order", order_id=order_id, **names)
        elif opt_in and NEWSLETTER not in known.consents:
            self._set(known, (*known.consents, NEWSLETTER))

    def _known(self, email: str) -> Subscriber:
        subscriber = self.by_email(email)
        if subscriber is None:
            raise NoSuchThing(f"There is no subscriber {email}: nobody subscribed with it, or the record is deleted.")
        return subscriber

    def _set(self, subscriber: Subscriber, consents: tuple[str, ...]) -> None:
        if consents != subscriber.consents:
            subscriber.consents = consents
            self.table.touch(subscriber, self._events.second())
            self._emit("updated", subscriber.id)

    def _emit(self, what: str, subscriber_id: int) -> None:
        self._events.emit(f"store/subscriber/{what}", {"type": "subscriber", "id": subscriber_id})
