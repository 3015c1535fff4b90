"""When an order was placed, and which of its status changes are told.

Status changes are told by the pairs that deliveries carry, not by comparing fetches, since several changes may lie
between two fetches. Deliveries come late and out of order, and have a resolution of one second; BigCommerce dates them
up to two seconds after the change itself.
"""

from collections.abc import Collection, Iterable
from typing import NamedTuple

import msgspec

from projections.occasions import AGE_LIMIT, COMPACTION_LAG
from projections.statuses import REFUNDS, ends
from schemas.facts import StatusChange


class Told(msgspec.Struct, array_like=True):
    """What was told of an order, or need not be told any more.

    ``status``: where the told story stands, reached at ``status_at`` by a pair. ``entered_by``: the order was found
    in a counted status; the pair that brought it there is not known, but happened before this moment. ``jumped_at``: a
    status was told from what was fetched then, not from a pair. ``pairs``: those taken in, (hash, created_at, new
    status), while they may come again. ``refunds``: ids.
    """

    placed_at: int | None = None
    status: int | None = None
    status_at: int = 0
    entered_by: int = 0
    jumped_at: int = 0
    pairs: list[tuple[str, int, int]] = []
    refunds: list[int] = []


class Look(NamedTuple):
    """What a fetch shows. ``first``: the order was not known, or nothing of its placement. ``stale``: a newer fetch is
    known, made at ``now``."""

    status: int
    counted: Collection[int]
    created_at: int
    modified_at: int
    now: int
    pairs: Iterable[StatusChange]
    refunded: bool
    unexplained_after: int
    first: bool
    stale: bool = False


class Step(NamedTuple):
    """A status change to tell. ``hash``: the delivery's; '' for a jump."""

    previous: int
    new: int
    at: int
    hash: str = ""


class News(NamedTuple):
    """``placed_at``: set when this look finds that the order was placed. Whether anything is due is not asked here."""

    placed_at: int | None
    steps: list[Step]


def news(told: Told, look: Look) -> News:
    """What this look adds. Changes ``told`` so that the same look adds nothing again."""
    known = {pair[0] for pair in told.pairs}
    was_placed = told.placed_at is not None
    # What is older is not told anyway, so it is forgotten; before placement it still shows what the order went through.
    oldest = look.now - AGE_LIMIT if look.stale or was_placed else 0
    new = (pair for pair in look.pairs if pair.hash not in known and pair.created_at >= oldest)
    pairs = in_order(new, told.status)
    if look.stale and not pairs:
        return News(None, [])
    rest = pairs if was_placed else _place(told, look, pairs)
    steps = [step for pair in rest if (step := _step(told, look, pair))]
    _remember(told, look, pairs)
    if not look.stale:
        steps += _catch_up(told, look)
    return News(None if was_placed else told.placed_at, steps)


def in_order(pairs: Iterable[StatusChange], status: int | None) -> list[StatusChange]:
    """By time; within one second as a chain that begins at ``status``, else where no other pair leads to."""
    waiting = list(pairs)
    if len(waiting) < 2:
        return waiting
    waiting.sort(key=lambda pair: (pair.created_at, pair.hash))
    ordered: list[StatusChange] = []
    while waiting:
        second = [pair for pair in waiting if pair.created_at == waiting[0].created_at]
        reached = {pair.new for pair in second}
        heads = [pair for pair in second if pair.previous == status] or [p for p in second if p.previous not in reached]
        ordered.append((heads or second)[0])
        waiting.remove(ordered[-1])
        status = ordered[-1].new
    return ordered


def _place(told: Told, look: Look, pairs: list[StatusChange]) -> list[StatusChange]:
    """Finds the placement, if there is one; returns the pairs after it. The pair that placed it is not a change."""
    for index, pair in enumerate(pairs):
        if pair.previous in look.counted or _may_have_counted(pair.previous, look):
            unseen = look.first or pair.previous not in look.counted  # how it got there was not delivered
            told.placed_at = look.created_at if unseen else pair.created_at
            told.status, told.entered_by = pair.previous, pair.created_at
            return pairs[index:]
        if pair.new in look.counted:
            told.placed_at = told.status_at = pair.created_at
            told.status = pair.new
            return pairs[index + 1 :]
    if look.stale:
        return []
    told.status = look.status
    if look.status in look.counted:
        told.placed_at = look.created_at if look.first else look.modified_at
        told.entered_by = look.now
        if _had_time(look):  # as after a jump: placement told this status, pairs from before it are told no more
            told.jumped_at = look.now
    elif _may_have_counted(look.status, look):
        told.placed_at = look.created_at
    return []


def _may_have_counted(status: int, look: Look) -> bool:
    """What an order was before it ended may have been compacted away. Silent for ever is better than told twice; one
    that still waits to be paid is not silenced: invoices are paid after weeks."""
    return ends(status) and look.now - look.created_at > COMPACTION_LAG


def _step(told: Told, look: Look, pair: StatusChange) -> Step | None:
    """The change of a pair after placement, None when it is not one to tell."""
    if pair.created_at <= told.jumped_at or _led_to_placement(told, look, pair):
        return None
    if pair.created_at > told.status_at or (pair.created_at == told.status_at and pair.previous == told.status):
        told.status, told.status_at = pair.new, pair.created_at
    if pair.new in REFUNDS and look.refunded:
        return None  # the refund itself is told
    return Step(pair.previous, pair.new, pair.created_at, pair.hash)


def _led_to_placement(told: Told, look: Look, pair: StatusChange) -> bool:
    """A late pair from before the order counted, or the one that made it count: placement has told that."""
    if pair.previous in look.counted or told.status == pair.previous:
        return False
    if pair.created_at > max(told.entered_by, told.placed_at or 0):
        return False
    if pair.new in look.counted:
        told.entered_by, told.placed_at = 0, max(told.placed_at or 0, pair.created_at)
    return True


def _remember(told: Told, look: Look, pairs: list[StatusChange]) -> None:
    """Pairs older than the age limit are not told anyway, so they need not be known again."""
    taken = [*told.pairs, *((pair.hash, pair.created_at, pair.new) for pair in pairs)]
    oldest = look.now - AGE_LIMIT
    told.pairs = sorted(pair for pair in taken if pair[1] >= oldest or pair[1] == told.status_at)


def _catch_up(told: Told, look: Look) -> list[Step]:
    """The jump to a status that no pair explains, once it had time to be explained."""
    previous = told.status
    if told.placed_at is None or previous is None or previous == look.status:
        return []
    explained = any(at == told.status_at and new == look.status for _, at, new in told.pairs)
    if explained or (look.status in REFUNDS and look.refunded):
        told.status = look.status
        return []
    if not _had_time(look):
        return []
    # Not the date of the change: its delivery, which may still come, is dated a little later.
    told.status, told.jumped_at = look.status, look.now
    return [Step(previous, look.status, look.modified_at)]


def _had_time(look: Look) -> bool:
    """Whether the delivery of the last change should have come by now."""
    return look.now - look.modified_at >= look.unexplained_after
