"""What Brevo shall hold of a contact: attributes, lists and consent, computed whole from all that is known."""

from projections.account import ABANDONED_CART, ALL_CUSTOMERS, Account
from projections.consent import Verdict
from projections.contact import ContactState
from projections.reading import digest
from projections.series import running_in
from schemas import money
from schemas.commands import UpsertContact, Value
from schemas.inner import Contribution
from schemas.settings import StoreSettings


def desired(
    state: ContactState, account: Account, email: str, said: Verdict, *, contact: bool, at: int
) -> UpsertContact:
    """``contact`` False: it lost its last source; it leaves all our lists, and its profile stays as it was.

    ``at``: business time of what led to this.
    """
    profile, phone = _profile(state, account) if contact else ({}, None)
    sums = _sums(state, account) if contact or state.sources else {}
    return UpsertContact(
        id=f"contact:{email}",
        email=email,
        attributes=profile | sums,
        lists=_lists(state, account, said, contact=contact),
        subscribed=said.subscribed,
        decided_at=said.decided_at,
        blocklist_unknown=account.blocklist_unknown,
        phone=phone,
        at=at,
    )


def content(upsert: UpsertContact) -> str:
    """A digest of what it is about: the time of its newest cause alone is no change."""
    told = (
        upsert.attributes,
        upsert.lists,
        upsert.subscribed,
        upsert.decided_at,
        upsert.blocklist_unknown,
        upsert.phone,
    )
    return digest(told)


def _profile(state: ContactState, account: Account) -> tuple[dict[str, Value], str | None]:
    """Field by field the first that is not empty. Empty everywhere is emptied at Brevo, except that a deleted
    customer's profile stays as it was."""
    sources = state.ordered()
    kept = any(source.deleted for source in sources)
    attributes: dict[str, Value] = {}
    for name in account.profile:
        for source in sources:
            value = source.attributes.get(name)
            if not _is_empty(value):
                attributes[name] = value
                break
        else:
            if not kept:
                attributes[name] = None
    return attributes, next((source.phone for source in sources if source.phone), None)


def _is_empty(value: Value) -> bool:
    return value is None or value == ""


def _sums(state: ContactState, account: Account) -> dict[str, Value]:
    """Orders of all sources together; those in a currency without a rate have a total of their own."""
    sources = state.sources.values()
    sums: dict[str, Value] = {}
    for name, stores in account.counts.items():
        sums[name] = sum(source.orders for source in sources if source.store in stores)
    for name, stores in account.spent.items():
        sums[name] = money.number(sum(source.reporting for source in sources if source.store in stores))
    if account.spent:
        sums |= _unconverted(state)
    return sums


def _unconverted(state: ContactState) -> dict[str, Value]:
    """A currency that was told once stays told, with 0 when nothing is left in it."""
    return {
        f"TOTAL_SPENT_{currency}": money.number(
            sum(source.totals.get(currency, 0) for source in state.sources.values())
        )
        for currency in state.currencies
    }


def _lists(state: ContactState, account: Account, said: Verdict, *, contact: bool) -> dict[str, bool]:
    in_series = running_in(state, account, said) if contact else set()

    def belongs(store: StoreSettings, name: str, channel: int | None) -> bool:
        if name == ABANDONED_CART:
            return any(key == store.store_hash and channel in (None, at) for key, at in in_series)
        sources = [source for source in state.sources.values() if source.store == store.store_hash]
        if name == ALL_CUSTOMERS:
            return contact and any(_is_customer(source, store, channel) for source in sources)
        return contact and any(_is_buyer(source, channel) for source in sources)

    return {key: belongs(store, name, channel) for key, store, name, channel in account.lists}


def _is_customer(source: Contribution, store: StoreSettings, channel: int | None) -> bool:
    counts = not source.deleted if source.registered else store.include_guests and source.known_orders > 0
    return counts and (channel is None or channel in source.channels)


def _is_buyer(source: Contribution, channel: int | None) -> bool:
    """At least one counted order, also of a customer who was deleted since."""
    channels = source.channels if source.buyer_channels is None else source.buyer_channels
    return source.orders > 0 and (channel is None or channel in channels)
