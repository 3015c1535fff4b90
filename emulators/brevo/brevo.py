"""The emulator as one object: its ASGI application, its state, its faults."""

from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.routing import BaseRoute

from emulators.brevo.account import Account
from emulators.brevo.attributes import AttributeCalls, Schema
from emulators.brevo.catalogue import CatalogueCalls, check_category, check_product
from emulators.brevo.contacts import ContactCalls
from emulators.brevo.directory import Directory
from emulators.brevo.errors import no_such_method, no_such_path
from emulators.brevo.events import EventCalls
from emulators.brevo.faults import Faults
from emulators.brevo.gate import Gate
from emulators.brevo.imports import Imports
from emulators.brevo.limits import Limits
from emulators.brevo.lists import FolderCalls, ListCalls
from emulators.brevo.notifications import Happening, Mail, Notifications, WorkClock
from emulators.brevo.orders import OrderCalls
from emulators.brevo.settings import SettingCalls
from emulators.brevo.state import ContactList, State
from emulators.brevo.webhooks import WebhookCalls

DEFAULT_ATTRIBUTES = {"FIRSTNAME": "text", "LASTNAME": "text"}


class Brevo:
    """A Brevo account under ``/v3``, and its tracker at ``/api/v2/trackEvent``.

    ``clock`` gives all dates, quota windows and the duration of imports; ``latency`` (real seconds) is a property that
    may be changed at any time, and so is ``api_key``.
    ``attributes`` are the account's attributes beside EMAIL, SMS, WHATSAPP, LANDLINE_NUMBER and EXT_ID, by name and
    type; another language has others than FIRSTNAME and LASTNAME. ``lists`` exist from the start, by id and name, in
    folder 1. ``plan`` is general, advanced or extended. Brevo does not publish in which bucket the bare ``/contacts``
    falls: ``bare_contacts`` is ``contacts`` or, for the worst case, ``other``. ``clash_code`` is the code of an
    identifier clash. ``ecommerce`` is whether it is active from the start.
    """

    def __init__(
        self,
        clock: WorkClock,
        *,
        api_key: str,
        plan: str = "general",
        attributes: Mapping[str, str] = DEFAULT_ATTRIBUTES,
        lists: Mapping[int, str] | None = None,
        ecommerce: bool = True,
        tracker_key: str = "tracker-key",
        owner_email: str = "owner@example.com",
        latency: float = 0.0,
        bare_contacts: str = "contacts",
        clash_code: str = "duplicate_parameter",
    ) -> None:
        now = clock.now()
        self._state = State(Schema(attributes), Directory(clash_code))
        self._state.folders[1] = "Your First Folder"
        self._state.lists.update({number: ContactList(number, name, 1, now) for number, name in (lists or {}).items()})
        self._state.commerce_from = now if ecommerce else None
        self._clock = clock
        self.faults = Faults()
        self.notifications = Notifications(clock, self._state.webhooks)
        account = Account(clock, self._state)
        account.next_id("folder")
        list_calls = ListCalls(account)
        self._imports = Imports(account, list_calls)
        self._gate = Gate(self._state, Limits(clock, plan), self.faults, self._imports.settle)
        self._gate.api_key, self._gate.latency = api_key, latency
        self._events = EventCalls(account, self.faults, tracker_key)
        settings = SettingCalls(account, owner_email, tracker_key)
        routes = [
            *self._setting_routes(settings, WebhookCalls(account)),
            *self._contact_routes(account, list_calls, ContactCalls(account, owner_email), bare_contacts),
            *self._event_routes(),
            *self._commerce_routes(account),
        ]
        self.app = Starlette(routes=routes, exception_handlers={404: no_such_path, 405: no_such_method})

    @property
    def state(self) -> State:
        """What the account holds now, with the imports that are due carried out."""
        self._imports.settle()
        return self._state

    @property
    def api_key(self) -> str:
        return self._gate.api_key

    @api_key.setter
    def api_key(self, key: str) -> None:
        self._gate.api_key = key

    @property
    def latency(self) -> float:
        return self._gate.latency

    @latency.setter
    def latency(self, seconds: float) -> None:
        self._gate.latency = seconds

    def unsubscribe(self, email: str, mail: Mail = "marketing") -> None:
        """The recipient follows the unsubscribe link. Raises ``KeyError`` for an unknown e-mail."""
        self._happens("unsubscribed", email, mail)

    def spam(self, email: str, mail: Mail = "marketing") -> None:
        """The recipient complains. Raises ``KeyError`` for an unknown e-mail."""
        self._happens("spam", email, mail)

    def hard_bounce(self, email: str, mail: Mail = "marketing") -> None:
        """The recipient's server refuses a mail for good. Raises ``KeyError`` for an unknown e-mail."""
        self._happens("hardBounce", email, mail)

    def _happens(self, happening: Happening, email: str, mail: Mail) -> None:
        """Campaigns blocklist the contact; other mails only block their sender (help.brevo.com 209458705)."""
        contact, now = self.state.contacts[email.strip().lower()], self._clock.now()
        if mail == "marketing":
            contact.flag(now, True, "server" if happening == "hardBounce" else "recipient")
            contact.modified_at = now
        self.notifications.publish(happening, contact.email, contact.id, mail)

    def _setting_routes(self, settings: SettingCalls, webhooks: WebhookCalls) -> list[BaseRoute]:
        route = self._gate.route
        return [
            route("GET", "/account", "other", settings.account),
            route("POST", "/ecommerce/activate", "other", settings.activate),
            route("GET", "/ecommerce/config/displayCurrency", "other", settings.currency),
            route("POST", "/ecommerce/config/displayCurrency", "other", settings.set_currency),
            route("GET", "/webhooks", "other", webhooks.listed),
            route("POST", "/webhooks", "other", webhooks.create),
            route("GET", "/webhooks/{webhook_id}", "other", webhooks.get),
            route("PUT", "/webhooks/{webhook_id}", "other", webhooks.update),
            route("DELETE", "/webhooks/{webhook_id}", "other", webhooks.delete),
            route("GET", "/processes", "other", self._imports.listed),
            route("GET", "/processes/{process_id}", "other", self._imports.get),
        ]

    def _contact_routes(self, account: Account, lists: ListCalls, contacts: ContactCalls, bare: str) -> list[BaseRoute]:
        route = self._gate.route
        attributes, folders = AttributeCalls(self._state.schema), FolderCalls(account)
        return [
            route("GET", "/contacts/attributes", "contacts", attributes.listed),
            route("POST", "/contacts/attributes/{category}/{name}", "contacts", attributes.create),
            route("GET", "/contacts/lists", "contacts", lists.listed),
            route("POST", "/contacts/lists", "contacts", lists.create),
            route("GET", "/contacts/lists/{list_id}", "contacts", lists.get),
            route("DELETE", "/contacts/lists/{list_id}", "contacts", lists.delete),
            route("GET", "/contacts/lists/{list_id}/contacts", "contacts", lists.members),
            route("POST", "/contacts/lists/{list_id}/contacts/add", "contacts", lists.add_members),
            route("POST", "/contacts/lists/{list_id}/contacts/remove", "contacts", lists.remove_members),
            route("GET", "/contacts/folders", "contacts", folders.listed),
            route("POST", "/contacts/folders", "contacts", folders.create),
            route("POST", "/contacts/import", "contacts", self._imports.start),
            route("GET", "/contacts", bare, contacts.listed),
            route("POST", "/contacts", bare, contacts.create),
            # After the fixed paths; an e-mail may contain a slash.
            route("GET", "/contacts/{identifier:path}", "contacts", contacts.get),
            route("PUT", "/contacts/{identifier:path}", "contacts", contacts.update),
            route("DELETE", "/contacts/{identifier:path}", "contacts", contacts.delete),
        ]

    def _event_routes(self) -> list[BaseRoute]:
        route = self._gate.route
        return [
            route("POST", "/events", "events", self._events.create),
            route("GET", "/events", "other", self._events.listed),
            route("POST", "/events/batch", "other", self._events.create_batch),
            route("POST", "/api/v2/trackEvent", "tracker", self._events.track),
            route("GET", "/files/processes/{process_id}/{report}.csv", "files", self._imports.report),
        ]

    def _commerce_routes(self, account: Account) -> list[BaseRoute]:
        route = self._gate.route
        orders = OrderCalls(account)
        products = CatalogueCalls(account, "products", self._state.products, check_product, largest_page=1000)
        categories = CatalogueCalls(account, "categories", self._state.categories, check_category, largest_page=100)
        return [
            route("POST", "/orders/status", "orders", orders.create),
            route("POST", "/orders/status/batch", "other", orders.create_batch),
            route("GET", "/orders", "other", orders.listed),
            route("POST", "/products", "products", products.create),
            route("POST", "/products/batch", "other", products.create_batch),
            route("POST", "/products/{id}/alerts/{event}", "other", products.alert),
            route("GET", "/products", "other", products.listed),
            route("GET", "/products/{id}", "other", products.get),
            route("POST", "/categories", "other", categories.create),
            route("POST", "/categories/batch", "other", categories.create_batch),
            route("GET", "/categories", "other", categories.listed),
        ]
