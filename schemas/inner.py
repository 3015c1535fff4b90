"""What folds tell each other: the inner topics `customers` and `contacts`, msgpack arrays, named after the version.

Public evolution rules do not hold here: a new version of the folds has inner topics of its own.
Amounts: integers of 1/10,000 (schemas.money). Times: Unix ms.
"""

from typing import Literal

import msgspec

from schemas.commands import SendEvent, Value


class GuestProfile(msgspec.Struct, array_like=True, frozen=True):
    """A guest's profile, already mapped: attribute -> value, from the order's billing address."""

    attributes: dict[str, Value] = {}
    phone: str | None = None


class Paper(msgspec.Struct, array_like=True, frozen=True):
    """An order's record or an event on its way to its contact, complete but for the e-mail.

    Written where it is made; whoever passes it on does not look into it. ``command``: its JSON (schemas.commands).
    ``at``: business time; of a record, when the order last changed.
    """

    id: str
    kind: str  # the command's tag: `order` or `event`
    at: int
    command: bytes


# --- into `customers`, key: `store/customer id` or `store/guest:e-mail` ---------------------------------------------


class OrderPart(msgspec.Struct, array_like=True, tag="o", kw_only=True):
    """What one order contributes to its customer now; it replaces what it contributed before.

    ``present`` False: the order left this customer (guest became account, e-mail of a guest order changed).
    ``currency``/``net``: as paid, net of refunds, 0 when it does not count. ``reporting``: net in the account's
    reporting currency, None without a rate. Orders that are Incomplete are not told (present False).
    """

    order_id: int
    present: bool
    created_at: int = 0
    modified_at: int = 0
    counted: bool = False
    currency: str = ""
    net: int = 0
    reporting: int | None = None
    channel: int = 1
    email: str = ""  # billing e-mail, normalised
    guest: GuestProfile | None = None  # for guests only
    opted_in_at: int | None = None  # the order's opt-in box, when configured
    historical: bool = False  # last changed before the store went live
    opted_in_live: bool = False  # opted_in_at is not before live_since


class OrderPapers(msgspec.Struct, array_like=True, tag="p", kw_only=True):
    """An order's record and events, passed on to the contact of its customer, and its part, if that changed too."""

    order_id: int
    part: OrderPart | None = None
    record: Paper | None = None
    events: list[Paper] = []


class CartPart(msgspec.Struct, array_like=True, tag="k", kw_only=True):
    """A transition of a cart that belongs to this customer.

    `open`: it has items (told when it begins to belong to the customer, also again after an end, and when it has an
    event to tell). `due`: verified by a fresh look, step ``step`` may be announced. `converted`, `gone` (emptied,
    deleted, expired, or now another's) end it.
    """

    cart_id: str
    change: Literal["open", "due", "converted", "gone"]
    at: int  # business time of the transition
    changed_at: int = 0  # the cart's last change
    step: int = 0
    order_id: int = 0
    email: str = ""  # the cart's own e-mail, normalised
    channel: int = 1
    event: SendEvent | None = None  # the event of this transition, its e-mail is filled by contacts
    consents: list[str] | None = None  # of the fresh look: None: no subscriber record was found or it was not asked
    last: bool = False  # the last step of the series
    statement: "Statement | None" = None  # what that record says, if it is opted in to anything


# --- into `contacts`, key: `account/e-mail` -------------------------------------------------------------------------


class Contribution(msgspec.Struct, array_like=True, tag="c", kw_only=True):
    """All that one source (customer or guest of a store) says about a contact; it replaces what it said before."""

    source: str  # `store/123` or `store/guest:e-mail`
    store: str
    registered: bool  # False: guest
    deleted: bool = False  # the customer was deleted: orders stay counted, the profile stays as it is
    rank: int = 0  # of the store
    changed_at: int = 0  # business time of the newest cause
    attributes: dict[str, Value] = {}
    phone: str | None = None
    orders: int = 0  # counted ones
    known_orders: int = 0  # all that are not Incomplete
    reporting: int = 0  # sum in the reporting currency
    totals: dict[str, int] = {}  # per currency as paid, only those without a rate to the reporting currency
    channels: list[int] = []
    opted_in_at: int | None = None
    historical: bool = False
    moved_from: str = ""  # the e-mail this source had before, if it changed: a hand-over comes from there
    moved_at: int = 0  # MovedAway.at of that change: the new contact says nothing before the HandOver of it
    opted_in_live: bool = False  # opted_in_at is not before live_since: it may lift a flag, not only create without one
    buyer_channels: list[int] | None = None  # with a counted order; None: all of `channels` if there are orders


class MovedAway(msgspec.Struct, array_like=True, tag="m", kw_only=True):
    """The source's e-mail is now another: this contact lets go of it and hands over to ``to`` (an e-mail).

    ``to`` empty: the source is gone without a successor (its last order moved elsewhere).
    """

    source: str
    to: str
    at: int


class Decision(msgspec.Struct, array_like=True, frozen=True, kw_only=True):
    """What a source says about one purpose: opted in (``given``) or out. Not ``live``: from before the store was."""

    source: str
    purpose: str
    given: bool
    at: int
    live: bool = True


class HandOver(msgspec.Struct, array_like=True, tag="h", kw_only=True):
    """From the old contact to the new one after an e-mail change. ``last``: that was the old contact's last source.

    ``decisions``: the newest per purpose; ``opted_out_at``/``reason``: Brevo's own opt-out. ``held``: what was still
    waiting there for its turn. When ``last`` and ``existed``, the new contact answers with Settled.
    """

    source: str
    old: str
    at: int
    last: bool
    existed: bool  # the old one was told to Brevo
    subscribed: bool | None = None
    decided_at: int = 0
    series: bytes = b""  # the active cart series, opaque
    announced: list[str] = []
    decisions: list[Decision] = []
    opted_out_at: int | None = None
    reason: str = ""
    held: list["Papers | CartTold"] = []


class Settled(msgspec.Struct, array_like=True, tag="e", kw_only=True):
    """The new contact's answer to the old one: whether Brevo's contact was ``renamed``, or both go on existing."""

    source: str
    new: str
    at: int
    renamed: bool


class Papers(msgspec.Struct, array_like=True, tag="p", kw_only=True):
    """Order record and events on their way to the account, in order; before them what else the source says now."""

    source: str
    contribution: Contribution | None = None
    record: Paper | None = None
    events: list[Paper] = []


class CartTold(msgspec.Struct, array_like=True, tag="k", kw_only=True):
    """A cart's transition, at the contact."""

    source: str
    part: CartPart


class Statement(msgspec.Struct, array_like=True, tag="s", kw_only=True):
    """What a subscriber record says. ``consents``: purposes opted in to; ``withdrawn_at``: an earlier opt-in was lost.

    A record without consents that never had any says nothing (no statement is sent). ``gone``: the record now has
    another e-mail; its opt-out stays behind as a statement, its opt-ins leave. Decisions from before ``live_since``
    (None: all) count, but touch no flag of a contact that exists.
    """

    source: str  # `store/subscriber:5`
    store: str
    at: int
    consents: list[str] = []
    withdrawn_at: int | None = None
    gone: bool = False
    live_since: int | None = None


CustomerInput = OrderPart | OrderPapers | CartPart
ContactInput = Contribution | MovedAway | HandOver | Settled | Papers | CartTold | Statement


class Consent(msgspec.Struct, kw_only=True):
    """brevo.consent.v1, key `account/e-mail`, JSON: opt-outs made at Brevo.

    ``reason``: `unsubscribed`, `spam`, or `found`: no webhook told of it, and ``opted_out_at`` is the latest possible.
    """

    account: str
    email: str
    opted_out_at: int | None
    reason: str = ""
