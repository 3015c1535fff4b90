"""Histories of orders and customers as hypothesis draws them, and ways to disturb them."""

from typing import Any, Literal, TypeVar

from hypothesis import strategies as st

from projections.fold import Input
from projections.papers import paper
from schemas import topics
from schemas.commands import PutOrder, SendEvent
from schemas.inner import CartPart, GuestProfile, OrderPapers, OrderPart
from tests.projections.orders_made import (
    DAY,
    HOUR,
    LIVE,
    MINUTE,
    NOON,
    STORE,
    customer,
    customer_fact,
    inner,
    order,
    order_fact,
)

T = TypeVar("T")
EMAILS = ("ada@example.com", "bob@example.com", "none")
PAUSES = st.sampled_from([0, 1000, MINUTE, 20 * MINUTE, HOUR, 30 * HOUR, 13 * DAY, 20 * DAY])


@st.composite
def order_histories(draw: st.DrawFn, order_id: int = 100, tombstone: bool = True) -> list[Input]:
    """Fetches of one order, in the order of fetching. Deliveries come with a fetch, later, or never; the store goes
    live at some moment before, during or after it all."""
    created = now = LIVE + draw(st.integers(-2, 2)) * HOUR
    entity = order(
        draw(st.sampled_from([0, 1, 7, 11])), id=order_id, customer=draw(st.sampled_from([0, 7])), created=now
    )
    pairs: list[tuple[str, int, int, int]] = []
    refunds: list[tuple[int, int, str]] = []
    history = []
    for step in range(draw(st.integers(1, 6))):
        now += draw(PAUSES)
        change = draw(st.sampled_from(["status", "status", "refund", "city", "customer", "email", "nothing"]))
        entity = _changed(draw, entity, change, step, now, pairs, refunds)
        fetched = now + draw(st.sampled_from([2000, 5 * MINUTE, HOUR]))
        told = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
        pairs[:] = [pair for pair in pairs if pair not in told]
        live = LIVE if fetched >= LIVE else None
        history.append(order_fact(entity, fetched=fetched, live=live, pairs=told, refunds=list(refunds)))
        now = fetched
    if tombstone and draw(st.integers(0, 5)) == 0:
        history.append(Input(topics.ORDER, f"{STORE}/{order_id}".encode(), None, now + created % 2 + 1))
    return history


def _changed(
    draw: st.DrawFn,
    entity: dict[str, Any],
    change: str,
    step: int,
    now: int,
    pairs: list[tuple[str, int, int, int]],
    refunds: list[tuple[int, int, str]],
) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if change == "status":
        changes["status_id"] = draw(st.sampled_from([1, 2, 4, 5, 7, 10, 11, 14, 0]))
        if changes["status_id"] != entity["status_id"]:
            pairs.append((f"{entity['id']}-{step}", now + 1000, entity["status_id"], changes["status_id"]))
    elif change == "refund":
        refunds.append((step, now, "10.00"))
        changes["status_id"] = 14
        pairs.append((f"{entity['id']}-{step}", now + 1000, entity["status_id"], 14))
    elif change == "city":
        changes["billing_address"] = {**entity["billing_address"], "city": draw(st.sampled_from(["Austin", "Dallas"]))}
    elif change == "customer":
        changes["customer_id"] = draw(st.sampled_from([0, 7, 8]))
    elif change == "email":
        changes["billing_address"] = {**entity["billing_address"], "email": draw(st.sampled_from(EMAILS))}
    modified = order(created=now)["date_modified"] if changes else entity["date_modified"]
    return {**entity, **changes, "date_modified": modified}


@st.composite
def customer_histories(draw: st.DrawFn, erased_first: bool = False) -> list[Input]:
    """Facts of customer 7 in the order of fetching, perhaps with its deletion."""
    now = LIVE + draw(st.integers(-1, 1)) * HOUR
    created = now
    history: list[Input] = []
    for step in range(draw(st.integers(0 if erased_first else 1, 4))):
        now += draw(PAUSES)
        if (erased_first and not step) or (step and draw(st.integers(0, 4)) == 0):
            history.append(Input(topics.CUSTOMER, f"{STORE}/7".encode(), None, now))
            continue
        entity = customer(
            draw(st.sampled_from(["ada@example.com", "bob@example.com"])),
            first_name=draw(st.sampled_from(["Ada", "Bob", ""])),
            created=created,
            modified=now,
        )
        now += draw(st.sampled_from([2000, HOUR]))
        history.append(customer_fact(entity, fetched=now, live=LIVE if now >= LIVE else None))
    return history


@st.composite
def part_histories(draw: st.DrawFn, key: str, order_id: int, stays: bool = False) -> list[Input]:
    """What one order tells its customer: parts, each with its papers, perhaps a departure."""
    guest = GuestProfile({"CITY": draw(st.sampled_from(["Austin", "Dallas"]))}, None) if "guest:" in key else None
    created = NOON + draw(st.integers(0, 3)) * HOUR
    history: list[Input] = []
    for step in range(draw(st.integers(1, 3))):
        present = stays or draw(st.integers(0, 3)) != 0
        part = OrderPart(
            order_id=order_id,
            present=present,
            created_at=created,
            modified_at=created + step * MINUTE,
            counted=draw(st.booleans()),
            currency="USD",
            net=draw(st.integers(0, 100)) * 100,
            reporting=draw(st.sampled_from([None, 100, 200])),
            channel=draw(st.integers(1, 2)),
            email=draw(st.sampled_from(EMAILS[:2])),
            guest=guest,
            historical=draw(st.booleans()),
            opted_in_at=draw(st.sampled_from([None, created])),
        )
        told = papers(order_id, f"order:{order_id}:{step}", part.modified_at)
        if present and draw(st.booleans()):
            told.part = part
        else:
            history.append(inner(key, part, part.modified_at))
        if present:
            history.append(inner(key, told, part.modified_at))
    return history


def papers(order_id: int, event_id: str, at: int) -> OrderPapers:
    record = PutOrder(
        id=f"order:{order_id}",
        email="",
        order_id=f"shop:{order_id}",
        created_at=at,
        updated_at=at,
        status="Shipped",
        amount=1,
        products=[],
    )
    return OrderPapers(order_id=order_id, record=paper(record), events=[paper(event(event_id, at))])


def event(event_id: str, at: int) -> SendEvent:
    return SendEvent(id=event_id, email="", name="told", at=at, properties={}, in_doubt="resend")


@st.composite
def cart_histories(draw: st.DrawFn, key: str, cart_id: str) -> list[Input]:
    """What one cart tells its customer."""
    kinds: list[Literal["open", "due", "converted", "gone"]] = ["open", "open", "due", "converted", "gone"]
    changes = draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=4))
    history = []
    for step, change in enumerate(changes):
        at = NOON + step * MINUTE
        told = event(f"cart:{cart_id}:{step}", at) if change == "due" else None
        history.append(inner(key, CartPart(cart_id=cart_id, change=change, at=at, changed_at=at, event=told), at))
    return history


@st.composite
def merged(draw: st.DrawFn, sources: list[list[T]]) -> list[T]:
    """The sources in one of the ways in which they can interleave: each keeps its own order."""
    turns = draw(st.permutations([n for n, source in enumerate(sources) for _ in source]))
    waiting = [iter(source) for source in sources]
    return [next(waiting[n]) for n in turns]


@st.composite
def with_duplicates(draw: st.DrawFn, records: list[Input]) -> list[Input]:
    """Some records come again, at once or later."""
    disturbed = list(records)
    for record in draw(st.lists(st.sampled_from(records), max_size=4)) if records else []:
        earliest = disturbed.index(record) + 1
        disturbed.insert(draw(st.integers(earliest, len(disturbed))), record)
    return disturbed


def compacted(records: list[Input], within: int | None = None) -> list[Input]:
    """What compaction leaves: the last record of each key, and with ``within`` what is younger than that (ms) beside
    the newest record of all."""
    last = {record.key: n for n, record in enumerate(records)}
    newest = max((record.time for record in records), default=0)
    return [
        record
        for n, record in enumerate(records)
        if last[record.key] == n or (within is not None and newest - record.time < within)
    ]
